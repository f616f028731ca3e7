package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/replay"
)

const (
	captureFile = "../source/asterisk/testdata/ami-capture.txt.gz"
	eslFile     = "../source/freeswitch/testdata/esl-capture.txt.gz"
	eslTiming   = "../source/freeswitch/testdata/esl-capture.timing.jsonl.gz"
	timingFile  = "../source/asterisk/testdata/ami-capture.timing.jsonl.gz"

	queueLogFile = "../source/asterisk/testdata/queue_log"
)

// server takes events as Trunkline does: in order, each identity once.
type server struct {
	mu     sync.Mutex
	seen   map[string]bool
	events []event.Event
	bodies []string
	at     []time.Time
	// refuse may answer in the server's place.
	refuse func(n int, body []byte) *http.Response
}

func newServer() *server { return &server{seen: make(map[string]bool)} }

func reply(status int, header map[string]string, body string) *http.Response {
	res := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
	}
	for k, v := range header {
		res.Header.Set(k, v)
	}
	return res
}

// RoundTrip makes the server an http.RoundTripper, so that no socket is needed.
func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, string(body))
	s.at = append(s.at, time.Now())
	if req.Method != http.MethodPost || req.URL.Path != "/v1/events" || req.Header.Get("Content-Type") != "application/x-ndjson" {
		return reply(http.StatusNotFound, nil, ""), nil
	}
	if req.Header.Get("Authorization") != "Bearer secret" {
		return reply(http.StatusUnauthorized, nil, `{"title":"Unauthorized","detail":"no token"}`), nil
	}
	if s.refuse != nil {
		if res := s.refuse(len(s.bodies), body); res != nil {
			if res.StatusCode == 0 {
				return nil, errors.New("connection reset")
			}
			return res, nil
		}
	}
	events, err := event.ParseNDJSON(body, event.DefaultLimits())
	if err != nil {
		return reply(http.StatusBadRequest, nil, fmt.Sprintf(`{"title":"Bad Request","detail":%q}`, err)), nil
	}
	accepted, duplicates := 0, 0
	for _, e := range events {
		key := e.Source + " " + e.ID
		if s.seen[key] {
			duplicates++
			continue
		}
		s.seen[key] = true
		accepted++
		s.events = append(s.events, e)
	}
	return reply(http.StatusOK, nil, fmt.Sprintf(`{"accepted":%d,"duplicates":%d,"conflicts":0,"cursor":"c%d","durability":"fsync"}`,
		accepted, duplicates, len(s.events))), nil
}

func (s *server) options(o replay.Options) replay.Options {
	o.URL, o.Token, o.Client = "http://hub.example/", "secret", &http.Client{Transport: s}
	return o
}

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func timing(t *testing.T) []replay.Read {
	t.Helper()
	plain, err := replay.Plain(open(t, timingFile))
	if err != nil {
		t.Fatal(err)
	}
	reads, err := replay.ReadTiming(plain)
	if err != nil {
		t.Fatal(err)
	}
	return reads
}

func TestTheCaptureIsReplayedOnce(t *testing.T) {
	s := newServer()
	o := s.options(replay.Options{Format: replay.FormatAMI, Timing: timing(t)})
	sum, err := replay.Run(t.Context(), open(t, captureFile), o)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Sent != 554 || sum.Accepted != 554 || sum.Duplicates != 0 || sum.Requests != 3 || sum.Open != 0 || sum.Faults != 0 ||
		sum.Cursor != "c554" || sum.Durability != "fsync" || sum.Types["interaction.queued"] != 81 {
		t.Errorf("got %+v", sum)
	}
	sum, err = replay.Run(t.Context(), open(t, captureFile), o)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Accepted != 0 || sum.Duplicates != 554 {
		t.Errorf("the second time: got %+v", sum)
	}
}

func TestOverARealConnection(t *testing.T) {
	s := newServer()
	conns := make(map[string]bool)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conns[r.RemoteAddr] = true
		r.URL.Scheme, r.URL.Host = "http", r.Host
		res, err := s.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	defer ts.Close()
	sum, err := replay.Run(t.Context(), open(t, captureFile), replay.Options{Format: replay.FormatAMI, URL: ts.URL, Token: "secret", Batch: 10})
	if err != nil || sum.Accepted != 554 || sum.Requests != 56 {
		t.Errorf("got %+v, %v", sum, err)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections, want one that is kept", len(conns))
	}
}

