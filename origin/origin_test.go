package origin_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"trunkline/origin"
)

func request(remote string, headers ...string) *http.Request {
	r := &http.Request{Host: "hub:8090", RemoteAddr: remote, Header: http.Header{}}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestResolve(t *testing.T) {
	trusted, err := origin.Parse([]string{"127.0.0.1", "10.1.0.0/16", "fd00::/8", "::ffff:192.0.2.0/120"})
	if err != nil {
		t.Fatal(err)
	}
	const https, host = "X-Forwarded-Proto: https", "X-Forwarded-Host: events.example.com"
	for _, tt := range []struct {
		name    string
		r       *http.Request
		remote  string
		reached string
	}{
		{"a client", request("198.51.100.7:4000"), "198.51.100.7:4000", "http://hub:8090"},
		{"a client that says what it likes", request("198.51.100.7:4000", https, host, "X-Forwarded-For: 1.1.1.1"), "198.51.100.7:4000", "http://hub:8090"},
		{"a proxy that says nothing", request("127.0.0.1:4000"), "127.0.0.1:4000", "http://hub:8090"},
		{"a proxy", request("127.0.0.1:4000", https, host, "X-Forwarded-For: 198.51.100.7"), "198.51.100.7:0", "https://events.example.com"},
		{"of a network", request("10.1.2.3:4000", "X-Forwarded-Proto: HTTPS"), "10.1.2.3:4000", "https://hub:8090"},
		{"beside the network", request("10.2.0.1:4000", https), "10.2.0.1:4000", "http://hub:8090"},
		{"IPv6", request("[fd00::1]:4000", "X-Forwarded-For: 2001:db8::7"), "[2001:db8::7]:0", "http://hub:8090"},
		{"IPv4 in IPv6", request("[::ffff:192.0.2.9]:4000", host), "[::ffff:192.0.2.9]:4000", "http://events.example.com"},
		{"two proxies", request("127.0.0.1:4000", "X-Forwarded-For: 198.51.100.7, 10.1.0.9"), "198.51.100.7:0", "http://hub:8090"},
		{"what the client itself said", request("127.0.0.1:4000", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 198.51.100.7, 10.1.0.9"), "198.51.100.7:0", "http://hub:8090"},
		{"only proxies", request("127.0.0.1:4000", "X-Forwarded-For: 10.1.0.8, 10.1.0.9"), "10.1.0.8:0", "http://hub:8090"},
		{"with ports", request("127.0.0.1:4000", "X-Forwarded-For: [2001:db8::7]:99, 10.1.0.9:80"), "[2001:db8::7]:0", "http://hub:8090"},
		{"nonsense behind a proxy", request("127.0.0.1:4000", "X-Forwarded-For: unknown, 10.1.0.9"), "10.1.0.9:0", "http://hub:8090"},
		{"nonsense", request("127.0.0.1:4000", "X-Forwarded-For: x", "X-Forwarded-Proto: javascript", "X-Forwarded-Host: a b/c"), "127.0.0.1:4000", "http://hub:8090"},
		{"several hosts", request("127.0.0.1:4000", "X-Forwarded-Host: evil.example, events.example.com"), "127.0.0.1:4000", "http://events.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was := tt.r.RemoteAddr + tt.r.Host
			got := trusted.Resolve(tt.r)
			if got.RemoteAddr != tt.remote || origin.Of(got) != tt.reached {
				t.Errorf("from %s by %s, want from %s by %s", got.RemoteAddr, origin.Of(got), tt.remote, tt.reached)
			}
			if tt.r.RemoteAddr+tt.r.Host != was {
				t.Error("the request itself was changed")
			}
			if nobody := origin.Proxies(nil).Resolve(tt.r); nobody != tt.r || origin.Of(nobody) != "http://hub:8090" {
				t.Errorf("without proxies: %s", origin.Of(nobody))
			}
		})
	}
}

func TestOfTLS(t *testing.T) {
	r := request("127.0.0.1:4000")
	r.TLS = new(tls.ConnectionState)
	if got := origin.Of(r); got != "https://hub:8090" {
		t.Errorf("by TLS: %s", got)
	}
	r.Header.Set("X-Forwarded-Proto", "http")
	if got := origin.Of(r); got != "https://hub:8090" {
		t.Errorf("by TLS, whatever the client says: %s", got)
	}
	proxies, err := origin.Parse([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	if got := origin.Of(proxies.Resolve(r)); got != "http://hub:8090" {
		t.Errorf("from a proxy with TLS that was reached without: %s", got)
	}
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "localhost", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "*"} {
		if got, err := origin.Parse([]string{bad}); err == nil || !strings.Contains(err.Error(), "10.1.0.0/16") {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	proxies, err := origin.Parse([]string{"127.0.0.1", "10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	r := request("198.51.100.7:4000", "X-Forwarded-Proto: https")
	if n := testing.AllocsPerRun(100, func() { proxies.Resolve(r) }); n != 0 {
		t.Errorf("%v allocations for a request that comes from no proxy", n)
	}
}
