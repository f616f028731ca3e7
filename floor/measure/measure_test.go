package measure_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
	"trunkline/floor/measure"
	"trunkline/sim"
)

var update = flag.Bool("update", false, "write docs/measures.md")

func TestTheDocumentIsOfThisCatalogue(t *testing.T) {
	const path = "../../docs/measures.md"
	want := measure.Document()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/measures.md is stale: go test ./floor/measure -update")
	}
}

func TestTheCatalogueIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range measure.Catalogue() {
		if seen[m.Name] {
			t.Errorf("%s is there twice", m.Name)
		}
		seen[m.Name] = true
		if m.Formula == "" || !strings.HasSuffix(m.Description, ".") || m.Of == 0 {
			t.Errorf("%s is not described", m.Name)
		}
		if measure.Named(m.Name).Name != m.Name {
			t.Errorf("%s is not found", m.Name)
		}
		if (m.Type == measure.Duration) != (m.Unit == measure.Seconds) || (m.Type == measure.TimeInState) != (m.Unit == measure.EpochMS) {
			t.Errorf("%s of type %s is in %q", m.Name, m.Type, m.Unit)
		}
	}
	// What the samples of the measures interface show.
	for _, name := range strings.Fields(`reasonCodeName timeInState agentLoginId userStatus agentLastName agentDisplayName timeOnHold
		timeLoggedIn timeActive idleTimeDuration agentLogonDuration timeInACW agentState agentFirstName abandonedFromAlerting activeDuration
		coached isDefaultQueue active activeEngagementsInACW contactsQueueing Answered coachingDuration queueName coachedDuration
		activeAgentsInACW alertDuration Completed coaching Offered abandonedFromQueue`) {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

type visit struct {
	waited   int64
	answered bool
}

// The five formulas, straight from their definitions over a list of visits.
func levels(visits []visit, target, short int64) map[string]float64 {
	var a, at, b, bt, bs float64
	for _, v := range visits {
		switch {
		case v.answered:
			a++
			if v.waited <= target {
				at++
			}
		default:
			b++
			if v.waited <= target {
				bt++
			}
			if v.waited <= short {
				bs++
			}
		}
	}
	return map[string]float64{
		"serviceLevelWithAbandons": (at + bt) / (a + b), "serviceLevelAnswered": at / a, "serviceLevelOffered": at / (a + b),
		"serviceLevelLessEarlyAbandons": at / (a + b - bt), "serviceLevelWithShortAbandons": (at + bs) / (a + b),
	}
}

func TestFiveServiceLevelsFromTheirDefinitions(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		target, short := 1000*(1+rnd.Int64N(40)), 1000*(1+rnd.Int64N(10))
		f := floor.NewFold(floor.Options{})
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		n := uint64(0)
		say := func(fact event.Fact) {
			n++
			f.FoldFact("t", n, at, &event.Meta{ID: fmt.Sprint(n), Source: "s", Time: at}, fact)
		}
		say(event.QueueConfigured{Queue: "q", ServiceLevelMS: target, ShortAbandonMS: short})
		var visits []visit
		for i := range rnd.IntN(60) {
			v := visit{1000 * rnd.Int64N(60), rnd.IntN(2) == 0}
			ref := event.Ref{Interaction: fmt.Sprint(round, "-", i), Media: event.MediaPhone}
			say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn})
			say(event.InteractionQueued{Ref: ref, Queue: "q"})
			at = at.Add(time.Duration(v.waited) * time.Millisecond)
			if v.answered {
				say(event.InteractionAccepted{Ref: ref, Queue: "q", Agent: "a"})
			} else {
				say(event.InteractionDequeued{Ref: ref, Queue: "q", Reason: event.DequeueAbandoned})
			}
			visits = append(visits, v)
		}
		tenant := f.Tenant("t")
		view := measure.Queue(tenant, tenant.Queue("q"))
		for name, want := range levels(visits, target, short) {
			got := measure.Named(name).Read(&view)
			if none := math.IsNaN(want) || math.IsInf(want, 0); none == got.There || !none && math.Abs(got.Float()-100*want) > 1e-9 {
				t.Fatalf("%s is %v, want %v, of %v", name, got, 100*want, visits)
			}
		}
	}
}

