package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/ws"
)

// severed is a node's way to a bucket, which can be cut.
type severed struct {
	control.KV
	cut atomic.Bool
}

var errCut = errors.New("the node is cut off")

func (s *severed) Get(ctx context.Context, key string) (control.Entry, error) {
	if s.cut.Load() {
		return control.Entry{}, errCut
	}
	return s.KV.Get(ctx, key)
}

func (s *severed) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	if s.cut.Load() {
		return 0, errCut
	}
	return s.KV.Put(ctx, key, value)
}

// Watch is late rather than wrong while the way is cut.
func (s *severed) Watch(ctx context.Context, fn func(control.Entry), ready func()) error {
	return s.KV.Watch(ctx, func(e control.Entry) {
		for s.cut.Load() && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		fn(e)
	}, ready)
}

// nodesOf gives feeds on one log that share their buckets, as the nodes of a cluster do.
func nodesOf(t *testing.T, n int) (nodes []*edge, places control.KV) {
	t.Helper()
	log, seats, next := numbered(), control.NewMemory(), map[string]uint64{}
	places = control.NewMemory()
	for range n {
		shared, err := stream.OpenSeats(t.Context(), seats, time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := serve(t, log, stream.Options{Seats: shared, Subscriptions: places, AckInterval: 20 * time.Millisecond})
		e.next = next
		nodes = append(nodes, e)
	}
	return nodes, places
}

// full fails the test unless a fourth subscription is refused at a node, and told which there are.
func full(t *testing.T, e *edge, name, want string) {
	t.Helper()
	status, _, body := e.get(t, "GET", updates+"tenantId=alpha&subsId="+name, "alpha")
	var p struct{ Connected []string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusTooManyRequests || fmt.Sprint(p.Connected) != want {
		t.Fatalf("a fourth: %d %s", status, body)
	}
}

// A tenant's three subscriptions may be connected to any nodes. One that connects to
// another node takes over from itself, goes on behind what it acknowledged, and what the
// old connection leaves behind moves nothing.
func TestSubscriptionsOfTwoNodes(t *testing.T) {
	nodes, places := nodesOf(t, 2)
	one, two := nodes[0], nodes[1]
	a := one.socket(t, "alpha", "subsId=a&ack=explicit")
	two.socket(t, "alpha", "subsId=b")
	c := one.socket(t, "alpha", "subsId=c")
	two.socket(t, "beta", "subsId=d")
	for _, e := range nodes {
		full(t, e, "d", "[a b c]")
	}
	one.add("alpha", 10)
	need(t, a, 1, 10)
	if err := a.Write(t.Context(), websocket.MessageText, []byte(`{"ack":4}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the acknowledgement is stored", func() bool {
		at, err := place(places, "alpha/a")
		return err == nil && at == 4
	})

	moved := two.socket(t, "alpha", "subsId=a&ack=explicit")
	if code := a.closed(t); code != websocket.StatusCode(ws.CodeReplaced) {
		t.Errorf("the connection to the other node was closed with %d", code)
	}
	need(t, moved, 5, 10)
	full(t, one, "d", "[a b c]")
	if err := moved.Write(t.Context(), websocket.MessageText, []byte(`{"ack":9}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new connection's acknowledgement is stored", func() bool {
		at, err := place(places, "alpha/a")
		return err == nil && at == 9
	})
	back := one.socket(t, "alpha", "subsId=a")
	if code := moved.closed(t); code != websocket.StatusCode(ws.CodeReplaced) {
		t.Errorf("the connection to the second node was closed with %d", code)
	}
	need(t, back, 10, 10)

	c.Close()
	var d *websocket.Conn
	eventually(t, "the seat is free at the other node", func() bool {
		conn, _, err := two.dial(t, "alpha", "subsId=d")
		d = conn
		return err == nil
	})
	defer func() { _ = d.CloseNow() }()
	full(t, one, "c", "[a b d]")

	// A node that stops gives its seats back at once.
	two.stop(t)
	one.socket(t, "alpha", "subsId=e")
	one.socket(t, "alpha", "subsId=f")
}

// place is what the bucket has of a subscription's place.
func place(places control.KV, key string) (uint64, error) {
	got, err := places.Get(context.Background(), key)
	if err != nil {
		return 0, err
	}
	var at struct {
		Cursor string `json:"cursor"`
	}
	if err := json.Unmarshal(got.Value, &at); err != nil {
		return 0, err
	}
	c, err := eventlog.ParseCursor(at.Cursor)
	return c.Seq, err
}

// A node that cannot be heard loses its seats after a lease. When it is back its
// connections keep those that nobody took; the others are sent away to come again.
func TestASilentNodeLosesItsSeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		log, bucket, places := numbered(), control.NewMemory(), control.NewMemory()
		var sites []*site
		var ways []*severed
		for range 2 {
			way := &severed{KV: bucket}
			seats, err := stream.OpenSeats(ctx, way, 5*time.Second, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := openSite(t, log, stream.Options{Seats: seats, Subscriptions: places})
			defer s.stop()
			sites, ways = append(sites, s), append(ways, way)
		}
		type listener struct {
			got chan uint64
			end chan error
		}
		var mine []listener
		for _, name := range []string{"a", "b", "c"} {
			got, end, _ := sites[0].listen("subsId=" + name)
			mine = append(mine, listener{got, end})
		}
		knock := func(name string) int {
			_, resp, err := websocket.Dial(ctx, "http://x"+updates+"tenantId=alpha&subsId="+name, &websocket.DialOptions{HTTPClient: sites[1].client})
			if err == nil {
				t.Fatal("a fourth is connected")
			}
			return resp.StatusCode
		}
		time.Sleep(time.Minute)
		if status := knock("d"); status != http.StatusTooManyRequests {
			t.Fatalf("a fourth: %d", status)
		}
		ways[0].cut.Store(true)
		time.Sleep(3 * time.Second)
		if status := knock("d"); status != http.StatusTooManyRequests {
			t.Fatalf("a fourth within the lease: %d", status)
		}
		time.Sleep(4 * time.Second)
		sites[1].listen("subsId=d")
		sites[1].listen("subsId=e")
		ways[0].cut.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		sites[0].add(1)
		time.Sleep(time.Second)
		synctest.Wait()
		kept, away := 0, 0
		for _, l := range mine {
			select {
			case err := <-l.end:
				if websocket.CloseStatus(err) != websocket.StatusCode(ws.CodeStreamExpired) {
					t.Errorf("ended with %v", err)
				}
				away++
			default:
				if list := all(l.got); len(list) == 0 || list[len(list)-1] != 1 {
					t.Errorf("who stayed got %v", list)
				}
				kept++
			}
		}
		if kept != 1 || away != 2 {
			t.Errorf("%d connections were kept, %d sent away", kept, away)
		}
	})
}
