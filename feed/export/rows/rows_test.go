package rows_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/feed/export/rows"
	"trunkline/floor"
)

// first shows where two texts differ.
func first(t rapid.TB, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("line %d is\n%s\nwant\n%s", i, g[i], w[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(g), len(w))
}

func TestRowsAreAFunctionOfTheLog(t *testing.T) {
	j := newJournal(t)
	j.simulate(centre(3, 10, 30*time.Minute))
	first(t, export(j, 2*time.Hour).lines(), export(j, 2*time.Hour).lines())
}

func TestRestoredBooksGoOnAsIfNothingHadBeen(t *testing.T) {
	j := newJournal(t)
	cfg := centre(4, 8, 12*time.Minute)
	cfg.Start = start.Add(52 * time.Minute) // an hour ends in it
	j.simulate(cfg)
	straight := export(j, 25*time.Hour)
	want := straight.lines()
	end, err := straight.books.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		cut := rapid.IntRange(0, len(j.records)).Draw(rt, "cut")
		a := newExporter(rows.Options{WFM: true}, j.records[0].Received)
		a.take(j.records[:cut])
		state, err := a.books.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		again, _ := a.books.Snapshot()
		if !bytes.Equal(state, again) {
			rt.Fatal("two snapshots of one state differ")
		}
		under, err := a.fold.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		b := newExporter(rows.Options{WFM: true}, j.records[0].Received)
		b.fold = floor.NewFold(floor.Options{Settings: settings, NoContext: true})
		if err := b.fold.Restore(under); err != nil {
			rt.Fatal(err)
		}
		if err := b.books.Restore(state, b.fold.Tenant(tenant)); err != nil {
			rt.Fatal(err)
		}
		b.next, b.out = a.next, a.out
		b.take(j.records[cut:])
		b.close(j.records[len(j.records)-1].Received.Add(25 * time.Hour))
		first(rt, b.lines(), want)
		if got, _ := b.books.Snapshot(); !bytes.Equal(got, end) {
			rt.Fatalf("the state at the end is another one:\n%.2000s\n%.2000s", got, end)
		}
	})
}

func TestSnapshotsOfOthersAreRefused(t *testing.T) {
	b := rows.New(tenant, rows.Options{})
	own, _ := b.Snapshot()
	other, _ := rows.New("globex", rows.Options{}).Snapshot()
	wfm, _ := rows.New(tenant, rows.Options{WFM: true}).Snapshot()
	for name, raw := range map[string][]byte{
		"another tenant's": other, "with other options": wfm, "nothing": nil, "no JSON": []byte("{"), "a later version": bytes.Replace(own, []byte(`"Version":1`), []byte(`"Version":2`), 1),
		"no state": []byte(`{"Version":1,"Tenant":"acme","State":null}`), "an issue of nothing": []byte(`{"Version":1,"Tenant":"acme","State":{"Issues":{"x":null}}}`),
		"a visit of nothing": []byte(`{"Version":1,"Tenant":"acme","State":{"Issues":{"x":{"Visits":[null]}}}}`), "an agent of nothing": []byte(`{"Version":1,"Tenant":"acme","State":{"Agents":{"x":{"Slots":{"0":null}}}}}`),
	} {
		if err := b.Restore(raw, nil); !errors.Is(err, rows.ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Restore(own, nil); err != nil {
		t.Error(err)
	}
}

func TestWhatIsOverLeavesTheBooks(t *testing.T) {
	j := newJournal(t)
	j.simulate(centre(5, 10, 40*time.Minute))
	x := export(j, time.Hour)
	during, _ := x.books.Snapshot()
	x.close(x.next.Add(5 * 24 * time.Hour))
	after, _ := x.books.Snapshot()
	if len(after)*10 > len(during) || bytes.Contains(after, []byte(`"Visits":[{`)) {
		t.Errorf("%d bytes are kept of %d: %.3000s", len(after), len(during), after)
	}
}

func FuzzRestore(f *testing.F) {
	x := export(smallJournal(f), time.Hour)
	state, err := x.books.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Add([]byte(`{"Version":1,"Tenant":"acme","WFM":true,"State":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := newExporter(rows.Options{WFM: true}, start)
		if err := b.books.Restore(raw, nil); err != nil {
			return
		}
		b.take(smallJournal(t).records)
		b.close(start.Add(2 * time.Hour))
	})
}

// smallJournal has one call.
func smallJournal(t testing.TB) *journal {
	j := newJournal(t)
	j.say(start, event.AgentStatusChanged{AgentRef: agentRef("ann"), Presence: event.PresenceAvailable},
		event.InteractionCreated{Ref: call("c"), Direction: event.DirectionIn, Customer: &event.Customer{ID: "1"}},
		event.InteractionQueued{Ref: call("c"), Queue: "q"}, event.InteractionAccepted{Ref: call("c"), Agent: "ann", Queue: "q"},
		event.InteractionDispositioned{Ref: call("c"), Agent: "ann", Code: "x", Tags: []string{"t"}},
		event.InteractionEnded{Ref: call("c"), Initiator: event.InitiatorAgent, Reason: event.EndNormal})
	return j
}
