package freeswitch_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/replay"
	"trunkline/replay/asesl"
	"trunkline/source"
	"trunkline/source/freeswitch"
	"trunkline/source/line"
)

// notebook is a log in memory that drops duplicates, as the real one does.
type notebook struct {
	mu         sync.Mutex
	facts      []said
	seen       map[string]bool
	duplicates int
	calls      int
	fail       func(call int) error
}

func (n *notebook) Append(_ context.Context, _ string, events []event.Event) (eventlog.Result, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if n.fail != nil {
		if err := n.fail(n.calls); err != nil {
			return eventlog.Result{}, err
		}
	}
	if n.seen == nil {
		n.seen = make(map[string]bool)
	}
	for _, e := range events {
		if n.seen[e.ID] {
			n.duplicates++
			continue
		}
		n.seen[e.ID] = true
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

// captured switch, loaded once.
var served struct {
	once sync.Once
	sw   *asesl.Switch
}

func reads(t testing.TB) []replay.Read {
	reads, err := replay.ReadTiming(bytes.NewReader(unzip(t, "esl-capture.timing.jsonl.gz")))
	if err != nil {
		t.Fatal(err)
	}
	return reads
}

func theSwitch(t testing.TB, o asesl.Options) *asesl.Switch {
	served.once.Do(func() {
		var err error
		if served.sw, err = asesl.Load(bytes.NewReader(capture(t)), reads(t), asesl.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	return served.sw.With(o)
}

// dialPipe connects to a server without a network, as virtual time needs it.
func dialPipe(serve func(net.Conn)) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go serve(far)
		return near, nil
	}
}

func clientOptions(start time.Time, serve func(net.Conn), log source.Appender) freeswitch.ClientOptions {
	began := time.Now()
	return freeswitch.ClientOptions{Settings: line.Settings{
		Name: "fs1", Tenant: "acme", Address: "fs.example:8021", Secret: "ClueCon", Log: log, Dial: dialPipe(serve),
		Now: func() time.Time { return start.Add(time.Since(began)) },
	}}
}

// follow lets a client follow the switch through its capture.
func follow(t testing.TB, sw *asesl.Switch, o freeswitch.ClientOptions) *freeswitch.Client {
	t.Helper()
	return while(t, o, func(ctx context.Context) {
		if err := sw.Play(ctx); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second) // of virtual time: what was sent arrives
	})
}

// while runs a client as long as do takes.
func while(t testing.TB, o freeswitch.ClientOptions, do func(context.Context)) *freeswitch.Client {
	t.Helper()
	c := freeswitch.NewClient(o)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	do(ctx)
	cancel()
	running.Wait()
	return c
}

// callFacts are those of interactions, which FreeSWITCH gives their time.
func callFacts(facts []said) string {
	var b strings.Builder
	for _, s := range facts {
		if strings.HasPrefix(s.fact.EventType(), "interaction.") {
			fmt.Fprintf(&b, "%s %s\n", s.meta.Time.UTC().Format(time.StampMilli), strings.SplitN(s.String(), " ", 3)[2])
		}
	}
	return b.String()
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

// TestLiveEqualsTheTranslation follows the whole capture over the wire.
func TestLiveEqualsTheTranslation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := theSwitch(t, asesl.Options{Speed: 1, Patience: time.Minute})
		log := &notebook{}
		c := follow(t, sw, clientOptions(sw.Start(), sw.ServeConn, log))
		got, want := callFacts(log.all()), callFacts(translate(t))
		if got != want {
			t.Errorf("live facts differ: %s", firstDifference(got, want))
		}
		n := counts(log.all())
		for typ, w := range golden {
			if n[typ] != w {
				t.Errorf("%d %s, want %d", n[typ], typ, w)
			}
		}
		resets := of[event.SourceReset](log.all())
		if len(resets) != 1 || resets[0].Reason != event.ResetResync || len(resets[0].Interactions) != 1 {
			t.Errorf("got %+v, want one that names the call under way", resets)
		}
		open, wrong := audit(log.all())
		if len(open)+len(wrong) > 0 {
			t.Errorf("open %v, wrong %v", open, wrong)
		}
		ups, downs := of[event.SourceUp](log.all()), of[event.SourceDown](log.all())
		if ups[0].Version == "" || ups[0].Address != "fs.example:8021" || !downs[0].Orderly {
			t.Errorf("got %+v, %+v", ups, downs)
		}
		if h := c.Health(); h.Logins != 1 || h.Faults != 0 || h.State != source.StateDown || h.Open != 0 || h.Waiting != 0 || h.Events != 184 {
			t.Errorf("got %+v", h)
		}
	})
}

