package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/feed/feedtest"
	"trunkline/feed/stream"
	"trunkline/ws"
)

// request asks for a path.
func (e *edge) request(ctx context.Context, method, path, tenant string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Tenant", tenant)
	return http.DefaultClient.Do(req)
}

// get asks for a path without listening on.
func (e *edge) get(t testing.TB, method, path, tenant string) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := e.request(ctx, method, path, tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		return resp.StatusCode, resp.Header, "" // it does not end
	}
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b)
}

func TestRequests(t *testing.T) {
	e := serve(t, numbered(), stream.Options{Connected: 100})
	const base = "/api/streaming/v1/clientconnect/subscribe/"
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{base + "TenantUpdates?tenantId=alpha&subsId=a", 200, ""},
		{base + "TenantUpdates?tenantId=alpha&subscriptionId=b&desiredOutputType=NEWLINE_XML", 200, ""},
		{base + "TenantUpdates-alpha-c?tenantId=alpha&subsId=c&X-Atmosphere-Transport=streaming&X-Atmosphere-Framework=2.0", 200, ""},
		{base + "TenantUpdates-alpha-d-e", 200, ""},
		{"/api/sapi/atmosphere/subscribe/TenantUpdates-alpha-f?tenantId=alpha&subsId=f&desiredOutputType=JSON&_=1", 200, ""},
		{base + "TenantUpdates?tenantId=alpha&subsId=" + strings.Repeat("x", 128), 200, ""},
		{base + "TenantUpdates?tenantId=alpha&subsId=" + strings.Repeat("x", 129), 400, "at most 128"},
		{base + "TenantUpdates?subsId=a", 400, "tenantId is missing"},
		{base + "TenantUpdates?tenantId=alpha", 400, "subsId is missing"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a%01", 400, "control character"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a&subscriptionId=b", 400, "twice"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a&desiredOutputType=YAML", 400, "JSON, XML, NEWLINE_JSON, NEWLINE_XML"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a&types=InteractionQueue", 400, "InteractionQueued"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a&after=x", 400, "not a cursor"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a&ack=maybe", 400, "explicit"},
		{base + "TenantUpdates?tenantId=alpha&subsId=a&ack=explicit", 400, "WebSocket"},
		{base + "TenantUpdates?tenantId=%zz", 400, "cannot be read"},
		{base + "TenantUpdates?tenantId=beta&subsId=a", 403, "another tenant"},
		{base + "TenantUpdates-beta-a?subsId=a", 403, "another tenant"},
		{base + "TenantUpdate?tenantId=alpha&subsId=a", 404, "TenantUpdates"},
	} {
		status, h, body := e.get(t, "GET", c.path, "alpha")
		if status != c.status || !strings.Contains(body, c.want) || status != 200 && h.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d with %q", c.path, status, body, c.status, c.want)
		}
	}
}

// A tenant has three connected subscriptions; the fourth is told which, and one that
// comes back takes over from itself.
func TestThreeSubscriptions(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	a := e.socket(t, "alpha", "subsId=a")
	e.socket(t, "alpha", "subsId=b")
	e.plain(t, "alpha", "subsId=c")
	e.socket(t, "beta", "subsId=d")
	_, resp, err := e.dial(t, "alpha", "subsId=d")
	if err == nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("a fourth: %v %v", resp, err)
	}
	status, _, body := e.get(t, "GET", updates+"tenantId=alpha&subsId=d", "alpha")
	var p struct{ Connected []string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != 429 || fmt.Sprint(p.Connected) != "[a b c]" {
		t.Errorf("a fourth: %d %s", status, body)
	}
	again := e.socket(t, "alpha", "subsId=a")
	if code := a.closed(t); code != websocket.StatusCode(ws.CodeReplaced) {
		t.Errorf("the older one was closed with %d", code)
	}
	e.add("alpha", 1)
	need(t, again, 1, 1)
	again.Close()
	eventually(t, "a seat is free", func() bool {
		c, _, err := e.dial(t, "alpha", "subsId=d")
		if err == nil {
			_ = c.CloseNow()
		}
		return err == nil
	})
}

