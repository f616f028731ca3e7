package asterisk_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/replay"
	"trunkline/replay/aspbx"
	"trunkline/source"
	"trunkline/source/asterisk"
	"trunkline/source/line"
)

// notebook is a log in memory that drops duplicates, as the real one does.
type notebook struct {
	mu         sync.Mutex
	facts      []said
	seen       map[string]string
	duplicates int
	conflicts  int
	calls      int
	fail       func(call int) error
}

func (n *notebook) Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if n.fail != nil {
		if err := n.fail(n.calls); err != nil {
			return eventlog.Result{}, err
		}
	}
	if n.seen == nil {
		n.seen = make(map[string]string)
	}
	for _, e := range events {
		key := e.Source + " " + e.ID
		if raw, ok := n.seen[key]; ok {
			n.duplicates++
			if raw != string(e.Raw) {
				n.conflicts++
			}
			continue
		}
		n.seen[key] = string(e.Raw)
		f, err := event.Decode(e)
		if err != nil {
			return eventlog.Result{}, err
		}
		n.facts = append(n.facts, said{event.Meta{ID: e.ID, Source: e.Source, Tenant: e.Tenant, Time: e.Time}, f})
	}
	return eventlog.Result{Accepted: len(events)}, nil
}

func (n *notebook) all() []said {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.facts)
}

// pbx serves the capture.
func pbx(t testing.TB, o aspbx.Options) *aspbx.PBX {
	served.once.Do(func() {
		reads, err := replay.ReadTiming(bytes.NewReader(unzip(t, "ami-capture.timing.jsonl.gz")))
		if err != nil {
			t.Fatal(err)
		}
		if served.pbx, err = aspbx.Load(bytes.NewReader(capture(t)), reads, aspbx.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	return served.pbx.With(o)
}

var served struct {
	once sync.Once
	pbx  *aspbx.PBX
}

// dialPipe connects to a PBX without a network, as virtual time needs it.
func dialPipe(p *aspbx.PBX) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go p.ServeConn(far)
		return near, nil
	}
}

func clientOptions(p *aspbx.PBX, log source.Appender) asterisk.ClientOptions {
	start := time.Now()
	return asterisk.ClientOptions{User: "trunkline", Settings: line.Settings{
		Name: "pbx1", Tenant: "acme", Address: "pbx.example:5038", Secret: "trunkline",
		Log: log, Dial: dialPipe(p),
		Now: func() time.Time { return p.Start().Add(time.Since(start)) },
	}}
}

// runClient lets a client follow the PBX through its capture.
func runClient(t testing.TB, p *aspbx.PBX, o asterisk.ClientOptions) *asterisk.Client {
	t.Helper()
	c := asterisk.NewClient(o)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	if err := p.Play(ctx); err != nil {
		t.Error(err)
	}
	time.Sleep(5 * time.Second) // of virtual time: what was sent arrives
	cancel()
	running.Wait()
	return c
}

// callFacts are those of interactions, which the PBX gives their time.
func callFacts(facts []said) string {
	var b strings.Builder
	for _, s := range facts {
		if strings.HasPrefix(s.fact.EventType(), "interaction.") {
			raw := data(s.fact)
			if strings.Contains(raw, "lost") { // when it was missed is when the connection was made again
				s.meta.ID, s.meta.Time = "", time.Time{}
			}
			fmt.Fprintf(&b, "%s %s %s\n", s.meta.ID, s.meta.Time.UTC().Format(time.StampMilli), raw)
		}
	}
	return b.String()
}

func data(f event.Fact) string {
	e, err := event.Encode(event.Meta{ID: "x", Source: "x"}, f)
	if err != nil {
		return err.Error()
	}
	return string(e.Raw)
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// stopping is a connection over which nothing comes after stop.
type stopping struct {
	net.Conn
	mu      sync.Mutex
	stopped bool
	wait    chan struct{}
	once    sync.Once
}

func (s *stopping) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	if stopped && err == nil {
		<-s.wait
		return 0, net.ErrClosed
	}
	return n, err
}

func (s *stopping) Close() error {
	s.once.Do(func() { close(s.wait) })
	return s.Conn.Close()
}
