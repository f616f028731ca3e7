package endpoint_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/feed/push/endpoint"
	"trunkline/internal/devcert"
)

func TestTheEndpoint(t *testing.T) {
	files, err := devcert.WriteSet(t.TempDir(), "sender", devcert.Terms{}, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(files.ClientKey); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has %v, %v", info.Mode(), err)
	}
	if _, err := devcert.WriteSet(t.TempDir(), "sender", devcert.Terms{}); err == nil {
		t.Error("a server's certificate without a host was made")
	}
	pem, err := os.ReadFile(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(files.ClientCert, files.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}}
	defer tr.CloseIdleConnections()
	run := func(o endpoint.Options, ids ...string) (statuses []int, sum endpoint.Summary, out string) {
		var buf bytes.Buffer
		o.Addr, o.Cert, o.Key, o.ClientCA, o.Out = "127.0.0.1:0", files.ServerCert, files.ServerKey, files.CA, &buf
		ready := make(chan string, 1)
		o.Ready = func(url string) { ready <- url }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			var err error
			if sum, err = endpoint.Run(ctx, o); err != nil {
				t.Error(err)
			}
		})
		url := <-ready
		for _, id := range ids {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("webhook-id", id)
			resp, err := tr.RoundTrip(req)
			if err != nil {
				statuses = append(statuses, 0)
				continue
			}
			_ = resp.Body.Close()
			statuses = append(statuses, resp.StatusCode)
		}
		if o.Count == 0 {
			cancel()
		}
		wg.Wait()
		return statuses, sum, buf.String()
	}
	statuses, sum, out := run(endpoint.Options{Count: 2}, "1", "1", "2")
	if len(statuses) != 3 || sum != (endpoint.Summary{Requests: 3, Events: 2, Repeats: 1}) || !strings.Contains(out, `{"webhook_id":"1","repeat":true,"client":"CN=sender","body":{"a":1}}`) {
		t.Errorf("%v %+v %s", statuses, sum, out)
	}
	if statuses, sum, out := run(endpoint.Options{Fail: 1, Status: 503}, "1"); statuses[0] != 503 || sum.Failed != 1 || out != "" {
		t.Errorf("fail: %v %+v %s", statuses, sum, out)
	}
	if statuses, sum, _ := run(endpoint.Options{Reset: 1}, "1"); statuses[0] != 0 || sum.Failed == 0 {
		t.Errorf("reset: %v %+v", statuses, sum)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, o := range []endpoint.Options{{Fail: 1.1}, {Hang: -0.1}, {Fail: 0.6, Reset: 0.5}, {Cert: "x"}, {ClientCA: "x"}, {Status: 200}, {Delay: -1}, {Cert: "none", Key: "none"}} {
		if _, err := endpoint.Run(t.Context(), o); !errors.Is(err, endpoint.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
