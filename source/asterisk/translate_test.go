package asterisk_test

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
	"trunkline/source/asterisk"
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
	*asterisk.Translator
	facts []said
}

func newTranslation(o asterisk.Options) *translation {
	tr := &translation{}
	o.Emit = func(m event.Meta, f event.Fact) { tr.facts = append(tr.facts, said{m, f}) }
	tr.Translator = asterisk.NewTranslator(o)
	return tr
}

// translate feeds the capture in one piece, without read times. The tests only
// read the facts, so that once is enough.
func translate(t testing.TB) []said {
	translated.once.Do(func() {
		tr := newTranslation(asterisk.Options{Fault: func(e *asterisk.SyntaxError) { t.Error(e) }})
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
	tr := newTranslation(asterisk.Options{Tenant: "acme", Fault: func(e *asterisk.SyntaxError) { t.Error(e) }})
	data := capture(t)
	lines := bufio.NewScanner(bytes.NewReader(unzip(t, "ami-capture.timing.jsonl.gz")))
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

// golden is what the capture is made of; docs/asterisk.md has the same table.
var golden = map[string]int{
	"agent.provisioned":              13,
	"agent.status_changed":           16,
	"agent.terminal_changed":         90,
	"interaction.accepted":           27,
	"interaction.created":            84,
	"interaction.customer_accepted":  1,
	"interaction.dequeued":           57,
	"interaction.ended":              84,
	"interaction.held":               2,
	"interaction.offer_ended":        14,
	"interaction.offered":            40,
	"interaction.queued":             81,
	"interaction.redirected":         2,
	"interaction.released":           27,
	"interaction.resumed":            2,
	"interaction.transfer_connected": 1,
	"interaction.transfer_requested": 1,
	"interaction.transfer_started":   1,
	"queue.configured":               3,
	"source.down":                    3,
	"source.reset":                   2,
	"source.up":                      3,
}

func TestGoldenCounts(t *testing.T) {
	for name, facts := range map[string][]said{"whole": translate(t), "timed": translateTimed(t).facts} {
		if got := counts(facts); !maps.Equal(got, golden) {
			t.Errorf("%s: got %v, want %v", name, got, golden)
		}
	}
}

func TestDocumentHasTheCounts(t *testing.T) {
	doc, err := os.ReadFile("../../docs/asterisk.md")
	if err != nil {
		t.Fatal(err)
	}
	for typ, n := range golden {
		if row := fmt.Sprintf("| `%s` | %d |", typ, n); !bytes.Contains(doc, []byte(row)) {
			t.Errorf("docs/asterisk.md has no row %s", row)
		}
	}
}

// outcomes reads queue_log: what became of each visit, by uniqueid and queue.
func outcomes(t *testing.T) map[string]string {
	data, err := os.ReadFile("testdata/queue_log")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		key := f[1] + " " + f[2]
		switch f[4] {
		case "ENTERQUEUE":
			got[key] = "lost"
		case "CONNECT":
			got[key] = "answered by " + f[3]
		case "ABANDON":
			got[key] = "abandoned"
		case "EXITWITHTIMEOUT":
			got[key] = "timeout"
		case "EXITWITHKEY":
			got[key] = "key"
		}
	}
	return got
}

// factOutcomes tells the same from facts. The full queue is not in queue_log.
func factOutcomes(facts []said) map[string]string {
	name := map[string]string{"1001": "Alice", "1002": "Bob", "1003": "Carol"}
	uniqueid := func(interaction string) string { // pbx1-<boot>-<uniqueid>
		part := strings.SplitN(interaction, "-", 3)
		return part[0] + "-" + part[2]
	}
	got := make(map[string]string)
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.InteractionQueued:
			got[uniqueid(f.Interaction)+" "+f.Queue] = "open"
		case event.InteractionDequeued:
			if f.Reason != event.DequeueFull {
				got[uniqueid(f.Interaction)+" "+f.Queue] = string(f.Reason)
			}
		case event.InteractionAccepted:
			if f.Queue != "" {
				got[uniqueid(f.Interaction)+" "+f.Queue] = "answered by " + name[f.Agent]
			}
		}
	}
	return got
}

