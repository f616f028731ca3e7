package measures_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/event"
	"trunkline/feed/measures"
	"trunkline/sim"
	"trunkline/webhook"
)

// sink is an endpoint that keeps what it is told as a client on a WebSocket does.
type sink struct {
	*httptest.Server

	mu       sync.Mutex // guards what is below
	values   map[string]map[string]string
	initial  int
	live     int
	marker   bool
	tokens   map[string]int
	answer   int // 0: 200
	attempts int
	wrong    []string
}

func newSink(t *testing.T) *sink {
	s := &sink{values: map[string]map[string]string{}, tokens: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	if s.answer != 0 {
		w.WriteHeader(s.answer)
		return
	}
	s.tokens[r.Header.Get("X-Key")]++
	if r.Header.Get("Webhook-Id") == "" || r.Header.Get("Content-Type") != "application/json" {
		s.wrong = append(s.wrong, fmt.Sprint(r.Header))
	}
	if strings.Contains(string(raw), `"event":"initialized"`) {
		s.marker = true
		return
	}
	var m measures.EventData
	if err := json.Unmarshal(raw, &m); err != nil {
		s.wrong = append(s.wrong, string(raw))
	}
	key := keyOf(m)
	switch m.PayloadType {
	case "INITIALIZING":
		if s.marker || s.live > 0 {
			s.wrong = append(s.wrong, "INITIALIZING behind LIVE: "+key)
		}
		s.initial++
	default:
		s.live++
	}
	if m.EventAction == "DELETE" {
		delete(s.values, key)
	} else {
		s.values[key] = m.Measures
	}
}

func (s *sink) set(answer int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.attempts = answer, 0
}

// wait waits until the endpoint has seen something.
func (s *sink) wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		ok := done()
		s.mu.Unlock()
		switch {
		case ok:
			return
		case time.Now().After(end):
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("%s did not come: %d keys, %d initial, %d live, %d attempts", what, len(s.values), s.initial, s.live, s.attempts)
		}
	}
}

func (s *sink) equals(t *testing.T, e *edge, producer string) {
	t.Helper()
	want := e.stage.snapshot(tenant, producer)
	s.wait(t, "what the floor has", func() bool { return maps.EqualFunc(s.values, want, maps.Equal) })
}

func hooks() *measures.Webhooks {
	return &measures.Webhooks{Guard: webhook.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, PlainHTTP: true, Pause: 10 * time.Millisecond}
}

func hookBody(url, producer, more string) string {
	return `{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBHOOK","endpoint":"` + url + `","authToken":"k1","authTokenHeader":"X-Key"},"extensions":{"measureProducerId":"` +
		producer + `"` + more + `}}`
}

// A webhook gets the snapshot, then what changes, however its endpoint fails; it goes on where another process left it.
func TestWebhooks(t *testing.T) {
	kv := control.NewMemory()
	e := serve(t, measures.Options{Webhooks: hooks(), Subscriptions: kv})
	centre, err := sim.New(sim.Config{Tenant: tenant, Seed: 9, Agents: 20, Start: morning, Load: 1.1, Busy: true})
	if err != nil {
		t.Fatal(err)
	}
	run := func(facts int) {
		for range facts {
			item, _ := centre.Next()
			e.stage.fact(tenant, &item.Meta, item.Fact)
		}
	}
	run(500)
	token, s := e.token(t, tenant), newSink(t)
	var sub measures.Subscription
	if status := e.ask(t, "POST", subscriptions, token, hookBody(s.URL, "AgentByQueue_itd", `,"initializedMarker":"true"`), &sub); status != 201 ||
		sub.Status != "ACTIVE" || sub.Transport.Type != "WEBHOOK" || sub.Transport.Endpoint != s.URL || sub.Transport.AuthTokenHeader != "X-Key" || sub.Transport.PingInterval != 0 {
		t.Fatalf("%d %+v", status, sub)
	}
	s.equals(t, e, "AgentByQueue")
	run(500)
	s.equals(t, e, "AgentByQueue")
	s.set(503)
	run(500)
	s.wait(t, "attempts", func() bool { return s.attempts >= 3 })
	s.set(0)
	s.equals(t, e, "AgentByQueue")
	if c := e.dial(t, "/ws/notification"); c.authenticate(t, `{"subscriptionId":"`+sub.ID+`","token":"`+token+`"}`) != "CONNECTION_FAILED_CONSTRAINT_VIOLATION" {
		t.Error("a WebSocket is let in to a subscription with a webhook")
	}
	s.mu.Lock()
	s.marker, s.live = false, 0
	s.mu.Unlock()
	if status := e.ask(t, "POST", subscriptions+"/"+sub.ID+":renew", token, `{"transport":{"authToken":"k2"}}`, nil); status != 200 {
		t.Fatal(status)
	}
	s.wait(t, "the new token", func() bool { return s.marker && s.tokens["k2"] > 0 })
	run(100)
	s.equals(t, e, "AgentByQueue")
	s.mu.Lock()
	if len(s.wrong) > 0 || !s.marker || s.tokens["k1"] == 0 || s.tokens[""] != 0 {
		t.Errorf("marker %v, tokens %v, %q", s.marker, s.tokens, s.wrong)
	}
	s.mu.Unlock()
	s.set(410)
	run(500)
	s.wait(t, "the end", func() bool {
		var now measures.Subscription
		e.ask(t, "GET", subscriptions+"/"+sub.ID, token, "", &now)
		return now.Status == "INACTIVE"
	})
	if status := e.ask(t, "DELETE", subscriptions+"/"+sub.ID, token, "", nil); status != 204 {
		t.Error(status)
	}
	for end := time.Now().Add(time.Minute); e.feed.Stats().Webhooks+e.feed.Stats().Rooms > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", e.feed.Stats())
		}
	}
}

