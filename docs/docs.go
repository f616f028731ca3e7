// Package docs holds the documentation. Most of it is for people and stays in the
// repository; what programs read is served by the server under [Path].
package docs

import (
	_ "embed"
	"net/http"
	"strconv"

	"trunkline/auth"
)

// Path is where documents are served.
const Path = "/docs/"

//go:embed asyncapi.yaml
var asyncAPI []byte

// AsyncAPI is the AsyncAPI document of what is sent to those who listen.
func AsyncAPI() []byte { return asyncAPI }

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI is the OpenAPI document of the endpoints.
func OpenAPI() []byte { return openAPI }

// Routes are the endpoints of the documents: open to everybody.
func Routes() []auth.Route {
	return []auth.Route{{Pattern: "GET " + Path + "asyncapi.yaml", Handler: serve(asyncAPI)}, {Pattern: "GET " + Path + "openapi.yaml", Handler: serve(openAPI)}}
}

func serve(document []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Header().Set("Content-Length", strconv.Itoa(len(document)))
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(document) // the client may be gone
	}
}