func line(id int, at time.Time) string {
	e, err := event.Encode(event.Meta{ID: fmt.Sprint(id), Source: "test", Time: at},
		event.InteractionHeld{Ref: event.Ref{Interaction: "i", Media: event.MediaPhone}})
	if err != nil {
		panic(err)
	}
	return string(e.Raw) + "\n"
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestPace(t *testing.T) {
	file := line(1, noon) + line(2, noon.Add(time.Millisecond)) + line(3, noon.Add(10*time.Second)) + line(4, time.Time{}) +
		line(5, noon.Add(9*time.Second)) + line(6, noon.Add(20*time.Second))
	for _, c := range []struct {
		speed float64
		want  string // when each request is sent, and how many events it has
	}{
		{0, "0s:6"},
		{1, "0s:2 10s:3 20s:1"},
		{10, "0s:2 1s:3 2s:1"},
		{0.5, "0s:2 20s:3 40s:1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			start := time.Now()
			// What is in hand goes out before a wait, so the times of sending
			// are those at which the next event is awaited.
			_, err := replay.Run(t.Context(), strings.NewReader(file), s.options(replay.Options{Format: replay.FormatNDJSON, Speed: c.speed}))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, body := range s.bodies {
				got = append(got, fmt.Sprintf("%v:%d", s.at[i].Sub(start), strings.Count(body, "\n")))
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("speed %v: got %s, want %s", c.speed, g, c.want)
			}
		})
	}
}

func TestABatchIsRepeatedUnderTheSameIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		start := time.Now()
		s.refuse = func(n int, _ []byte) *http.Response {
			switch n {
			case 1:
				return reply(http.StatusTooManyRequests, map[string]string{"Retry-After": "2"}, `{"title":"Too Many Requests"}`)
			case 2:
				return reply(http.StatusServiceUnavailable, nil, `{"title":"unknown","detail":"repeat with the same ids"}`)
			case 3:
				return &http.Response{}
			}
			return nil
		}
		var retries []string
		o := s.options(replay.Options{Format: replay.FormatNDJSON, Progress: func(p replay.Progress) {
			if p.Retry != "" {
				retries = append(retries, p.Retry)
			}
		}})
		sum, err := replay.Run(t.Context(), strings.NewReader(line(1, noon)), o)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Accepted != 1 || sum.Retries != 3 || len(retries) != 3 || !strings.Contains(retries[1], "repeat with the same ids") {
			t.Errorf("got %+v, %q", sum, retries)
		}
		for _, b := range s.bodies {
			if b != s.bodies[0] {
				t.Error("a repeated request differs")
			}
		}
		if wait := s.at[1].Sub(start); wait != 2*time.Second {
			t.Errorf("Retry-After 2 is followed by a wait of %v", wait)
		}
	})
}

func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.refuse = func(int, []byte) *http.Response { return reply(http.StatusServiceUnavailable, nil, "") }
		start := time.Now()
		_, err := replay.Run(t.Context(), strings.NewReader(line(1, noon)), s.options(replay.Options{Format: replay.FormatNDJSON, Patience: 30 * time.Second}))
		if !errors.Is(err, replay.ErrGaveUp) || time.Since(start) > 30*time.Second || len(s.bodies) < 8 {
			t.Errorf("got %v after %v and %d requests", err, time.Since(start), len(s.bodies))
		}
	})
}

func TestCancelledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s := newServer()
		sum, err := replay.Run(ctx, strings.NewReader(line(1, noon)+line(2, noon.Add(time.Hour))), s.options(replay.Options{Format: replay.FormatNDJSON, Speed: 1}))
		if !errors.Is(err, context.DeadlineExceeded) || sum.Accepted != 1 {
			t.Errorf("got %v and %+v", err, sum)
		}
	})
}

func TestTooLargeBatchesAreHalved(t *testing.T) {
	s := newServer()
	s.refuse = func(_ int, body []byte) *http.Response {
		if bytes.Count(body, []byte("\n")) > 3 {
			return reply(http.StatusRequestEntityTooLarge, nil, "")
		}
		return nil
	}
	var file strings.Builder
	for i := range 10 {
		file.WriteString(line(i, noon))
	}
	sum, err := replay.Run(t.Context(), strings.NewReader(file.String()), s.options(replay.Options{Format: replay.FormatNDJSON}))
	if err != nil || sum.Accepted != 10 {
		t.Fatalf("got %+v, %v", sum, err)
	}
	for i, e := range s.events {
		if e.ID != fmt.Sprint(i) {
			t.Errorf("event %d is %s", i, e.ID)
		}
	}
}

