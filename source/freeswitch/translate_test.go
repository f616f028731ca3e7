package freeswitch_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/source/freeswitch"
)

// said is one fact as it came out.
type said struct {
	meta event.Meta
	fact event.Fact
}

func (s said) String() string {
	data, _ := json.Marshal(s.fact)
	return fmt.Sprintf("%s %s %s %s", s.meta.Time.Format(time.RFC3339Nano), s.meta.ID, s.fact.EventType(), data)
}

// translation collects what a translator says.
type translation struct {
	*freeswitch.Translator
	facts []said
}

func newTranslation(o freeswitch.Options) *translation {
	tr := &translation{}
	o.Emit = func(m event.Meta, f event.Fact) { tr.facts = append(tr.facts, said{m, f}) }
	tr.Translator = freeswitch.NewTranslator(o)
	return tr
}

// translate feeds the capture in one piece, without read times. The tests only
// read the facts, so that once is enough.
func translate(t testing.TB) []said {
	translated.once.Do(func() {
		tr := newTranslation(freeswitch.Options{Fault: func(e *freeswitch.SyntaxError) { t.Error(e) }})
		tr.Feed(capture(t), time.Time{})
		tr.Close()
		translated.facts = tr.facts
	})
	return translated.facts
}

var translated struct {
	once  sync.Once
	facts []said
}

// timing is one line of the capture's record of reads.
type timing struct {
	T   float64
	Off int
	N   int
	Ev  string
}

// translateTimed feeds the capture read by read, each at its time.
func translateTimed(t testing.TB) *translation {
	tr := newTranslation(freeswitch.Options{Tenant: "acme", Fault: func(e *freeswitch.SyntaxError) { t.Error(e) }})
	data := capture(t)
	lines := bufio.NewScanner(bytes.NewReader(unzip(t, "esl-capture.timing.jsonl.gz")))
	for lines.Scan() {
		var l timing
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		at := time.UnixMicro(int64(l.T * 1e6)).UTC()
		switch {
		case l.N > 0:
			tr.Feed(data[l.Off:l.Off+l.N], at)
		case l.Ev == "eof":
			tr.Disconnected(at, "connection closed")
		}
	}
	tr.Close()
	return tr
}

func of[F event.Fact](facts []said) (list []F) {
	for _, s := range facts {
		if f, ok := s.fact.(F); ok {
			list = append(list, f)
		}
	}
	return list
}

func counts(facts []said) map[string]int {
	n := make(map[string]int)
	for _, s := range facts {
		n[s.fact.EventType()]++
	}
	return n
}

// golden is what the capture is made of; docs/freeswitch.md has the same table.
var golden = map[string]int{
	"agent.provisioned":       6,
	"agent.status_changed":    10,
	"interaction.accepted":    6,
	"interaction.created":     9,
	"interaction.dequeued":    3,
	"interaction.ended":       9,
	"interaction.held":        1,
	"interaction.offer_ended": 7,
	"interaction.offered":     13,
	"interaction.queued":      9,
	"interaction.released":    6,
	"interaction.resumed":     1,
	"queue.configured":        2,
	"source.down":             1,
	"source.up":               1,
}

func TestGoldenCounts(t *testing.T) {
	for name, facts := range map[string][]said{"whole": translate(t), "timed": translateTimed(t).facts} {
		if got := counts(facts); !maps.Equal(got, golden) {
			t.Errorf("%s: got %v, want %v", name, got, golden)
		}
	}
}

func TestDocumentHasTheCounts(t *testing.T) {
	doc, err := os.ReadFile("../../docs/freeswitch.md")
	if err != nil {
		t.Fatal(err)
	}
	for typ, n := range golden {
		if row := fmt.Sprintf("| `%s` | %d |", typ, n); !bytes.Contains(doc, []byte(row)) {
			t.Errorf("docs/freeswitch.md has no row %s", row)
		}
	}
}