// What a subscription of another process asks for is delivered by this one.
func TestWebhooksSurviveARestart(t *testing.T) {
	kv, st := control.NewMemory(), serve(t, measures.Options{})
	st.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One"})
	s := newSink(t)
	s.set(500)
	// The first process cannot reach the endpoint.
	first := serveStage(t, st.stage, measures.Options{Webhooks: hooks(), Subscriptions: kv})
	if status := first.ask(t, "POST", subscriptions, first.token(t, tenant), hookBody(s.URL, "Queue", ""), nil); status != 400 {
		t.Fatalf("a producer that there is not: %d", status)
	}
	if status := first.ask(t, "POST", subscriptions, first.token(t, tenant), hookBody(s.URL, "Queue_itd", ""), nil); status != 201 {
		t.Fatal(status)
	}
	s.wait(t, "an attempt", func() bool { return s.attempts > 0 })
	if err := first.feed.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.set(0)
	second := serveStage(t, st.stage, measures.Options{Webhooks: hooks(), Subscriptions: kv})
	s.equals(t, second, "Queue")
}

// A webhook leads nowhere where it must not.
func TestWebhooksThatAreRefused(t *testing.T) {
	e := serve(t, measures.Options{Webhooks: &measures.Webhooks{}})
	token := e.token(t, tenant)
	good := hookBody("https://example.com/x", "Queue_itd", "")
	for body, field := range map[string]string{
		good:                          "",
		hookBody("", "Queue_itd", ""): "transport.endpoint",
		hookBody("http://example.com/x", "Queue_itd", ""):                     "transport.endpoint",
		hookBody("https://me:secret@example.com/x", "Queue_itd", ""):          "transport.endpoint",
		hookBody("/x", "Queue_itd", ""):                                       "transport.endpoint",
		hookBody("https://e.com/"+strings.Repeat("x", 3000), "Queue_itd", ""): "transport.endpoint",
		strings.Replace(good, "X-Key", "Content-Type", 1):                     "transport.authTokenHeader",
		strings.Replace(good, "X-Key", "a b", 1):                              "transport.authTokenHeader",
		strings.Replace(good, `"k1"`, `"a\nb"`, 1):                            "transport.authTokenHeader",
	} {
		var p struct{ Violations []measures.Violation }
		status := e.ask(t, "POST", subscriptions, token, body, &p)
		if field == "" && status != 201 || field != "" && (status != 400 || len(p.Violations) == 0 || p.Violations[0].Field != field) {
			t.Errorf("%.200s: %d %+v", body, status, p)
		}
	}
	// The token is never shown.
	var page json.RawMessage
	if e.ask(t, "GET", subscriptions, token, "", &page); strings.Contains(string(page), "k1") {
		t.Errorf("%s", page)
	}
	s := newSink(t)
	inside := serve(t, measures.Options{Webhooks: &measures.Webhooks{PlainHTTP: true, Pause: time.Millisecond}})
	if status := inside.ask(t, "POST", subscriptions, inside.token(t, tenant), hookBody(s.URL, "Queue_itd", ""), nil); status != 201 {
		t.Fatal(status)
	}
	inside.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One"})
	time.Sleep(50 * time.Millisecond) // long enough for dozens of attempts
	if s.wait(t, "nothing", func() bool { return true }); s.attempts > 0 {
		t.Error("an address of the inside was dialled")
	}
}