func TestRefusals(t *testing.T) {
	good := line(1, noon)
	cases := []struct {
		name, file, want string
		change           func(*replay.Options)
	}{
		{"a wrong token", good, "401 Unauthorized: no token", func(o *replay.Options) { o.Token = "other" }},
		{"an invalid event", good + `{"specversion":"1.0"}` + "\n", "line 2", nil},
		{"a line that is no JSON", "hello\n", "line 1", nil},
		{"an unknown format", good, `unknown format "csv", must be one of ami, `, func(o *replay.Options) { o.Format = "csv" }},
		{"a negative speed", good, "a speed of -1", func(o *replay.Options) { o.Speed = -1 }},
		{"too large a batch", good, "10001 events", func(o *replay.Options) { o.Batch = 10_001 }},
		{"no URL", good, "no http or https URL", func(o *replay.Options) { o.URL = "localhost:8090" }},
		{"timing of a file of events", good, "formats ami and esl only", func(o *replay.Options) { o.Timing = []replay.Read{{Len: 1}} }},
		{"timing of a longer capture", "Event: A\r\n\r\n", "the capture is shorter", func(o *replay.Options) {
			o.Format, o.Timing = replay.FormatAMI, []replay.Read{{At: noon, Len: 100}}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := newServer().options(replay.Options{Format: replay.FormatNDJSON})
			if c.change != nil {
				c.change(&o)
			}
			if _, err := replay.Run(t.Context(), strings.NewReader(c.file), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, format := range replay.Formats() {
			s := newServer()
			in := io.Reader(strings.NewReader(line(1, noon) + line(2, noon.Add(time.Minute))))
			if format == "ami" {
				in = open(t, captureFile)
			}
			if format == "queue_log" {
				in = open(t, queueLogFile)
			}
			if format == "esl" {
				in = open(t, eslFile)
			}
			o := s.options(replay.Options{Format: replay.Format(format), Now: true})
			if _, err := replay.Run(t.Context(), in, o); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(s.events[0].Time); d < 0 || d > time.Second {
				t.Errorf("%s: the first event is at %v, now is %v", format, s.events[0].Time, time.Now())
			}
			if format == "ndjson" && (s.events[1].Time.Sub(s.events[0].Time) != time.Minute || s.events[0].ID == "1") {
				t.Errorf("got %s and %s", s.events[0].Raw, s.events[1].Raw)
			}
		}
	})
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	sum, err := replay.Run(t.Context(), open(t, captureFile), replay.Options{Format: replay.FormatAMI, Print: &out, Tenant: "acme"})
	if err != nil || sum.Sent != 554 {
		t.Fatalf("got %+v, %v", sum, err)
	}
	n := 0
	for l := range strings.Lines(out.String()) {
		var e struct{ Tenant, Source string }
		if err := json.Unmarshal([]byte(l), &e); err != nil || e.Tenant != "acme" || e.Source != "asterisk/pbx1" {
			t.Fatalf("%v in %s", err, l)
		}
		n++
	}
	if n != 554 {
		t.Errorf("%d lines", n)
	}
	// What was printed can be sent.
	s := newServer()
	if sum, err := replay.Run(t.Context(), &out, s.options(replay.Options{Format: replay.FormatNDJSON})); err != nil || sum.Accepted != 554 {
		t.Errorf("got %+v, %v", sum, err)
	}
}

func TestSummaryForPeople(t *testing.T) {
	var b strings.Builder
	sum := replay.Summary{Types: map[string]int{"interaction.queued": 2, "source.up": 1}, Sent: 3, Accepted: 3, Requests: 1,
		Cursor: "c3", Durability: "fsync", Faults: 1, FirstFault: errors.New("offset 3"), Open: 2}
	if err := sum.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"interaction.queued        2\n", "sent                      3\n", "accepted 3, duplicates 0", "cursor c3\n",
		"durability fsync\n", "1 places of the capture could not be read, the first: offset 3", "2 interactions had not ended"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var term, plain strings.Builder
		bars := []*replay.Bar{replay.NewBar(&term, true), replay.NewBar(&plain, false)}
		for i := range int64(21) {
			for _, b := range bars {
				b.Update(replay.Progress{Read: i * 5, Size: 100, Sent: int(i), At: noon})
			}
			time.Sleep(time.Second)
		}
		for _, b := range bars {
			b.Update(replay.Progress{Read: 100, Size: 100, Sent: 20, Retry: "503"})
			b.Done()
		}
		if got := term.String(); !strings.HasPrefix(got, "\r[........................]   0% 0 events") || strings.Contains(got, "\n") ||
			!strings.Contains(got, "[############............]  50% 10 events, 1/s, at 12:00:00") || !strings.HasSuffix(got, " \r") {
			t.Errorf("terminal: %q", got)
		}
		want := " 25% 5 events, 1/s, at 12:00:00\n 50% 10 events, 1/s, at 12:00:00\n 75% 15 events, 1/s, at 12:00:00\n" +
			"100% 20 events, 1/s, at 12:00:00\n100% 20 events, 1/s, again: 503\n"
		if got := plain.String(); got != want {
			t.Errorf("plain:\n%swant:\n%s", got, want)
		}
	})
}
