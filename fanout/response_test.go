package fanout_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"trunkline/fanout"
)

// After the handler has returned, nothing of its response is touched any more,
// however the writing goroutine comes upon that; the race detector tells.
func TestResponseIsLeftAloneAfterItsHandler(t *testing.T) {
	writers := make(chan error, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := fanout.NewResponseConn(w)
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			for {
				if err := c.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
					writers <- err
					return
				}
				_, _ = c.Write([]byte("data: x\n\n"))
			}
		}()
		c.Wait(r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 2 {
			t.Fatalf("served with %s", resp.Proto)
		}
		if _, err := resp.Body.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = resp.Body.Close()
		select {
		case err := <-writers:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("the writer was told %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the writer was not told that the response is over")
		}
	}
}