func TestEveryVisitEndsAsInQueueLog(t *testing.T) {
	want := outcomes(t)
	if len(want) != 81 {
		t.Fatalf("queue_log has %d visits, want 81", len(want))
	}
	got := factOutcomes(translate(t))
	for key, w := range want {
		if got[key] != w {
			t.Errorf("visit %s: got %s, queue_log says %s", key, got[key], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d visits, want %d", len(got), len(want))
	}
	perQueue := make(map[string]int)
	for _, f := range of[event.InteractionDequeued](translate(t)) {
		perQueue[f.Queue+" "+string(f.Reason)]++
	}
	for _, f := range of[event.InteractionAccepted](translate(t)) {
		if f.Queue != "" {
			perQueue[f.Queue+" answered"]++
		}
	}
	if w := map[string]int{
		"support abandoned": 32, "support timeout": 16, "support key": 1, "support lost": 5, "support answered": 24,
		"sales abandoned": 1, "sales full": 1, "overflow timeout": 1, "overflow answered": 1,
	}; !maps.Equal(perQueue, w) {
		t.Errorf("got %v, want %v", perQueue, w)
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
		if p.Source != "asterisk/pbx1" || p.Tenant != "acme" || p.Time.IsZero() || ids[p.ID] {
			t.Fatalf("%s: wrong source, tenant or time, or an id twice", e.Raw)
		}
		ids[p.ID] = true
	}
}

// TestNothingIsLeftOpen follows the facts: what was opened is ended, and what
// is ended was open.
func TestNothingIsLeftOpen(t *testing.T) {
	for name, facts := range map[string][]said{"whole": translate(t), "timed": translateTimed(t).facts} {
		if open := stillOpen(t, facts); len(open) > 0 {
			t.Errorf("%s: still open: %v", name, open)
		}
	}
}

func stillOpen(t *testing.T, facts []said) []string {
	open, twice, unbegun := audit(facts)
	for _, key := range append(twice, unbegun...) {
		t.Error(key)
	}
	return open
}

// audit follows facts and returns what is still open at the end, what begins
// twice or outlives its interaction, and what ends without a beginning.
func audit(facts []said) (left, wrong, unbegun []string) {
	open := make(map[string]bool)
	begin := func(key string) {
		if open[key] {
			wrong = append(wrong, key+" begins twice")
		}
		open[key] = true
	}
	end := func(key string) {
		if !open[key] {
			unbegun = append(unbegun, key+" ends without a beginning")
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
			begin("offer " + f.Leg)
		case event.InteractionOfferEnded:
			end("offer " + f.Leg)
		case event.InteractionDequeued:
			if f.Reason != event.DequeueFull {
				end("visit " + f.Interaction + " " + f.Queue)
			}
		case event.InteractionAccepted:
			if f.Queue != "" {
				end("visit " + f.Interaction + " " + f.Queue)
			}
			delete(open, "offer "+f.Leg)
			begin("talk " + f.Leg)
		case event.InteractionLegConnected:
			begin("talk " + f.Leg)
		case event.InteractionReleased:
			end("talk " + f.Leg)
		case event.InteractionEnded:
			end("interaction " + f.Interaction)
			for key := range open {
				if strings.Contains(key+" ", f.Interaction+" ") {
					wrong = append(wrong, f.Interaction+" is over, "+key+" is not")
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(open)), wrong, unbegun
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
		tr := newTranslation(asterisk.Options{})
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
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		if split(func() int { return rnd.IntN(5000) }) != want {
			t.Errorf("random pieces of seed %d give other facts", seed)
		}
	}
}

func TestTheSameCaptureGivesTheSameIDs(t *testing.T) {
	if a, b := translateTimed(t), translateTimed(t); transcriptOf(a.facts) != transcriptOf(b.facts) {
		t.Error("a second translation differs")
	}
}

func TestTwoPBXsStayApart(t *testing.T) {
	run := func(pbx string) map[string]bool {
		tr := newTranslation(asterisk.Options{PBX: pbx})
		tr.Feed(capture(t), time.Time{})
		tr.Close()
		seen := make(map[string]bool)
		for _, s := range tr.facts {
			seen[s.meta.Source+" "+s.meta.ID] = true
			if f, ok := s.fact.(event.InteractionCreated); ok {
				seen[f.Interaction] = true
			}
		}
		return seen
	}
	a, b := run("north"), run("south")
	if len(a) != len(b) || len(a) != 555+84-1 {
		t.Errorf("got %d and %d identities", len(a), len(b))
	}
	for key := range a {
		if b[key] {
			t.Errorf("both PBXs say %s", key)
		}
	}
}

func BenchmarkTranslate(b *testing.B) {
	data := capture(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	facts := 0
	for b.Loop() {
		tr := asterisk.NewTranslator(asterisk.Options{Emit: func(event.Meta, event.Fact) { facts++ }})
		for p := data; len(p) > 0; {
			n := min(len(p), 16<<10)
			tr.Feed(p[:n], time.Time{})
			p = p[n:]
		}
		tr.Close()
	}
	b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "facts/s")
}

func BenchmarkTranslateAndEncode(b *testing.B) {
	data := capture(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var buf []byte
	facts := 0
	for b.Loop() {
		tr := asterisk.NewTranslator(asterisk.Options{Emit: func(m event.Meta, f event.Fact) {
			facts++
			var err error
			if buf, err = event.AppendFact(buf[:0], m, f); err != nil {
				b.Fatal(err)
			}
		}})
		tr.Feed(data, time.Time{})
		tr.Close()
	}
	b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "facts/s")
}
