package jsonhttp_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"trunkline/jsonhttp"
)

func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		tls       *tls.ConnectionState
		forwarded string
		want      string
	}{
		{nil, "", "http://hub:8090"}, {nil, "http", "http://hub:8090"}, {nil, "javascript", "http://hub:8090"},
		{nil, "HTTPS", "https://hub:8090"}, {new(tls.ConnectionState), "", "https://hub:8090"}, {new(tls.ConnectionState), "http", "https://hub:8090"},
	} {
		r := &http.Request{Host: "hub:8090", TLS: tt.tls, Header: http.Header{}}
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-Proto", tt.forwarded)
		}
		if got := jsonhttp.Origin(r); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
