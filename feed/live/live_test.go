package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/feed/feedtest"
	"trunkline/feed/live"
	"trunkline/ws"
)

// closed reads until the connection ends and gives the close code and reason.
func (s *socket) closed(t testing.TB) (ws.CloseCode, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := s.message(ctx); err != nil {
			return ws.CloseCode(websocket.CloseStatus(err)), err.Error()
		}
	}
}

func need(t testing.TB, r feedtest.Reader, seqs ...uint64) (cursor string) {
	t.Helper()
	for _, seq := range seqs {
		e, err := r.Next()
		if err != nil || e.Seq != seq {
			t.Fatalf("got event %d, %v; want %d", e.Seq, err, seq)
		}
		cursor = e.Cursor
	}
	return cursor
}

// eventually waits for what another goroutine does soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestFiltersAndStart(t *testing.T) {
	log := &feedtest.Log{PerBatch: 3}
	e := serve(t, log, live.Options{}, false)
	log.Append("alpha", 20)
	byType := e.socket(t, "alpha", "after=oldest&types=agent.*")
	bySubject := e.socket(t, "alpha", "after=oldest&subject=interaction/3")
	both := e.stream(t, "alpha", "after=oldest&subject=interaction/3&types=interaction.*", "")
	now := e.socket(t, "alpha", "")
	empty := e.socket(t, "alpha", "after=")
	need(t, bySubject, 3, 13)
	need(t, both, 3, 13)
	log.AppendRaw("alpha", []byte("{\n \"specversion\":\"1.0\",\r\n\"id\":\"x\",\"source\":\"/t\",\"type\":\"agent.status_changed\",\"data\":{\n\"a\":\"b\\n\"}\n}"))
	need(t, byType, 21)
	need(t, now, 21)
	need(t, empty, 21)
	log.Append("alpha", 12)
	need(t, bySubject, 23, 33)
	need(t, both, 23, 33)

	// The place where a connection started is known before its first event.
	if now.start == "" {
		t.Fatal("no start cursor in the answer")
	}
	again := e.socket(t, "alpha", after(now.start))
	need(t, again, 21, 22, 23)

	// Events that were sent on several lines arrive on one.
	s := e.stream(t, "alpha", after(now.start), "")
	ev, err := s.event()
	if err != nil || ev.kind != "agent.status_changed" || !json.Valid([]byte(ev.data)) || !strings.Contains(ev.data, `{"a":"b\n"}`) {
		t.Fatalf("%+v, %v", ev, err)
	}
}

func TestLastEventID(t *testing.T) {
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{}, false)
	log.Append("alpha", 10)
	s := e.stream(t, "alpha", "after=oldest", "")
	need(t, s, 1, 2, 3, 4)
	back := e.stream(t, "alpha", "after=oldest", s.last)
	need(t, back, 5, 6)

	idle := e.stream(t, "alpha", "", "")
	line, _ := idle.lines.ReadString('\n')
	id, err := idle.lines.ReadString('\n')
	if err != nil || line != "retry: 2000\n" || !strings.HasPrefix(id, "id: c1") {
		t.Fatalf("%q %q %v", line, id, err)
	}
	log.Append("alpha", 1)
	back = e.stream(t, "alpha", "", strings.TrimSpace(id[4:]))
	need(t, back, 11)
}

