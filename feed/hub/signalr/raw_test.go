package signalr_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/feed/hub/signalr"
)

const good = "access_token=good-1"

func request(t *testing.T, method, url, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func negotiate(t *testing.T, base, query string) signalr.Negotiated {
	t.Helper()
	status, body, _ := request(t, "POST", base+"/hub/negotiate?"+query, "")
	var n signalr.Negotiated
	if err := json.Unmarshal([]byte(body), &n); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	return n
}

func dial(t *testing.T, base, query string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	c, resp, err := websocket.Dial(t.Context(), strings.Replace(base, "http", "ws", 1)+"/hub?"+query, nil)
	if err == nil {
		c.SetReadLimit(1 << 20)
		t.Cleanup(func() { _ = c.CloseNow() })
	}
	return c, resp, err
}

// open is a socket without negotiation.
func open(t *testing.T, base string) *websocket.Conn {
	t.Helper()
	c, _, err := dial(t, base, good)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(strings.ReplaceAll(text, "|", "\x1e"))); err != nil {
		t.Fatal(err)
	}
}

// hear gives the records up to one that contains end, pings left out; with | for the
// separator.
func hear(t *testing.T, c *websocket.Conn, end string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all string
	for {
		_, b, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("heard %s, then %v", all, err)
		}
		if text := strings.ReplaceAll(string(b), "\x1e", "|"); text != `{"type":6}|` {
			all = all[max(0, len(all)-1<<10):] + text
		}
		if strings.Contains(all, end) {
			return all
		}
	}
}

const hello = `{"protocol":"json","version":1}|`