// TestCutsAnywhere breaks the connection at random places, in the middle of an
// event, for up to half a minute. Whatever was missed, nothing stays open,
// nothing ends twice, and what is not lost ends as it did.
func TestCutsAnywhere(t *testing.T) {
	outcome := func(facts []said) map[string]string {
		got := make(map[string]string)
		for _, s := range facts {
			switch f := s.fact.(type) {
			case event.InteractionDequeued:
				got[f.Interaction] = string(f.Reason)
			case event.InteractionAccepted:
				got[f.Interaction] = "answered by " + f.Agent
			}
		}
		return got
	}
	want := outcome(translate(t))
	same, lost := 0, 0
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			sw := theSwitch(t, asesl.Options{Speed: 1, Patience: time.Minute})
			sw.Cut(rnd.Int64N(800_000), time.Duration(rnd.Int64N(int64(30*time.Second))))
			log := &notebook{}
			follow(t, sw, clientOptions(sw.Start(), sw.ServeConn, log))
			facts := log.all()
			open, wrong := audit(facts)
			if !comparedSince(facts) {
				open = nil // FreeSWITCH was gone before the client had come back and seen what it missed
			}
			if len(open)+len(wrong) > 0 {
				t.Errorf("seed %d: open %v, wrong %v", seed, open, wrong)
			}
			for id, got := range outcome(facts) {
				switch {
				case got == want[id]:
					same++
				case got == "lost":
					lost++
				default:
					t.Errorf("seed %d: %s was %s, not %s", seed, id, got, want[id])
				}
			}
			if cameBack(facts) && len(of[event.SourceGap](facts)) == 0 {
				t.Errorf("seed %d: no gap is told", seed)
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%d visits as they were, %d lost in a cut", same, lost)
}

// cameBack tells whether the source was up again after it had been down.
func cameBack(facts []said) bool {
	down := false
	for _, s := range facts {
		switch s.fact.(type) {
		case event.SourceDown:
			down = true
		case event.SourceUp:
			if down {
				return true
			}
		}
	}
	return false
}

// comparedSince tells whether the snapshot after the last login was compared with
// what was open.
func comparedSince(facts []said) bool {
	compared := true
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.SourceDown:
			compared = compared && f.Orderly
		case event.SourceUp:
			compared = false
		case event.SourceReset:
			compared = true
		}
	}
	return compared
}

// TestRestartInMidCall breaks off in the middle of calls, and another core
// takes over.
func TestRestartInMidCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const before = 523254 // one agent talks, another one's phone rings
		data := slices.Clone(capture(t)[:before])
		data = append(data, bytes.ReplaceAll(capture(t), []byte("d5ee12c9-e806"), []byte("eeeeeeee-e806"))...)
		sw, err := asesl.Load(bytes.NewReader(data), nil, asesl.Options{Speed: 1, Patience: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		log := &notebook{}
		o := clientOptions(sw.Start(), sw.ServeConn, log)
		o.RetryMax = time.Second
		follow(t, sw, o)
		resets := of[event.SourceReset](log.all())
		if len(resets) < 2 || resets[1].Reason != event.ResetCrash {
			t.Errorf("got %+v", resets)
		}
		lost := map[string]int{}
		for _, s := range log.all() {
			switch f := s.fact.(type) {
			case event.InteractionDequeued:
				if f.Reason == event.DequeueLost {
					lost["visit"]++
				}
			case event.InteractionReleased:
				if f.Lost {
					lost["talk"]++
				}
			case event.InteractionEnded:
				if f.Lost {
					lost["interaction"]++
				}
			}
		}
		if lost["visit"] != 1 || lost["talk"] != 1 || lost["interaction"] != 2 {
			t.Errorf("lost %v", lost)
		}
	})
}

// TestAQuietSwitchIsHeard says often enough that a switch without calls is there.
func TestAQuietSwitchIsHeard(t *testing.T) {
	for promise, want := range map[time.Duration]int{0: 60, -1: 1, 10 * time.Minute: 12} {
		synctest.Test(t, func(t *testing.T) {
			sw := theSwitch(t, asesl.Options{})
			log := &notebook{}
			o := clientOptions(sw.Start(), sw.ServeConn, log)
			o.Promise = promise
			while(t, o, func(context.Context) { time.Sleep(time.Hour) })
			ups := of[event.SourceUp](log.all())
			bound := map[time.Duration]int64{0: 120_000, -1: 0, 10 * time.Minute: 600_000}[promise]
			// The clock of a played switch stands while nothing is played, so that some have one id.
			if n := len(ups) + log.duplicates; n < want-1 || n > want+2 || ups[0].SilenceMS != bound {
				t.Errorf("%v: %d times up, want %d, %+v", promise, n, want, ups[0])
			}
		})
	}
}
