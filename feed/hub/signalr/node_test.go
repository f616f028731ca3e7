package signalr_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"trunkline/feed/hub/signalr"
	"trunkline/internal/testenv"
)

// stamp is a time as .NET sends it: text in JSON, a timestamp in MessagePack.
type stamp struct{ time.Time }

func (s stamp) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeTime(s.Time) }

type counted struct {
	Number  int    `json:"number"`
	Text    string `json:"text"`
	Nothing *int   `json:"nothing"`
	At      stamp  `json:"at"`
}

// plain is a hub with methods that have nothing to do with contact centres.
func plain(t *testing.T, change func(*signalr.Options)) (*signalr.Server, *httptest.Server) {
	t.Helper()
	s, handler := hub(t, change)
	h := httptest.NewServer(handler)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		s.Close(ctx)
		h.CloseClientConnections()
		h.Close()
	})
	return s, h
}

// hub is the same without a listener. Whoever asks for it closes the server.
func hub(t *testing.T, change func(*signalr.Options)) (*signalr.Server, http.Handler) {
	t.Helper()
	var mu sync.Mutex // guards order
	order := map[*signalr.Conn][]any{}
	o := signalr.Options{
		Authenticate: func(w http.ResponseWriter, r *http.Request) (signalr.Identity, bool) {
			token := r.URL.Query().Get("access_token")
			if token == "" {
				token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			}
			name, _, ok := strings.Cut(token, "-")
			if !ok {
				http.Error(w, "no", http.StatusUnauthorized)
			}
			return signalr.Identity{User: name, Key: name}, ok
		},
		Methods: map[string]signalr.Method{
			"Echo": func(_ context.Context, c *signalr.Conn, args []json.RawMessage) (any, error) {
				if len(args) == 0 {
					return nil, signalr.CallError("Echo needs something to say.")
				}
				var said any
				if err := json.Unmarshal(args[0], &said); err != nil {
					return nil, err
				}
				if n, ok := said.(float64); ok {
					mu.Lock()
					order[c] = append(order[c], n)
					mu.Unlock()
				}
				return said, nil
			},
			"Order": func(_ context.Context, c *signalr.Conn, _ []json.RawMessage) (any, error) {
				mu.Lock()
				defer mu.Unlock()
				return order[c], nil
			},
			"Nothing": func(context.Context, *signalr.Conn, []json.RawMessage) (any, error) { return signalr.Void{}, nil },
			"Null":    func(context.Context, *signalr.Conn, []json.RawMessage) (any, error) { return nil, nil },
			"Told": func(context.Context, *signalr.Conn, []json.RawMessage) (any, error) {
				return nil, signalr.CallError("this is for you")
			},
			"Broken": func(context.Context, *signalr.Conn, []json.RawMessage) (any, error) {
				return nil, errors.New("the password of the database is secret")
			},
			"Panics": func(context.Context, *signalr.Conn, []json.RawMessage) (any, error) { panic("secret as well") },
			"Cut": func(_ context.Context, c *signalr.Conn, _ []json.RawMessage) (any, error) {
				c.Close("cut", true)
				return signalr.Void{}, nil
			},
			"Count": func(_ context.Context, c *signalr.Conn, args []json.RawMessage) (any, error) {
				var n int
				if err := json.Unmarshal(args[0], &n); err != nil {
					return nil, signalr.CallError("Count needs a number.")
				}
				go func() {
					for i := range n {
						c.Send(signalr.NewMessage("Counted", counted{Number: i, Text: "grüß <Gott>", At: stamp{time.UnixMilli(1700000000123).UTC()}}))
					}
				}()
				return signalr.Void{}, nil
			},
		},
		QueueBytes: 16 << 20,
		Logger:     slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	s, err := signalr.New(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hub/negotiate", s.Negotiate)
	mux.HandleFunc("OPTIONS /hub/negotiate", s.Preflight)
	mux.HandleFunc("OPTIONS /hub", s.Preflight)
	mux.HandleFunc("GET /hub", s.Connect)
	mux.HandleFunc("POST /hub", s.Post)
	mux.HandleFunc("DELETE /hub", s.Delete)
	return s, mux
}

// The official JavaScript client over every transport and in both protocols.
func TestOfficialClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so no official SignalR client was tried")
	}
	project := filepath.Join("..", "..", "..", "test", "node")
	if _, err := os.Stat(filepath.Join(project, "node_modules", "@microsoft", "signalr")); err != nil {
		testenv.Optional(t, "run npm ci in test/node to try the official SignalR client")
	}
	_, h := plain(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client := exec.CommandContext(ctx, node, "signalr.mjs", h.URL+"/hub", "10000")
	client.Dir = project
	out, err := client.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