// TestOutcomesAreThoseOfTheScript holds the facts against the script that made
// the capture: what happened in each of its steps.
func TestOutcomesAreThoseOfTheScript(t *testing.T) {
	type step struct {
		Step string
		T    float64
	}
	var steps []step
	data, err := os.ReadFile("testdata/truth-fs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var s step
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, s)
	}
	got := make(map[string]map[string]int)
	for _, s := range translate(t) {
		i, _ := slices.BinarySearchFunc(steps, float64(s.meta.Time.UnixMicro())/1e6, func(s step, at float64) int {
			if s.T <= at {
				return -1
			}
			return 1
		})
		name := "before"
		if i > 0 {
			name, _, _ = strings.Cut(steps[i-1].Step, " ")
		}
		word := ""
		switch f := s.fact.(type) {
		case event.InteractionAccepted:
			word = "bridge"
		case event.InteractionDequeued:
			word = string(f.Reason) + " in " + f.Queue
		case event.InteractionOfferEnded:
			word = string(f.Reason)
		case event.InteractionHeld:
			word = "hold"
		case event.AgentStatusChanged:
			if f.Source != "" {
				word = string(f.Presence) + " by " + f.Source
			}
		case event.InteractionReleased:
			word = "released by " + string(f.Initiator)
		case event.AgentProvisioned:
			if f.Agent == "1003@default" {
				word = "agent " + string(f.Change)
			}
		}
		if word != "" {
			if got[name] == nil {
				got[name] = make(map[string]int)
			}
			got[name][word]++
		}
	}
	want := map[string]map[string]int{
		"1": {"bridge": 1, "released by agent": 1},
		"2": {"bridge": 1, "hold": 1, "released by customer": 1},
		"3": {"bridge": 1, "released by customer": 1},
		"4": {"bridge": 1, "no_answer": 2, "rejected": 2, "released by customer": 1},
		"5": {"bridge": 2, "abandoned in support@default": 1, "released by customer": 2},
		"6": {"timeout in sales@default": 1},
		"7": {"no_answer": 3, "break by agent-max-no-answer": 1, "abandoned in support@default": 1},
		"8": {"agent created": 1},
	}
	for name := range want {
		if !maps.Equal(got[name], want[name]) {
			t.Errorf("step %s: got %v, want %v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}

func TestEveryFactIsAValidEvent(t *testing.T) {
	ids := make(map[string]bool)
	for _, s := range translateTimed(t).facts {
		e, err := event.Encode(s.meta, s.fact)
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		p, err := event.Parse(e.Raw, event.DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", e.Raw, err)
		}
		if p.Source != "freeswitch/fs1" || p.Tenant != "acme" || p.Time.IsZero() || ids[p.ID] {
			t.Fatalf("%s: wrong source, tenant or time, or an id twice", e.Raw)
		}
		ids[p.ID] = true
	}
}

// TestNothingIsLeftOpen follows the facts: what was opened is ended, and what
// is ended was open.
func TestNothingIsLeftOpen(t *testing.T) {
	for name, facts := range map[string][]said{"whole": translate(t), "timed": translateTimed(t).facts} {
		open, wrong := audit(facts)
		if len(open) > 0 || len(wrong) > 0 {
			t.Errorf("%s: still open: %v, wrong: %v", name, open, wrong)
		}
	}
}

// audit follows facts and returns what is still open at the end, and what
// begins twice, ends without a beginning or outlives its interaction.
func audit(facts []said) (left, wrong []string) {
	open := make(map[string]bool)
	begin := func(key string) {
		if open[key] {
			wrong = append(wrong, key+" begins twice")
		}
		open[key] = true
	}
	end := func(key string) {
		if !open[key] {
			wrong = append(wrong, key+" ends without a beginning")
		}
		delete(open, key)
	}
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.InteractionCreated:
			begin("interaction " + f.Interaction)
		case event.InteractionQueued:
			begin("visit " + f.Interaction + " " + f.Queue)
		case event.InteractionOffered:
			begin("offer " + f.Interaction + " " + f.Agent)
		case event.InteractionOfferEnded:
			end("offer " + f.Interaction + " " + f.Agent)
		case event.InteractionDequeued:
			end("visit " + f.Interaction + " " + f.Queue)
		case event.InteractionAccepted:
			if f.Queue != "" {
				end("visit " + f.Interaction + " " + f.Queue)
			}
			delete(open, "offer "+f.Interaction+" "+f.Agent)
			begin("talk " + f.Interaction + " " + f.Agent)
		case event.InteractionReleased:
			end("talk " + f.Interaction + " " + f.Agent)
		case event.InteractionEnded:
			end("interaction " + f.Interaction)
			for key := range open {
				if strings.Contains(key+" ", f.Interaction+" ") {
					wrong = append(wrong, f.Interaction+" is over, "+key+" is not")
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(open)), wrong
}

func transcriptOf(facts []said) string {
	var b strings.Builder
	for _, s := range facts {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

func TestAnySplitGivesTheSameFacts(t *testing.T) {
	data := capture(t)
	want := transcriptOf(translate(t))
	split := func(size func() int) string {
		tr := newTranslation(freeswitch.Options{})
		for p := data; len(p) > 0; {
			n := min(max(size(), 1), len(p))
			tr.Feed(p[:n], time.Time{})
			p = p[n:]
		}
		tr.Close()
		return transcriptOf(tr.facts)
	}
	if split(single) != want {
		t.Error("single bytes give other facts")
	}
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		if split(func() int { return rnd.IntN(20_000) }) != want {
			t.Errorf("random pieces of seed %d give other facts", seed)
		}
	}
}

func TestTheSameCaptureGivesTheSameIDs(t *testing.T) {
	if a, b := translateTimed(t), translateTimed(t); transcriptOf(a.facts) != transcriptOf(b.facts) {
		t.Error("a second translation differs")
	}
}

// TestShiftedCaptureIsAnother moves the capture by a day: all times and all ids
// move, so that neither the log nor the floor takes it for the first.
func TestShiftedCaptureIsAnother(t *testing.T) {
	tr := newTranslation(freeswitch.Options{Shift: 24 * time.Hour})
	tr.Feed(capture(t), time.Time{})
	tr.Close()
	first := translate(t)
	if len(tr.facts) != len(first) {
		t.Fatalf("got %d facts, want %d", len(tr.facts), len(first))
	}
	for i, s := range tr.facts {
		if !s.meta.Time.Equal(first[i].meta.Time.Add(24*time.Hour)) || s.meta.ID == first[i].meta.ID {
			t.Fatalf("%v after %v", s, first[i])
		}
		if f, ok := s.fact.(event.InteractionCreated); ok && f.Interaction == first[i].fact.(event.InteractionCreated).Interaction {
			t.Fatalf("the same interaction: %v", s)
		}
	}
}

func BenchmarkTranslate(b *testing.B) {
	data := capture(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	facts := 0
	for b.Loop() {
		tr := freeswitch.NewTranslator(freeswitch.Options{Emit: func(event.Meta, event.Fact) { facts++ }})
		for p := data; len(p) > 0; {
			n := min(len(p), 16<<10)
			tr.Feed(p[:n], time.Time{})
			p = p[n:]
		}
		tr.Close()
	}
	b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "facts/s")
}
