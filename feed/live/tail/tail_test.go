package tail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/feed/feedtest"
	"trunkline/feed/live"
	"trunkline/feed/live/tail"
	"trunkline/problem"
	"trunkline/ws"
)

// serve runs a live feed for the tenant alpha.
func serve(t *testing.T, log *feedtest.Log) *httptest.Server {
	t.Helper()
	feed := live.New(log, live.Options{AckInterval: 10 * time.Millisecond})
	mux := http.NewServeMux()
	for _, r := range feed.Routes() {
		mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
			if req.Header.Get("Authorization") != "Bearer secret" {
				problem.Write(w, problem.Detail{Status: 401, Title: "No token"})
				return
			}
			r.Handler.ServeHTTP(w, req.WithContext(auth.With(req.Context(), &auth.Principal{Tenant: "alpha"})))
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		_ = feed.Close(context.Background())
		srv.Close()
	})
	return srv
}

func TestPrintsEverythingAndGoesOn(t *testing.T) {
	log := &feedtest.Log{}
	srv := serve(t, log)
	log.Append("alpha", 500)
	var out bytes.Buffer
	o := tail.Options{URL: srv.URL, Token: "secret", After: "oldest", Out: &out, Check: true, Count: 200}
	res, err := tail.Run(t.Context(), o)
	if err != nil || res.Events != 200 || res.First != 1 || res.Last != 200 || !res.Clean() {
		t.Fatalf("%+v, %v", res, err)
	}
	o.After, o.Count, o.Idle, o.Cursors = res.Cursor, 0, 200*time.Millisecond, true
	res, err = tail.Run(t.Context(), o)
	if err != nil || res.Events != 300 || res.First != 201 {
		t.Fatalf("%+v, %v", res, err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for i, line := range lines {
		var v struct {
			ID     string
			Cursor string
			Event  struct{ ID string }
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("alpha-%d", i+1); i < 200 && v.ID != want || i >= 200 && (v.Event.ID != want || v.Cursor == "") {
			t.Fatalf("line %d: %s", i+1, line)
		}
	}
	if len(lines) != 500 {
		t.Fatalf("%d lines", len(lines))
	}
}

// TestCutsLoseNothing cuts the connections behind the client's back.
func TestCutsLoseNothing(t *testing.T) {
	log := &feedtest.Log{PerBatch: 5}
	srv := serve(t, log)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	const total = 3000
	wg.Add(2)
	started := make(chan struct{})
	go func() {
		defer wg.Done()
		<-started
		for range total / 10 {
			log.Append("alpha", 10)
			time.Sleep(time.Millisecond)
		}
	}()
	go func() {
		defer wg.Done()
		<-started
		for ctx.Err() == nil {
			time.Sleep(30 * time.Millisecond)
			srv.CloseClientConnections()
		}
	}()
	// From now on, with nothing received before the first cut: the place named in the
	// handshake has to do.
	var once sync.Once
	o := tail.Options{URL: srv.URL, Token: "secret", Check: true, Count: total, Consumer: "tail", Explicit: true, Duration: 30 * time.Second,
		HTTP: &http.Client{Transport: dialed(func() { once.Do(func() { close(started) }) })}}
	res, err := tail.Run(ctx, o)
	cancel()
	wg.Wait()
	if err != nil || res.Events != total || res.First != 1 || !res.Clean() {
		t.Fatalf("%+v, %v", res, err)
	}
	t.Logf("%d times reconnected", res.Reconnects)
}

// dialed calls fn after each answer of the server.
type dialed func()

func (fn dialed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	fn()
	return resp, err
}

func TestRefusals(t *testing.T) {
	log := &feedtest.Log{}
	srv := serve(t, log)
	var refused *tail.RefusedError
	_, err := tail.Run(t.Context(), tail.Options{URL: srv.URL, Token: "wrong"})
	if !errors.As(err, &refused) || refused.Status != 401 || refused.Reason != "No token" {
		t.Fatal(err)
	}
	_, err = tail.Run(t.Context(), tail.Options{URL: srv.URL, Token: "secret", After: "rubbish"})
	if !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(err.Error(), "Not a cursor") {
		t.Fatal(err)
	}
	_, err = tail.Run(t.Context(), tail.Options{URL: "http://127.0.0.1:1", Patience: time.Millisecond})
	if err == nil || errors.As(err, &refused) {
		t.Fatal(err)
	}
	for code, back := range map[ws.CloseCode]bool{ws.CodeShutdown: true, ws.CodeUnauthorized: false} {
		closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				_ = c.Close(websocket.StatusCode(code), "the reason")
			}
		}))
		reconnects := 0
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, err = tail.Run(ctx, tail.Options{URL: closing.URL, Reconnect: func(error, time.Duration) { reconnects++ }})
		cancel()
		closing.Close()
		if back != (reconnects > 0) || back != (err == nil) || !back && (!errors.As(err, &refused) || refused.Code != code || refused.Reason != "the reason") {
			t.Errorf("%v: %d reconnects, %v", code, reconnects, err)
		}
	}
}

// TestCheckFinds plays a feed that does everything wrong.
func TestCheckFinds(t *testing.T) {
	for name, c := range map[string]struct {
		seqs                    []int
		types                   string
		gaps, repeats, disorder uint64
	}{
		"clean":              {seqs: []int{5, 6, 7}},
		"a gap":              {seqs: []int{1, 2, 5}, gaps: 2},
		"a repeat":           {seqs: []int{1, 2, 2, 3}, repeats: 1},
		"an old repeat":      {seqs: []int{1, 2, 3, 2, 4}, repeats: 1},
		"late":               {seqs: []int{1, 3, 2, 4}, disorder: 1},
		"late and a gap":     {seqs: []int{1, 5, 3, 6}, gaps: 2, disorder: 1},
		"before the first":   {seqs: []int{4, 5, 3}, disorder: 1},
		"filtered":           {seqs: []int{1, 5, 9}, types: "a"},
		"filtered disorder":  {seqs: []int{1, 9, 5}, types: "a", disorder: 1},
		"filtered and again": {seqs: []int{1, 9, 9}, types: "a", repeats: 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				for _, seq := range c.seqs {
					_ = conn.Write(r.Context(), websocket.MessageText, fmt.Appendf(nil, `{"cursor":"c","event":{"sequence":%d}}`, seq))
				}
				_, _, _ = conn.Read(r.Context())
			}))
			defer srv.Close()
			res, err := tail.Run(t.Context(), tail.Options{URL: srv.URL, Check: true, Types: c.types, Count: uint64(len(c.seqs))})
			if err != nil || res.Gaps != c.gaps || res.Repeats != c.repeats || res.Disorder != c.disorder {
				t.Fatalf("%+v, %v", res, err)
			}
			if res.Clean() != (len(res.Findings) == 0) {
				t.Fatal(res.Findings)
			}
		})
	}
}
