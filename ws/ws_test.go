package ws_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/ws"
)

// echo is a Handler that sends every message back, straight to the socket.
type echo struct {
	conn *ws.Conn

	mu       sync.Mutex // guards finished and orders the writes
	finished bool
	pongs    []string
}

func (e *echo) write(frame []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.finished {
		_, _ = e.conn.NetConn().Write(frame)
	}
}

func (e *echo) Message(text bool, p []byte) error {
	switch {
	case string(p) == "fail":
		return errors.New("no")
	case string(p) == "policy":
		return &ws.CloseError{Code: ws.CodePolicy, Reason: "not understood"}
	case text:
		e.write(ws.TextFrame(p))
	default:
		e.write(ws.BinaryFrame(p))
	}
	return nil
}

func (e *echo) Pong(p []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pongs = append(e.pongs, string(p))
}

func (e *echo) Send(frame []byte) { e.write(frame) }

func (e *echo) Finish(frame []byte) {
	e.write(frame)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.finished = true
	if tc, ok := e.conn.NetConn().(interface{ CloseWrite() error }); ok {
		_ = tc.CloseWrite()
	}
}

// server runs an echo server; ended gets what each Serve returned.
func server(t testing.TB, o ws.Options, secure bool) (url string, ended chan error) {
	t.Helper()
	ended = make(chan error, 64)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Upgrade(w, r, o)
		if err != nil {
			he, _ := ws.AsHandshakeError(err)
			http.Error(w, he.Reason, he.Status)
			return
		}
		go func() {
			err := c.Serve(&echo{conn: c})
			_ = c.NetConn().Close()
			ended <- err
		}()
	})
	srv := httptest.NewUnstartedServer(h)
	if secure {
		srv.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv.URL, ended
}

