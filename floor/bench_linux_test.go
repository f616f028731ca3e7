package floor_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog/commit"
	"trunkline/floor"
	"trunkline/sim"
)

func benchItems(b *testing.B, n int) []sim.Item {
	b.Helper()
	s := simulation(b, centre(1, 200))
	items := make([]sim.Item, 0, n)
	for len(items) < n {
		item, ok := s.Next()
		if !ok {
			break
		}
		items = append(items, item)
	}
	return items
}

// cpu is the processor time used so far: the rates are of a core, whatever else
// the machine does.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The rate at which decoded facts are folded.
func BenchmarkFoldFact(b *testing.B) {
	items := benchItems(b, 200_000)
	for _, o := range []struct {
		name string
		opts floor.Options
	}{{"state", floor.Options{NoContext: true}}, {"context", floor.Options{}}} {
		b.Run(o.name, func(b *testing.B) {
			b.ReportAllocs()
			start := cpu()
			f := floor.NewFold(o.opts)
			for n := 0; b.Loop(); n++ {
				i := n % len(items)
				if i == 0 {
					f = floor.NewFold(o.opts)
				}
				f.FoldFact(tenant, uint64(i+1), items[i].Meta.Time, &items[i].Meta, items[i].Fact)
			}
			b.ReportMetric(float64(b.N)/(cpu()-start).Seconds(), "facts/cpu-s")
		})
	}
}

// The same from the bytes of the log.
func BenchmarkFoldRecord(b *testing.B) {
	items := benchItems(b, 100_000)
	records := make([]commit.Record, len(items))
	for i := range items {
		e, err := event.Encode(items[i].Meta, items[i].Fact)
		if err != nil {
			b.Fatal(err)
		}
		records[i] = commit.Record{Seq: uint64(i + 1), Received: items[i].Meta.Time, Raw: e.Raw}
	}
	for _, o := range []struct {
		name string
		opts floor.Options
	}{{"state", floor.Options{NoContext: true}}, {"context", floor.Options{}}} {
		b.Run(o.name, func(b *testing.B) {
			b.ReportAllocs()
			start := cpu()
			f := floor.NewFold(o.opts)
			for n := 0; b.Loop(); n++ {
				i := n % len(records)
				if i == 0 {
					f = floor.NewFold(o.opts)
				}
				f.Fold(tenant, &records[i])
			}
			b.ReportMetric(float64(b.N)/(cpu()-start).Seconds(), "facts/cpu-s")
		})
	}
}

// crowd is a floor of so many agents in three queues each, and open calls.
func crowd(tb testing.TB, agents, calls int) *floor.Fold {
	tb.Helper()
	f := floor.NewFold(floor.Options{NoContext: true})
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	n := uint64(0)
	say := func(facts ...event.Fact) {
		for _, fact := range facts {
			n++
			f.FoldFact(tenant, n, at, &event.Meta{ID: fmt.Sprint(n), Source: "pbx", Time: at}, fact)
		}
	}
	for i := range agents {
		id := fmt.Sprintf("agent-%06d", i)
		say(event.AgentProvisioned{AgentRef: agentRef(id), Change: event.ProvisionCreated, Name: "Somebody Or-Other", Login: id + "@example.org",
			GUID: "6f9619ff-8b86-d011-b42d-00c04fc964ff", GivenName: "Somebody", FamilyName: "Or-Other"})
		for q := range 3 {
			say(event.AgentProvisioned{AgentRef: agentRef(id), Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: fmt.Sprint("queue-", (i+q)%50)}})
		}
		say(event.AgentStatusChanged{AgentRef: agentRef(id), Presence: event.PresenceAvailable})
	}
	for i := range calls {
		ref := call(fmt.Sprintf("int-184a63564dc-%08d-phone-00-acmecorp01", i))
		queue, agent := fmt.Sprint("queue-", i%50), fmt.Sprintf("agent-%06d", i%max(agents, 1))
		say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn, Channel: "+15515557212", ChannelName: "Main line",
			Customer: &event.Customer{Number: "+13125555068", Name: "A Customer"}, Attributes: event.Attributes{"tier": "gold", "ivr": "1-2-4"}})
		say(event.InteractionQueued{Ref: ref, Queue: queue})
		if i%2 == 0 && agents > 0 {
			say(event.InteractionAccepted{Ref: ref, Queue: queue, Agent: agent, Legs: &event.Legs{Agent: "leg"}})
		}
	}
	return f
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An agent, with membership in three queues, is held in about a kilobyte, an open
// interaction in two.
func TestMemoryOfAFloor(t *testing.T) {
	const agents, calls = 5000, 5000
	before := heap()
	f := crowd(t, agents, 0)
	perAgent := (heap() - before) / agents
	runtime.KeepAlive(f)
	before = heap()
	g := crowd(t, 0, calls)
	perCall := (heap() - before) / calls
	runtime.KeepAlive(g)
	t.Logf("%d bytes an agent, %d bytes an open interaction", perAgent, perCall)
	if perAgent > 1200 || perCall > 2048 {
		t.Errorf("%d bytes an agent, %d bytes an open interaction", perAgent, perCall)
	}
}

func BenchmarkRestart(b *testing.B) {
	f := crowd(b, 50_000, 20_000)
	snap := snapshot(b, f)
	b.ReportMetric(float64(len(snap))/1e6, "MB")
	for b.Loop() {
		if err := floor.NewFold(floor.Options{}).Restore(snap); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	f := crowd(b, 50_000, 20_000)
	for b.Loop() {
		snapshot(b, f)
	}
}