// What was ponged does not come again; the rest does, also from another process.
func TestPongsAcknowledge(t *testing.T) {
	log, kv := numbered(), control.NewMemory()
	o := stream.Options{Subscriptions: kv, AckInterval: 50 * time.Millisecond}
	e := serve(t, log, o)
	s := e.socket(t, "alpha", "subsId=a%20b%2F%C3%BC")
	e.add("alpha", 5)
	need(t, s, 1, 5)
	go func() { _, _ = s.Next() }() // the library answers pings while it reads
	stored := func(seq uint64) func() bool {
		return func() bool {
			entry, err := kv.Get(t.Context(), "alpha/a=20b=2f=c3=bc")
			head := log.Head("alpha")
			head.Seq = seq
			return err == nil && strings.Contains(string(entry.Value), `"`+head.String()+`"`)
		}
	}
	eventually(t, "the ponged place is stored", stored(5))
	s.Close()
	e.add("alpha", 2)
	e.stop(t)
	other := serve(t, log, o)
	other.next["alpha"] = 7
	s = other.socket(t, "alpha", "subsId=a%20b%2F%C3%BC")
	need(t, s, 6, 7)
}

func TestExplicitAcknowledgement(t *testing.T) {
	log, kv := numbered(), control.NewMemory()
	e := serve(t, log, stream.Options{AckInterval: 20 * time.Millisecond, Subscriptions: kv})
	s := e.socket(t, "alpha", "subsId=a&ack=explicit")
	e.add("alpha", 5)
	need(t, s, 1, 5)
	if err := s.Write(t.Context(), websocket.MessageText, []byte(`{"ack":3}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the place is stored", func() bool {
		entry, err := kv.Get(t.Context(), "alpha/a")
		return err == nil && strings.Contains(string(entry.Value), `"`+s.cursor(3)+`"`)
	})
	s.Close()
	again := e.socket(t, "alpha", "subsId=a&ack=explicit")
	need(t, again, 4, 5)
	for _, bad := range []string{`{"ack":9}`, `{"ack":-1}`, `{}`, `x`} {
		s := e.socket(t, "alpha", "subsId=b&ack=explicit")
		if err := s.Write(t.Context(), websocket.MessageText, []byte(bad)); err != nil {
			t.Fatal(err)
		}
		if code := s.closed(t); code != websocket.StatusPolicyViolation {
			t.Errorf("%s: closed with %d", bad, code)
		}
	}
	// Others may say what they like.
	quiet := e.socket(t, "alpha", "subsId=c")
	if err := quiet.Write(t.Context(), websocket.MessageText, []byte("X")); err != nil {
		t.Fatal(err)
	}
	e.add("alpha", 1)
	need(t, quiet, 6, 6)
}

func TestRotatedTokensEnd(t *testing.T) {
	kv := control.NewMemory()
	store, err := auth.OpenStore(t.Context(), kv, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := store.Create(t.Context(), "alpha", []auth.Scope{auth.Stream}, "")
	if err != nil {
		t.Fatal(err)
	}
	who, err := store.Authenticate(secret)
	if err != nil {
		t.Fatal(err)
	}
	e := serve(t, numbered(), stream.Options{})
	e.who = who
	status, _, body := e.get(t, "POST", "/api/streaming/v1/TenantUpdates/tickets", "alpha")
	var ticket struct {
		Ticket  string
		Expires int `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(body), &ticket); err != nil || status != 201 || ticket.Expires != 60 {
		t.Fatal(status, body, err)
	}
	s := e.socket(t, "alpha", "subsId=a")
	if err := store.Revoke(t.Context(), who.TokenID); err != nil {
		t.Fatal(err)
	}
	if code := s.closed(t); code != websocket.StatusCode(ws.CodeUnauthorized) {
		t.Errorf("closed with %d", code)
	}
	if status, _, body := e.get(t, "GET", "/api/streaming/v1/TenantUpdates/events?tenantId=alpha&subsId=a&ticket="+ticket.Ticket, ""); status != 401 {
		t.Errorf("a ticket of a revoked token: %d %s", status, body)
	}
}

func TestTicketsOpenOnce(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	_, _, body := e.get(t, "POST", "/api/streaming/v1/TenantUpdates/tickets", "alpha")
	var ticket struct{ Ticket string }
	if err := json.Unmarshal([]byte(body), &ticket); err != nil {
		t.Fatal(body, err)
	}
	url := e.URL + "/api/streaming/v1/TenantUpdates/events?tenantId=alpha&subsId=page&ticket=" + ticket.Ticket
	c, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	e.add("alpha", 1)
	if _, msg, err := c.Read(t.Context()); err != nil || !strings.Contains(string(msg), "InteractionRecordingStarted") {
		t.Errorf("%s %v", msg, err)
	}
	if _, resp, err := websocket.Dial(t.Context(), url, nil); err == nil || resp.StatusCode != 401 {
		t.Errorf("twice: %v", err)
	}
	status, h, page := e.get(t, "GET", "/api/streaming/v1/TenantUpdates.jsp", "")
	if status != 200 || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(page, "Desired Output Type") {
		t.Errorf("%d %v %s", status, h, page)
	}
}

// types= lets events of those names through; their numbers stay what they are.
func TestTypes(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	none := e.socket(t, "alpha", "subsId=a&types=AgentStatusChange")
	some := e.socket(t, "alpha", "subsId=b&types=InteractionRecordingStarted,AgentStatusChange")
	e.add("alpha", 3)
	need(t, some, 1, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, msg, err := none.Read(ctx); err == nil {
		t.Errorf("got %s", msg)
	}
}

// filter= lets events of facts through for which the expression is true.
func TestFilter(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	s := e.socket(t, "alpha", "subsId=a&filter="+url.QueryEscape(`type == "interaction.recording_started" && data.interaction in ["alpha-2", "alpha-5"]`))
	e.add("alpha", 5)
	need(t, s, 2, 2)
	need(t, s, 5, 5)
	status, _, body := e.get(t, "GET", updates+"tenantId=alpha&subsId=b&filter=nothing", "alpha")
	if status != 400 || !strings.Contains(body, "undeclared") {
		t.Errorf("%d %s", status, body)
	}
}

// A heartbeat repeats the number of the event before it, also right after the beginning.
func TestHeartbeatsRepeatTheNumber(t *testing.T) {
	e := serve(t, numbered(), stream.Options{Heartbeat: 100 * time.Millisecond})
	e.add("alpha", 7)
	s := e.socket(t, "alpha", "subsId=a")
	beat := func(want uint64) {
		t.Helper()
		for range 1000 {
			_, msg, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var m told
			if err := json.Unmarshal(msg, &m); err != nil {
				t.Fatal(err)
			}
			if m.ClientCheck != nil && m.ClientCheck.MsgInfo.SequenceID == want {
				return
			}
			if m.ClientCheck != nil && m.ClientCheck.MsgInfo.SequenceID > want {
				t.Fatalf("a heartbeat has %d", m.ClientCheck.MsgInfo.SequenceID)
			}
		}
		t.Fatal("no heartbeat repeats the number")
	}
	beat(7)
	e.add("alpha", 2)
	beat(9)
}

// What retention has taken meanwhile is a gap in the numbers, not a refusal.
func TestALostPlaceGoesOnWithTheOldest(t *testing.T) {
	log, kv := numbered(), control.NewMemory()
	e := serve(t, log, stream.Options{Subscriptions: kv})
	e.add("alpha", 3)
	s := e.socket(t, "alpha", "subsId=a")
	s.Close()
	e.add("alpha", 10)
	log.Trim("alpha", 8)
	need(t, e.socket(t, "alpha", "subsId=a"), 9, 13)
	status, _, body := e.get(t, "GET", updates+"tenantId=alpha&subsId=b&after="+s.cursor(1), "alpha")
	if status != 410 || !strings.Contains(body, "oldest") {
		t.Errorf("a cursor that was given: %d %s", status, body)
	}
}

// Events that cannot be read are left out when what was before them has been acknowledged.
func TestADamagedPlaceIsPassed(t *testing.T) {
	for name, connect := range map[string]func(e *edge) feedtest.Reader{
		"WebSocket":      func(e *edge) feedtest.Reader { return e.socket(t, "alpha", "subsId=a") },
		"HTTP streaming": func(e *edge) feedtest.Reader { return e.plain(t, "alpha", "subsId=a") },
	} {
		log := numbered()
		e := serve(t, log, stream.Options{})
		connect(e).Close()
		log.Damage("alpha", 5)
		e.add("alpha", 8)
		seen := map[uint64]bool{}
		for connects := 0; !seen[8]; connects++ {
			if connects > 100 {
				t.Fatalf("%s: it never comes by: %v", name, seen)
			}
			r := connect(e)
			for {
				got, err := r.Next()
				if err != nil {
					break
				}
				if seen[got.Seq] = true; got.Seq == 8 {
					break
				}
			}
			r.Close()
		}
		for n := uint64(1); n <= 8; n++ {
			if seen[n] != (n != 5) {
				t.Errorf("%s: event %d: %v", name, n, seen[n])
			}
		}
	}
}

func (s *socket) cursor(seq uint64) string { return eventlog.Cursor{Epoch: s.epoch, Seq: seq}.String() }

func TestTheEnd(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	s, p := e.socket(t, "alpha", "subsId=a"), e.plain(t, "alpha", "subsId=b")
	// The answer is out before the session is registered.
	eventually(t, "both are registered", func() bool { return e.feed.Stats().Connections == 2 })
	done := make(chan struct{})
	go func() { e.stop(t); close(done) }()
	if code := s.closed(t); code != websocket.StatusCode(ws.CodeShutdown) {
		t.Errorf("closed with %d", code)
	}
	if _, err := io.ReadAll(p.lines); err != nil {
		t.Errorf("the body does not end in order: %v", err)
	}
	<-done
	if status, _, _ := e.get(t, "GET", updates+"tenantId=alpha&subsId=a", "alpha"); status != 503 {
		t.Errorf("after the end: %d", status)
	}
}

// types= picks out of the events of one fact too, and the numbers stay what they are.
func TestTypesOfOneFact(t *testing.T) {
	log := &feedtest.Log{PerBatch: 3, Context: func(tenant string, seq uint64) []byte {
		return fmt.Appendf(nil, `{"streamSequence":%d,"streamEvents":3,"direction":"in","status":[{"agent":"one","state":"contact"},{"agent":"two","state":"idle"}]}`, 3*seq-2)
	}}
	e := serve(t, log, stream.Options{})
	read := func(s *socket, n int) (list []string) {
		for range n {
			_, msg, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, string(msg))
		}
		return list
	}
	all := e.socket(t, "alpha", "subsId=all")
	status := e.socket(t, "alpha", "subsId=status&types=AgentStatusChange")
	others := e.socket(t, "alpha", "subsId=others&types=InteractionRecordingStarted,InteractionDeleted")
	e.add("alpha", 4)
	want := map[bool][]string{}
	for _, msg := range read(all, 12) {
		of := strings.HasPrefix(msg, `{"AgentStatusChange"`)
		want[of] = append(want[of], msg)
	}
	if got := read(status, 8); !slices.Equal(got, want[true]) {
		t.Errorf("of agents:\n got %q\nwant %q", got, want[true])
	}
	if got := read(others, 4); !slices.Equal(got, want[false]) {
		t.Errorf("of interactions:\n got %q\nwant %q", got, want[false])
	}
}