func TestOvertakenEpochAndDamage(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(*feedtest.Log)
		code   ws.CloseCode
		reason string
	}{
		"overtaken": {func(l *feedtest.Log) { l.Trim("alpha", 90_000) }, ws.CodeLiveOvertaken, "to 90000 are no longer kept"},
		"epoch":     {func(l *feedtest.Log) { l.NewEpoch("alpha") }, ws.CodeLiveEpoch, "earlier numbering"},
		"damage":    {func(l *feedtest.Log) { l.Damage("alpha", 80_000) }, ws.CodeLiveBroken, "events 80000 to 80000 cannot be read; go on from c1"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &feedtest.Log{PerBatch: 500}
			e := serve(t, log, live.Options{QueueBytes: 64 << 10}, false)
			// The readers stand still, so that most is still to be read.
			log.Append("alpha", 100_000)
			s := e.socket(t, "alpha", "after=oldest")
			st := e.stream(t, "alpha", "after=oldest", "")
			need(t, s, 1)
			need(t, st, 1)
			c.spoil(log)
			if code, reason := s.closed(t); code != c.code || !strings.Contains(reason, c.reason) {
				t.Errorf("closed with %v: %s", code, reason)
			}
			var last sse
			for {
				ev, err := st.event()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("after %+v: %v", last, err)
				}
				last = ev
			}
			if last.kind != "error" || !strings.Contains(last.data, fmt.Sprintf(`"code":%d`, c.code)) || !strings.Contains(last.data, `"reconnect":false`) {
				t.Errorf("the stream ended with %+v", last)
			}
			if name == "overtaken" && !strings.Contains(last.data, `"lost_to":90000`) {
				t.Errorf("the lost range is not named: %s", last.data)
			}
		})
	}
}

func TestRevokedTokenIsCut(t *testing.T) {
	kv := control.NewMemory()
	store, err := auth.OpenStore(t.Context(), kv, nil)
	if err != nil {
		t.Fatal(err)
	}
	tok, secret, err := store.Create(t.Context(), "alpha", []auth.Scope{auth.Stream}, "")
	if err != nil {
		t.Fatal(err)
	}
	who, err := store.Authenticate(secret)
	if err != nil {
		t.Fatal(err)
	}
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{}, false)
	e.revoked = who
	s := e.socket(t, "alpha", "")
	st := e.stream(t, "alpha", "", "")
	start := time.Now()
	if err := store.Revoke(t.Context(), tok.ID); err != nil {
		t.Fatal(err)
	}
	if code, reason := s.closed(t); code != ws.CodeUnauthorized {
		t.Errorf("closed with %v: %s", code, reason)
	}
	if ev, err := st.event(); err != nil || ev.kind != "error" || !strings.Contains(ev.data, `"code":3500`) {
		t.Errorf("the stream ended with %+v, %v", ev, err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("it took %v", d)
	}
	eventually(t, "the connections are forgotten", func() bool { return e.feed.Stats() == live.Stats{} })
}

