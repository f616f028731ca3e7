package ws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/testenv"
	"trunkline/ws"
)

// TestInteropCoder talks to an independent implementation.
func TestInteropCoder(t *testing.T) {
	url, ended := server(t, ws.Options{MaxMessage: 1 << 20, Subprotocols: []string{"v2", "v1"}}, false)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		Subprotocols: []string{"v0", "v1"}, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(2 << 20)
	if c.Subprotocol() != "v1" {
		t.Fatalf("subprotocol %q", c.Subprotocol())
	}
	for _, n := range []int{0, 1, 125, 126, 500, 512, 513, 4095, 4096, 4097, 65535, 65536, 1 << 20} {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			want := bytes.Repeat([]byte("x"), n)
			if err := c.Write(ctx, kind, want); err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			gotKind, got, err := c.Read(ctx)
			if err != nil || gotKind != kind || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes: got %d of kind %v, %v", n, len(got), gotKind, err)
			}
		}
	}
	w, err := c.Writer(ctx, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := fmt.Fprint(w, strings.Repeat("fragment ", 700)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(ctx); err != nil || len(got) != 100*700*9 {
		t.Fatalf("fragments: %d bytes, %v", len(got), err)
	}
	reading := c.CloseRead(ctx)
	if err := c.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	_ = c.Close(4001, "enough")
	<-reading.Done()
	var ce *ws.CloseError
	if err := <-ended; !errors.As(err, &ce) || ce.Code != 4001 || ce.Reason != "enough" || !ce.Remote {
		t.Fatalf("Serve returned %v", err)
	}

	c, _, err = websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {url}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	if err := c.Write(ctx, websocket.MessageText, []byte("policy")); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Read(ctx)
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "not understood") {
		t.Fatalf("the client saw %v", err)
	}
}

// nodeClient sends one message of each size, checks the echo, pings and closes.
const nodeClient = `
const WebSocket = require('ws');
const c = new WebSocket(process.argv.at(-1), {perMessageDeflate: true});
const sizes = [0, 1, 125, 126, 4096, 65535, 65536, 200000];
let i = 0, pong = false;
const next = () => i < sizes.length ? c.send('x'.repeat(sizes[i])) : c.ping('hello');
c.on('open', next);
c.on('message', (m, binary) => {
  if (binary || m.length !== sizes[i]) { console.log('bad echo', i, m.length); process.exit(1); }
  i++; next();
});
c.on('pong', p => { pong = p.toString() === 'hello'; c.close(4002, 'done'); });
c.on('close', code => { console.log('closed', code, pong); process.exit(code === 4002 && pong ? 0 : 1); });
c.on('error', e => { console.log(e.message); process.exit(1); });
setTimeout(() => process.exit(2), 15000);
`

// TestInteropNode talks to the client that most JavaScript programs use.
func TestInteropNode(t *testing.T) {
	modules, err := filepath.Abs("../test/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		testenv.Optional(t, "node is not installed")
	}
	if _, err := os.Stat(filepath.Join(modules, "ws")); err != nil {
		testenv.Optional(t, "the npm package ws is not installed in test/node")
	}
	url, ended := server(t, ws.Options{MaxMessage: 1 << 20}, false)
	cmd := exec.Command("node", "-e", nodeClient, "--", strings.Replace(url, "http", "ws", 1))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var ce *ws.CloseError
	if err := <-ended; !errors.As(err, &ce) || ce.Code != 4002 {
		t.Fatalf("Serve returned %v", err)
	}
}