const handshake = "GET / HTTP/1.1\r\nHost: hub.test\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// dial opens a raw connection; early is sent in the same packet as the request.
func dial(t testing.TB, url, early string, secure bool) (net.Conn, *bufio.Reader) {
	t.Helper()
	addr := url[strings.LastIndexByte(url, '/')+1:]
	var nc net.Conn
	var err error
	if secure {
		nc, err = (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(context.Background(), "tcp", addr)
	} else {
		nc, err = net.Dial("tcp", addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(nc, handshake+"\r\n"+early); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("handshake answer %d %v", resp.StatusCode, resp.Header)
	}
	return nc, br
}

// frame makes a client frame; b0 is the first byte as it goes over the wire.
func frame(b0 byte, payload string) string {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	var out []byte
	n := len(payload)
	switch {
	case n < 126:
		out = append(out, b0, 0x80|byte(n))
	case n < 1<<16:
		out = append(out, b0, 0x80|126, byte(n>>8), byte(n))
	default:
		out = append(out, b0, 0x80|127)
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	out = append(out, mask[:]...)
	for i := range n {
		out = append(out, payload[i]^mask[i%4])
	}
	return string(out)
}

func closePayload(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

func readAll(t testing.TB, br *bufio.Reader) []byte {
	t.Helper()
	p, err := io.ReadAll(br)
	if err != nil {
		t.Fatalf("after %q: %v", p, err)
	}
	return p
}

// TestPeerIsHeldToRFC6455 sends bytes and compares every byte that comes back
// until the end of the connection.
func TestPeerIsHeldToRFC6455(t *testing.T) {
	bye := frame(0x88, closePayload(1000, ""))
	ended := func(code ws.CloseCode) []byte { return ws.CloseFrame(code, "") }
	cat := func(parts ...[]byte) string { return string(bytes.Join(parts, nil)) }
	cases := []struct {
		name, in string
		want     string       // exact bytes, when given
		code     ws.CloseCode // otherwise the code of the only frame
	}{
		{"text", frame(0x81, "héllo") + bye, cat(ws.TextFrame([]byte("héllo")), ended(1000)), 0},
		{"empty text", frame(0x81, "") + bye, cat(ws.TextFrame(nil), ended(1000)), 0},
		{"binary need not be UTF-8", frame(0x82, "\xff\xfe") + bye, cat(ws.BinaryFrame([]byte("\xff\xfe")), ended(1000)), 0},
		{"lengths with 16 bits", frame(0x81, strings.Repeat("a", 126)) + bye, cat(ws.TextFrame(bytes.Repeat([]byte("a"), 126)), ended(1000)), 0},
		{"at the limit", frame(0x81, strings.Repeat("b", 70_000)) + bye, cat(ws.TextFrame(bytes.Repeat([]byte("b"), 70_000)), ended(1000)), 0},
		{"over the limit", frame(0x81, strings.Repeat("b", 70_001)), "", ws.CodeTooBig},
		{"fragments over the limit", frame(0x01, strings.Repeat("b", 70_000)) + frame(0x80, "c"), "", ws.CodeTooBig},
		{"a huge announced length", "\x82\xff\x00\x00\x7f\xff\xff\xff\xff\xff\x00\x00\x00\x00", "", ws.CodeTooBig},
		{"a length with the highest bit", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", "", ws.CodeProtocolError},
		{"fragments", frame(0x01, "one ") + frame(0x00, "two ") + frame(0x80, "three") + bye, cat(ws.TextFrame([]byte("one two three")), ended(1000)), 0},
		{"a character split over fragments", frame(0x01, "\xc3") + frame(0x80, "\xa9") + bye, cat(ws.TextFrame([]byte("é")), ended(1000)), 0},
		{"a ping between fragments", frame(0x01, "one ") + frame(0x89, "p") + frame(0x80, "two") + bye, cat(ws.PongFrame([]byte("p")), ws.TextFrame([]byte("one two")), ended(1000)), 0},
		{"empty fragments", frame(0x01, "") + frame(0x00, "") + frame(0x80, "") + frame(0x81, "x") + bye, cat(ws.TextFrame(nil), ws.TextFrame([]byte("x")), ended(1000)), 0},
		{"ping of 125 bytes", frame(0x89, strings.Repeat("p", 125)) + bye, cat(ws.PongFrame(bytes.Repeat([]byte("p"), 125)), ended(1000)), 0},
		{"ping of 126 bytes", frame(0x89, strings.Repeat("p", 126)), "", ws.CodeProtocolError},
		{"unasked pong", frame(0x8a, "x") + bye, string(ended(1000)), 0},
		{"fragmented ping", frame(0x09, "x"), "", ws.CodeProtocolError},
		{"not masked", "\x81\x01a", "", ws.CodeProtocolError},
		{"reserved bit", frame(0xc1, "x"), "", ws.CodeProtocolError},
		{"reserved opcode", frame(0x83, "x"), "", ws.CodeProtocolError},
		{"reserved control opcode", frame(0x8b, "x"), "", ws.CodeProtocolError},
		{"continuation of nothing", frame(0x80, "x"), "", ws.CodeProtocolError},
		{"text inside fragments", frame(0x01, "a") + frame(0x81, "b"), "", ws.CodeProtocolError},
		{"text not UTF-8", frame(0x81, "a\xff"), "", ws.CodeInvalidData},
		{"text not UTF-8 over fragments", frame(0x01, "a") + frame(0x80, "\xc3"), "", ws.CodeInvalidData},
		{"a surrogate is not UTF-8", frame(0x81, "\xed\xa0\x80"), "", ws.CodeInvalidData},
		{"close without a code", frame(0x88, ""), string(ws.CloseFrame(ws.CodeNoStatus, "")), 0},
		{"close is echoed", frame(0x88, closePayload(4321, "done")), string(ended(4321)), 0},
		{"close with half a code", frame(0x88, "\x03"), "", ws.CodeProtocolError},
		{"close with a code that may not be sent", frame(0x88, closePayload(1005, "")), "", ws.CodeProtocolError},
		{"close with an unknown code", frame(0x88, closePayload(1016, "")), "", ws.CodeProtocolError},
		{"close with code 0", frame(0x88, closePayload(0, "")), "", ws.CodeProtocolError},
		{"close reason not UTF-8", frame(0x88, closePayload(1000, "\xff")), "", ws.CodeProtocolError},
		{"nothing is served after a close", bye + frame(0x81, "late"), string(ended(1000)), 0},
		{"handler refuses with a code", frame(0x81, "policy"), "", ws.CodePolicy},
		{"handler fails", frame(0x81, "fail"), "", ws.CodeInternal},
	}
	for _, transport := range []string{"tcp", "tls"} {
		secure := transport == "tls"
		url, _ := server(t, ws.Options{MaxMessage: 70_000}, secure)
		for _, c := range cases {
			t.Run(transport+"/"+c.name, func(t *testing.T) {
				nc, br := dial(t, url, "", secure)
				if _, err := io.WriteString(nc, c.in); err != nil {
					t.Fatal(err)
				}
				check(t, readAll(t, br), c.want, c.code)
			})
			t.Run(transport+"/with the handshake/"+c.name, func(t *testing.T) {
				_, br := dial(t, url, c.in, secure)
				check(t, readAll(t, br), c.want, c.code)
			})
		}
		t.Run(transport+"/byte by byte", func(t *testing.T) {
			nc, br := dial(t, url, "", secure)
			for _, b := range []byte(frame(0x81, "slow") + frame(0x89, "p") + bye) {
				if _, err := nc.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			check(t, readAll(t, br), cat(ws.TextFrame([]byte("slow")), ws.PongFrame([]byte("p")), ended(1000)), 0)
		})
	}
}

func check(t *testing.T, got []byte, want string, code ws.CloseCode) {
	t.Helper()
	if code == 0 {
		if string(got) != want {
			t.Fatalf("got %.80q, want %.80q", got, want)
		}
		return
	}
	if len(got) < 4 || got[0] != 0x88 || ws.CloseCode(binary.BigEndian.Uint16(got[2:])) != code || int(got[1]) != len(got)-2 {
		t.Fatalf("got %.80q, want a close frame with %s", got, code)
	}
}

func TestServeTellsWhyItEnded(t *testing.T) {
	url, ended := server(t, ws.Options{}, false)
	nc, br := dial(t, url, "", false)
	_, _ = io.WriteString(nc, frame(0x88, closePayload(1001, "leaving")))
	readAll(t, br)
	_ = nc.Close()
	var ce *ws.CloseError
	if err := <-ended; !errors.As(err, &ce) || !ce.Remote || ce.Code != ws.CodeGoingAway || ce.Reason != "leaving" {
		t.Fatalf("Serve returned %v", err)
	}
	if !strings.Contains(ce.Error(), "leaving") {
		t.Fatal(ce.Error())
	}

	nc, _ = dial(t, url, "", false)
	_, _ = io.WriteString(nc, frame(0x81, "cut off")[:4])
	_ = nc.Close()
	if err := <-ended; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("a frame cut in the middle: Serve returned %v", err)
	}
	nc, _ = dial(t, url, "", false)
	_ = nc.Close()
	if err := <-ended; err != io.EOF {
		t.Fatalf("an end between frames: Serve returned %v", err)
	}
}

func TestUpgradeRefuses(t *testing.T) {
	url, _ := server(t, ws.Options{Origins: []string{"https://board.example.com", "https://*.wall.example"}}, false)
	good := map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	cases := []struct {
		name, method, header, value string
		status                      int
	}{
		{"post", "POST", "", "", 405},
		{"no upgrade", "GET", "Upgrade", "", 426},
		{"other upgrade", "GET", "Upgrade", "h2c", 426},
		{"no connection", "GET", "Connection", "close", 400},
		{"old version", "GET", "Sec-WebSocket-Version", "8", 426},
		{"short key", "GET", "Sec-WebSocket-Key", "abc", 400},
		{"other origin", "GET", "Origin", "https://evil.example", 403},
		{"unparsable origin", "GET", "Origin", "://", 403},
		{"null origin", "GET", "Origin", "null", 403},
		{"origin with the name as a prefix", "GET", "Origin", "https://board.example.com.evil.example", 403},
		{"configured origin", "GET", "Origin", "https://Board.example.com", 101},
		{"configured pattern", "GET", "Origin", "https://a.wall.example", 101},
		{"same origin", "GET", "Origin", url, 101},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, _ := http.NewRequest(c.method, url, nil)
			for k, v := range good {
				req.Header.Set(k, v)
			}
			if c.header != "" {
				req.Header.Set(c.header, c.value)
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Fatalf("status %d, want %d", resp.StatusCode, c.status)
			}
		})
	}
}

func TestRequested(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if ws.Requested(r) {
		t.Fatal("a plain request is no upgrade")
	}
	r.Header.Set("Upgrade", "WebSocket")
	if !ws.Requested(r) {
		t.Fatal("an upgrade was not recognised")
	}
	if _, err := ws.Upgrade(httptest.NewRecorder(), r, ws.Options{}); err == nil {
		t.Fatal("upgraded without Connection header")
	}
	r.Header.Set("Connection", "upgrade")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	_, err := ws.Upgrade(httptest.NewRecorder(), r, ws.Options{})
	if he, ok := ws.AsHandshakeError(err); !ok || he.Status != http.StatusHTTPVersionNotSupported || he.Hijacked {
		t.Fatalf("a writer that cannot be hijacked: %v", err)
	}
}

func TestCloseFrameCutsTheReason(t *testing.T) {
	for n := 118; n < 130; n++ {
		f := ws.CloseFrame(ws.CodeSlow, strings.Repeat("x", n)+"é")
		if len(f) > 2+125 || int(f[1]) != len(f)-2 {
			t.Fatalf("%d: a close frame of %d bytes", n, len(f))
		}
		if reason := string(f[4:]); reason != strings.ToValidUTF8(reason, "") {
			t.Fatalf("%d: the reason was cut inside a character: %q", n, reason)
		}
	}
}