func TestMeasuresOfASimulatedCentre(t *testing.T) {
	cfg := sim.DefaultConfig()
	cfg.Seed, cfg.Agents, cfg.Busy = 4, 60, true
	cfg.Start, cfg.Length, cfg.Drain = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Hour, true
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := floor.NewFold(floor.Options{NoContext: true})
	n := uint64(0)
	for m, fact := range s.All {
		n++
		f.FoldFact("t", n, m.Time, &m, fact)
	}
	books, tenant := s.Books(), f.Tenant("t")
	near := func(what string, v measure.Value, want float64) {
		t.Helper()
		if math.IsNaN(want) {
			if v.There {
				t.Errorf("%s is %v, want none", what, v)
			}
			return
		}
		if math.Abs(v.Float()-want) > 1e-6*math.Max(1, math.Abs(want)) {
			t.Errorf("%s is %v, want %v", what, v.Float(), want)
		}
	}
	read := func(v measure.View, name string) measure.Value { return measure.Named(name).Read(&v) }
	for id, b := range books.Queues {
		v := measure.Queue(tenant, tenant.Queue(id))
		near("ASA", read(v, "averageSpeedOfAnswer"), float64(b.WaitAnswered.Sum)/float64(b.Answered)/1000)
		near("AHT", read(v, "averageHandleTime"), float64(b.Talk+b.Hold+b.Wrap)/float64(b.Handled)/1000)
		near("abandon rate", read(v, "abandonRate"), 100*float64(b.AbandonedShort+b.AbandonedLong)/float64(b.Offered))
		near("level", read(v, "serviceLevelOffered"), 100*float64(b.AnsweredInTarget)/float64(b.Answered+b.AbandonedShort+b.AbandonedLong))
		near("max wait", read(v, "maxWait"), float64(max(b.WaitAnswered.Max, b.WaitLeft.Max))/1000)
	}
	busy, idle := int64(0), int64(0)
	for id, b := range books.Agents {
		v := measure.Agent(tenant, tenant.Agent(id))
		v.Now = books.At.UnixMilli()
		taken := b.In(sim.Contact) + b.In(sim.WrapUp) + b.In(sim.Offered)
		near("occupancy", read(v, "occupancy"), 100*float64(taken)/float64(taken+b.In(sim.Idle)))
		near("logged in", read(v, "agentLogonDuration"), float64(taken+b.In(sim.Idle)+b.In(sim.Away))/1000)
		busy, idle = busy+taken, idle+b.In(sim.Idle)
	}
	if got, want := float64(busy)/float64(busy+idle), books.Occupancy(); math.Abs(got-want) > 1e-9 {
		t.Errorf("occupancy of all is %v, want %v", got, want)
	}
	// Channels add up to queues, and no key is left without a value by a panic.
	offered := int64(0)
	for m := range floor.NumMedia {
		v := measure.Channel(tenant, m)
		offered += read(v, "Offered").Whole
		everything(v)
	}
	if sum := books.Sum(); offered != int64(sum.Offered) {
		t.Errorf("%d offered in all channels, want %d", offered, sum.Offered)
	}
	for _, q := range tenant.Queues() {
		everything(measure.Queue(tenant, q))
		for m := range floor.NumMedia {
			if v, ok := measure.QueueChannel(tenant, q, m); ok {
				everything(v)
			}
		}
	}
	for _, a := range tenant.Agents() {
		everything(measure.Agent(tenant, a))
		for i := range a.ByQ {
			everything(measure.AgentQueue(tenant, a, &a.ByQ[i]))
		}
	}
}

func everything(v measure.View) {
	for _, m := range measure.For(v.Of()) {
		_ = m.Read(&v).String()
	}
}

func TestTextForms(t *testing.T) {
	f := floor.NewFold(floor.Options{})
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i, fact := range []event.Fact{
		event.AgentProvisioned{AgentRef: event.AgentRef{Agent: "a"}, Change: event.ProvisionCreated, Name: "Ada Other", Login: "ada"},
		event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a"}, Presence: event.PresenceAvailable},
		event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a"}, Presence: event.PresenceBreak, Reason: &event.StatusReason{Name: "Lunch"}},
	} {
		at = at.Add(1500 * time.Millisecond)
		f.FoldFact("t", uint64(i+1), at, &event.Meta{ID: fmt.Sprint(i), Source: "s", Time: at}, fact)
	}
	tenant := f.Tenant("t")
	v := measure.Agent(tenant, tenant.Agent("a"))
	for name, want := range map[string]string{
		"agentState": "NOT_READY", "userStatus": "Live", "reasonCodeName": "Lunch", "agentDisplayName": "Ada Other", "idleTimeDuration": "1",
		"timeInState": fmt.Sprint(at.UnixMilli()), "timeActive": "0", "occupancy": "0.00", "averageHandleTime": "", "logins": "1", "Offered": "",
	} {
		if got := measure.Named(name).Read(&v).String(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