func TestNegotiate(t *testing.T) {
	_, h := plain(t, nil)
	for query, version := range map[string]int{"": 0, "negotiateVersion=0": 0, "negotiateVersion=1": 1, "negotiateVersion=2": 1, "negotiateVersion=99": 1} {
		status, body, head := request(t, "POST", h.URL+"/hub/negotiate?"+good+"&"+query, "")
		var n map[string]any
		if err := json.Unmarshal([]byte(body), &n); err != nil || status != 200 || !strings.HasPrefix(head.Get("Content-Type"), "application/json") {
			t.Fatalf("%s: %d %s", query, status, body)
		}
		token, has := n["connectionToken"].(string)
		if n["negotiateVersion"] != float64(version) || has != (version == 1) || has && (len(token) < 22 || strings.ContainsAny(token, "+/=")) || n["connectionId"] == "" || n["connectionId"] == token {
			t.Errorf("%s: %s", query, body)
		}
		if list, _ := n["availableTransports"].([]any); len(list) != 3 {
			t.Errorf("%s: %s", query, body)
		}
	}
	for _, query := range []string{"negotiateVersion=x", "negotiateVersion=-1"} {
		if status, _, _ := request(t, "POST", h.URL+"/hub/negotiate?"+good+"&"+query, ""); status != 400 {
			t.Errorf("%s: %d", query, status)
		}
	}
	if status, _, _ := request(t, "GET", h.URL+"/hub/negotiate?"+good, ""); status != 405 {
		t.Errorf("GET: %d", status)
	}
	if status, _, _ := request(t, "POST", h.URL+"/hub/negotiate", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
}

// What is refused before anything is opened, with the status that clients act on.
func TestRefusals(t *testing.T) {
	_, h := plain(t, nil)
	for _, tt := range []struct {
		what, method, query string
		want                int
	}{
		{"poll without an id", "GET", good, 400},
		{"poll with an unknown id", "GET", good + "&id=x", 404},
		{"post without an id", "POST", good, 400},
		{"post with an unknown id", "POST", good + "&id=x", 404},
		{"delete with an unknown id", "DELETE", good + "&id=x", 404},
		{"put", "PUT", good, 405},
		{"no token", "GET", "id=x", 401},
	} {
		if status, body, _ := request(t, tt.method, h.URL+"/hub?"+tt.query, ""); status != tt.want {
			t.Errorf("%s: %d %s", tt.what, status, body)
		}
	}
	if _, resp, err := dial(t, h.URL, good+"&id=x"); err == nil || resp.StatusCode != 404 {
		t.Errorf("socket with an unknown id: %v", err)
	}
	n := negotiate(t, h.URL, good+"&negotiateVersion=1")
	if _, resp, err := dial(t, h.URL, "access_token=other-1&id="+n.Token); err == nil || resp.StatusCode != 403 {
		t.Errorf("socket of another user: %v", err)
	}
	if _, _, err := dial(t, h.URL, good+"&id="+n.Token); err != nil {
		t.Fatal(err)
	}
	if _, resp, err := dial(t, h.URL, good+"&id="+n.Token); err == nil || resp.StatusCode != 409 {
		t.Errorf("second socket: %v", err)
	}
	if status, _, _ := request(t, "POST", h.URL+"/hub?"+good+"&id="+n.Token, hello); status != 409 {
		t.Errorf("post beside a socket: %d", status)
	}
	// The C++ client sends an empty id when it has not negotiated.
	if _, _, err := dial(t, h.URL, good+"&id="); err != nil {
		t.Errorf("socket with an empty id: %v", err)
	}
}

func TestPendingNegotiationsAreBounded(t *testing.T) {
	_, h := plain(t, func(o *signalr.Options) { o.MaxPending = 3; o.HandshakeTimeout = time.Hour })
	for i := range 50 { // those that are followed by a connection do not count
		n := negotiate(t, h.URL, good+"&negotiateVersion=1")
		c, _, err := dial(t, h.URL, good+"&id="+n.Token)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		_ = c.CloseNow()
	}
	for range 3 {
		negotiate(t, h.URL, good)
	}
	status, _, head := request(t, "POST", h.URL+"/hub/negotiate?"+good, "")
	if status != 429 || head.Get("Retry-After") == "" {
		t.Errorf("a fourth: %d", status)
	}
	negotiate(t, h.URL, "access_token=other-1")
}

// The client that negotiates reads why; one that comes all the same is refused by status.
func TestConnectionsOfAUserAreBounded(t *testing.T) {
	s, h := plain(t, func(o *signalr.Options) { o.MaxConns = 2 })
	early := negotiate(t, h.URL, good+"&negotiateVersion=1")
	socket := open(t, h.URL)
	poll := negotiate(t, h.URL, good+"&negotiateVersion=1")
	request(t, "GET", h.URL+"/hub?"+good+"&id="+poll.Token, "")
	status, body, _ := request(t, "POST", h.URL+"/hub/negotiate?negotiateVersion=1&"+good, "")
	if want := `{"negotiateVersion":1,"error":"This user has 2 connections already: close some of them first."}`; status != 200 || strings.TrimSpace(body) != want {
		t.Errorf("%d %s", status, body)
	}
	for what, query := range map[string]string{"negotiated before": good + "&id=" + early.Token, "not negotiated": good} {
		if _, resp, err := dial(t, h.URL, query); err == nil || resp.StatusCode != 429 {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, resp, err := dial(t, h.URL, good+"&id="+poll.Token); err == nil || resp.StatusCode != 409 {
		t.Errorf("one that is open already: %v", err)
	}
	if status, _, _ := request(t, "GET", h.URL+"/hub?"+good+"&id="+early.Token, ""); status != 429 {
		t.Errorf("a poll: %d", status)
	}
	if _, _, err := dial(t, h.URL, "access_token=other-1"); err != nil {
		t.Errorf("another user: %v", err)
	}
	_ = socket.CloseNow()
	for deadline := time.Now().Add(time.Minute); s.Stats().Conns > 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a closed connection is still counted")
		}
	}
	if _, _, err := dial(t, h.URL, good+"&id="+early.Token); err != nil {
		t.Errorf("when one has gone: %v", err)
	}
}

func TestHandshake(t *testing.T) {
	_, h := plain(t, nil)
	for _, ok := range []string{hello, `{"version":0,"protocol":"json"}|`, `{"protocol":"JSON","version":1,"more":1}|`} {
		c := open(t, h.URL)
		say(t, c, ok)
		if got := hear(t, c, "|"); got != "{}|" {
			t.Errorf("%s: %s", ok, got)
		}
	}
	// A call in the frame of the handshake, and a record over two frames.
	c := open(t, h.URL)
	say(t, c, hello+`{"arguments":["a"],"invocationId":"1","target":"Echo","type":1}|{"type":1,"headers":{"x":"y"},"invocationId":"2","target":"Ec`)
	say(t, c, `ho","arguments":["b"]}|`)
	if got := hear(t, c, `"2"`); got != `{}|{"type":3,"invocationId":"1","result":"a"}|{"type":3,"invocationId":"2","result":"b"}|` {
		t.Error(got)
	}
	// The .NET client puts into a message whatever is there: far more than one may have.
	var many strings.Builder
	for range 3000 {
		many.WriteString(`{"type":1,"target":"Echo","arguments":["` + strings.Repeat("x", 100) + `"]}|`)
	}
	say(t, c, many.String()+`{"type":1,"invocationId":"3","target":"Echo","arguments":["c"]}|`)
	if got := hear(t, c, `"3"`); !strings.HasSuffix(got, `{"type":3,"invocationId":"3","result":"c"}|`) {
		t.Error(got)
	}
	for wrong, part := range map[string]string{
		`{"protocol":"json","version":2}|`:   "Version 2",
		`{"protocol":"json","version":-1}|`:  "Version -1",
		`{"protocol":"xml","version":1}|`:    "xml",
		`{"protocol":"json"}|`:               "The handshake is",
		`nonsense|`:                          "The handshake is",
		`{"type":6}|`:                        "The handshake is",
		`{"protocol":"\u0001","version":1}|`: "not supported",
	} {
		c := open(t, h.URL)
		say(t, c, wrong)
		if got := hear(t, c, "|"); !strings.Contains(got, `{"error":`) || !strings.Contains(got, part) {
			t.Errorf("%s: %s", wrong, got)
		}
		if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	c = open(t, h.URL)
	say(t, c, strings.Repeat("x", 33<<10))
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("a handshake without end is taken")
	}
}

// What a server must let pass, and what it must not answer.
func TestToleratedMessages(t *testing.T) {
	_, h := plain(t, nil)
	c := open(t, h.URL)
	say(t, c, hello+`{"type":6}|{"type":8,"sequenceId":3}|{"type":9,"sequenceId":3}|{"type":77}|{"type":3,"invocationId":"q","result":1}|{"type":2,"invocationId":"q","item":1}|`+
		`{"type":5,"invocationId":"q"}|{"type":1,"target":"NoSuch","arguments":[]}|{"type":1,"target":"Panics","arguments":[]}|{"type":4,"target":"Echo","arguments":[]}|`+
		`{"type":1,"target":"Echo","arguments":null,"invocationId":"1"}|`)
	if got := hear(t, c, `"1"`); got != `{}|{"type":3,"invocationId":"1","error":"Echo needs something to say."}|` {
		t.Error(got)
	}
	for _, wrong := range []string{`{"type":"x"}|`, `{}|`, `[]|`, `nonsense|`, `{"type":1,"target":5}|`, "{\"type\":1,\"target\":\"\xff\"}|"} {
		c := open(t, h.URL)
		say(t, c, hello+wrong)
		if got := hear(t, c, `"type":7`); !strings.Contains(got, `"error":"not the SignalR protocol: a message is`) || strings.Contains(got, "allowReconnect") {
			t.Errorf("%s: %s", wrong, got)
		}
		if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusProtocolError {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	c = open(t, h.URL)
	say(t, c, hello+`{"type":7}|`)
	hear(t, c, "{}|")
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after a close: %v", err)
	}
}

func TestMessageLimit(t *testing.T) {
	const limit = 1000
	_, h := plain(t, func(o *signalr.Options) { o.MaxMessage = limit })
	call := func(n int) string {
		text := `{"type":1,"invocationId":"1","target":"Echo","arguments":["`
		return text + strings.Repeat("x", n-len(text)-3) + `"]}|`
	}
	c := open(t, h.URL)
	say(t, c, hello)
	say(t, c, call(limit))
	hear(t, c, `"1"`)
	say(t, c, call(limit+1))
	if got := hear(t, c, `"type":7`); !strings.Contains(got, "1000 bytes") {
		t.Error(got)
	}
	n := negotiate(t, h.URL, good)
	url := h.URL + "/hub?" + good + "&id=" + n.ID
	request(t, "GET", url, "")
	raw := func(text string) string { return strings.ReplaceAll(text, "|", "\x1e") }
	if status, _, _ := request(t, "POST", url, raw(hello)); status != 200 {
		t.Fatal(status)
	}
	if status, _, _ := request(t, "POST", url, raw(call(limit))); status != 200 {
		t.Fatal(status)
	}
	if status, _, _ := request(t, "POST", url, raw(call(limit+1))); status != 413 {
		t.Fatal(status)
	}
}

// A poll that another takes the place of ends; DELETE ends the connection.
func TestLongPolling(t *testing.T) {
	s, h := plain(t, func(o *signalr.Options) { o.PollTimeout = 300 * time.Millisecond })
	n := negotiate(t, h.URL, good+"&negotiateVersion=1")
	url := h.URL + "/hub?" + good + "&id=" + n.Token
	// A send may come before the first poll.
	if status, _, _ := request(t, "POST", url, "{\"protocol\":\"json\",\"version\":1}\x1e"); status != 200 {
		t.Fatal(status)
	}
	if status, body, _ := request(t, "GET", url+"&_=1", ""); status != 200 || body != "{}\x1e" {
		t.Fatalf("%d %q", status, body)
	}
	if status, body, _ := request(t, "GET", url, ""); status != 200 || body != "" {
		t.Fatalf("nothing to say: %d %q", status, body)
	}
	if status, _, _ := request(t, "DELETE", url, ""); status != 202 {
		t.Fatal(status)
	}
	if status, _, _ := request(t, "GET", url, ""); status != 404 || s.Stats().Conns != 0 {
		t.Fatalf("after the end: %d", status)
	}
	s2, h2 := plain(t, nil)
	n = negotiate(t, h2.URL, good+"&negotiateVersion=1")
	url = h2.URL + "/hub?" + good + "&id=" + n.Token
	request(t, "GET", url, "")
	first := make(chan int, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			first <- 0
			return
		}
		_ = resp.Body.Close()
		first <- resp.StatusCode
	}()
	for replaced := false; !replaced; {
		second, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		req, _ := http.NewRequestWithContext(second, "GET", url, nil)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
		cancel()
		select {
		case status := <-first:
			if replaced = true; status != 204 {
				t.Errorf("the earlier poll: %d", status)
			}
		default:
		}
	}
	if n := s2.Stats().Conns; n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestOrigins(t *testing.T) {
	_, h := plain(t, func(o *signalr.Options) { o.Origins = []string{"https://board.example.com", "https://*.example.org"} })
	for origin, ok := range map[string]bool{
		"https://board.example.com": true, "https://a.example.org": true, h.URL: true, "": true,
		"https://example.com": false, "https://board.example.com.evil.com": false, "http://board.example.com": false, "https://evilexample.org": false, "null": false,
	} {
		for _, method := range []string{"OPTIONS", "POST"} {
			req, _ := http.NewRequestWithContext(t.Context(), method, h.URL+"/hub/negotiate?"+good, nil)
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			named := resp.Header.Get("Access-Control-Allow-Origin")
			switch {
			case method == "OPTIONS" && resp.StatusCode != 204, method == "POST" && (resp.StatusCode == 200) != ok:
				t.Errorf("%s from %s: %d", method, origin, resp.StatusCode)
			case strings.HasPrefix(origin, "https") && ok != (named == origin && resp.Header.Get("Access-Control-Allow-Credentials") == "true"):
				t.Errorf("%s from %s: allowed %q", method, origin, named)
			}
		}
	}
	for _, wrong := range []string{"board.example.com", "https://*", "https://a.*.com", "https://a.com/x", "*"} {
		if _, err := signalr.New(signalr.Options{Origins: []string{wrong}}); err == nil {
			t.Errorf("origin %s is taken", wrong)
		}
	}
}

// A client that reads nothing is closed when its queue is full, and told why.
func TestSlowClient(t *testing.T) {
	conns := make(chan *signalr.Conn, 2)
	_, h := plain(t, func(o *signalr.Options) {
		o.QueueBytes = 256 << 10
		o.Opened = func(c *signalr.Conn) { conns <- c }
	})
	slow := open(t, h.URL)
	say(t, slow, hello)
	hear(t, slow, "{}|")
	c := <-conns
	m := signalr.NewMessage("Event", strings.Repeat("x", 64<<10))
	// A value that is replaced while it waits never fills the queue.
	value := c.Value()
	for range 2000 {
		if !value.Send(m) {
			t.Fatal("a value that is replaced filled the queue")
		}
	}
	sent := 0
	for ; c.Send(m); sent++ {
		if sent > 5000 {
			t.Fatal("the queue has no end")
		}
	}
	got := hear(t, slow, `"type":7`)
	if !strings.HasSuffix(got, `{"type":7,"error":"The client does not read what it is sent.","allowReconnect":true}|`) {
		t.Error(got[max(0, len(got)-200):])
	}
	if _, _, err := slow.Read(t.Context()); websocket.CloseStatus(err) != 3008 {
		t.Error(err)
	}
}

func TestStopping(t *testing.T) {
	s, h := plain(t, nil)
	c := open(t, h.URL)
	say(t, c, hello)
	hear(t, c, "{}|")
	go s.Close(context.Background())
	if got := hear(t, c, `"type":7`); !strings.Contains(got, `"allowReconnect":true`) {
		t.Error(got)
	}
	if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != 3000 {
		t.Error(err)
	}
	if status, _, _ := request(t, "POST", h.URL+"/hub/negotiate?"+good, ""); status != 503 {
		t.Error(status)
	}
}
