package hub

import (
	"net/http"

	"trunkline/auth"
)

const (
	hubPath   = "/rte"
	tokenPath = "/token/{user}/rte"
)

// Routes lists the endpoints. They take tokens of their own, and look at them themselves.
func (f *Feed) Routes() []auth.Route {
	public := func(pattern string, h http.HandlerFunc) auth.Route { return auth.Route{Pattern: pattern, Handler: h} }
	return []auth.Route{
		public("GET "+tokenPath+"/{$}", f.token),
		public("GET "+tokenPath, f.token),
		public("OPTIONS "+tokenPath+"/{$}", f.server.Preflight),
		public("OPTIONS "+tokenPath, f.server.Preflight),
		public("POST "+hubPath+"/negotiate", f.server.Negotiate),
		public("OPTIONS "+hubPath+"/negotiate", f.server.Preflight),
		public("GET "+hubPath, f.server.Connect),
		public("POST "+hubPath, f.server.Post),
		public("DELETE "+hubPath, f.server.Delete),
		public("OPTIONS "+hubPath, f.server.Preflight),
	}
}