func TestShutdown(t *testing.T) {
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{}, false)
	s := e.socket(t, "alpha", "")
	st := e.stream(t, "beta", "", "")
	eventually(t, "both are registered", func() bool { got := e.feed.Stats(); return got.Connections == 2 && got.Rooms == 2 })
	done := make(chan error, 1)
	go func() { done <- e.feed.Close(t.Context()) }()
	if code, reason := s.closed(t); code != ws.CodeShutdown {
		t.Errorf("closed with %v: %s", code, reason)
	}
	if ev, err := st.event(); err != nil || !strings.Contains(ev.data, `"name":"shutdown"`) {
		t.Errorf("the stream ended with %+v, %v", ev, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestExplicitAcknowledgement(t *testing.T) {
	log := &feedtest.Log{}
	kv := control.NewMemory()
	o := live.Options{Consumers: kv, AckInterval: 10 * time.Millisecond}
	e := serve(t, log, o, false)
	log.Append("alpha", 10)

	s := e.socket(t, "alpha", "consumer=crm&ack=explicit&after=oldest")
	need(t, s, 1, 2)
	third := need(t, s, 3)
	need(t, s, 4, 5, 6)
	say := func(text string) {
		t.Helper()
		if err := s.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say(fmt.Sprintf(`{"ack":%q}`, third))
	stored := func() string {
		entry, err := kv.Get(t.Context(), "alpha/crm")
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ Cursor string }
		if err := json.Unmarshal(entry.Value, &v); err != nil {
			t.Fatal(err)
		}
		return v.Cursor
	}
	eventually(t, "the acknowledged cursor is stored", func() bool { return stored() == third })
	s.Close()

	// Cut without further acknowledgements: 4 is due again, also on a new server.
	s = e.socket(t, "alpha", "consumer=crm&ack=explicit")
	need(t, s, 4, 5)
	other := serve(t, log, o, false)
	s = other.socket(t, "alpha", "consumer=crm&ack=explicit")
	need(t, s, 4)
	if s.start != third {
		t.Errorf("it started at %s", s.start)
	}

	for text, want := range map[string]string{
		`{"ack":"rubbish"}`:         "not a cursor",
		`{"nack":"x"}`:              "the only message",
		`hello`:                     "the only message",
		`{"ack":"` + third + `"} x`: "the only message",
		`{}`:                        "the only message",
		fmt.Sprintf(`{"ack":%q}`, e.page(t, "order=desc&limit=1").Cursor): "",
	} {
		s = other.socket(t, "beta", "ack=explicit")
		say(text)
		if want == "" {
			want = "not sent on this connection" // a cursor of another tenant
		}
		if code, reason := s.closed(t); code != ws.CodePolicy || !strings.Contains(reason, want) {
			t.Errorf("%s: closed with %v: %s", text, code, reason)
		}
	}
	s = other.socket(t, "beta", "")
	say(`{"ack":"x"}`)
	if code, reason := s.closed(t); code != ws.CodePolicy || !strings.Contains(reason, "ack=explicit only") {
		t.Errorf("an acknowledgement that was not agreed: %v %s", code, reason)
	}
}

func TestAcknowledgementByPong(t *testing.T) {
	log := &feedtest.Log{}
	kv := control.NewMemory()
	e := serve(t, log, live.Options{Consumers: kv, AckInterval: 50 * time.Millisecond}, false)
	log.Append("alpha", 5)
	s := e.socket(t, "alpha", "consumer=crm")
	// It starts from now, and that is stored at once: what comes before the first
	// acknowledgement is not lost by a cut.
	s.Close()
	log.Append("alpha", 5)
	s = e.socket(t, "alpha", "consumer=crm")
	need(t, s, 6, 7, 8, 9, 10)
	tenth := e.page(t, "limit=10").Cursor
	go func() { _, _ = s.Next() }() // the library answers pings while it reads
	eventually(t, "the ponged cursor is stored", func() bool {
		entry, err := kv.Get(t.Context(), "alpha/crm")
		return err == nil && strings.Contains(string(entry.Value), `"`+tenth+`"`)
	})
	s.Close()
	log.Append("alpha", 1)
	need(t, e.socket(t, "alpha", "consumer=crm"), 11)
}

func TestConsumerIsTakenOver(t *testing.T) {
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{}, false)
	log.Append("alpha", 5)
	first := e.socket(t, "alpha", "consumer=crm&after=oldest&ack=explicit")
	need(t, first, 1, 2)
	second := e.socket(t, "alpha", "consumer=crm&ack=explicit")
	if code, reason := first.closed(t); code != ws.CodeReplaced {
		t.Errorf("closed with %v: %s", code, reason)
	}
	need(t, second, 1, 2, 3, 4, 5)
	need(t, e.socket(t, "beta", "consumer=crm&ack=explicit&after=oldest"))
}

func TestHeartbeats(t *testing.T) {
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{Heartbeat: 300 * time.Millisecond}, false)
	st := e.stream(t, "alpha", "", "")
	for {
		line, err := st.lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == ":\n" {
			break
		}
	}
	h2 := serve(t, log, live.Options{Heartbeat: 300 * time.Millisecond}, true)
	st = h2.stream(t, "alpha", "", "")
	if st.resp.ProtoMajor != 2 {
		t.Fatal(st.resp.Proto)
	}
	for line := ""; line != ":\n"; {
		var err error
		if line, err = st.lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
}
