package jsonhttp

import (
	"net/http"
	"strings"
)

// Origin is how the client of a request reaches the server, as https://host: by the host that
// it asked, and by TLS when it came by TLS or by a proxy that says so. Only the client's own
// answer depends on what it claims.
func Origin(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
