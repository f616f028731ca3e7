package freeswitch_test

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
	"trunkline/source/freeswitch"
)

// frame is one message of the capture.
type frame struct {
	raw  []byte
	kind freeswitch.Kind
	name string
	at   time.Time
}

func framesOf(t testing.TB) []frame {
	cut.once.Do(func() {
		data := capture(t)
		var starts []int64
		r := freeswitch.NewReader(freeswitch.Limits{}, func(m *freeswitch.Message) {
			at, _ := m.Time()
			starts = append(starts, m.Offset)
			cut.frames = append(cut.frames, frame{kind: m.Kind, name: m.Get("Event-Name"), at: at})
		}, nil)
		_, _ = r.Write(data)
		for i := range cut.frames {
			end := int64(len(data))
			if i+1 < len(starts) {
				end = starts[i+1]
			}
			cut.frames[i].raw = data[starts[i]:end]
		}
	})
	return cut.frames
}

var cut struct {
	once   sync.Once
	frames []frame
}

func feed(frames []frame) []said {
	tr := newTranslation(freeswitch.Options{})
	for _, f := range frames {
		tr.Feed(f.raw, time.Time{})
	}
	tr.Close()
	return tr.facts
}

// visitOutcomes tells how each visit ended.
func visitOutcomes(facts []said) map[string]string {
	got := make(map[string]string)
	for _, s := range facts {
		switch f := s.fact.(type) {
		case event.InteractionDequeued:
			got[f.Interaction+" "+f.Queue] = string(f.Reason)
		case event.InteractionAccepted:
			got[f.Interaction+" "+f.Queue] = "answered by " + f.Agent
		}
	}
	return got
}

// TestAnyEventsMayBeMissing drops events: whatever is left makes facts that are
// valid, that begin before they end, and that end once.
func TestAnyEventsMayBeMissing(t *testing.T) {
	all := framesOf(t)
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.IntRange(1, 10).Draw(t, "of ten")
		dice := rapid.SliceOfN(rapid.IntRange(1, 10), len(all), len(all)).Draw(t, "dice")
		var some []frame
		for i, f := range all {
			if dice[i] <= keep {
				some = append(some, f)
			}
		}
		facts := feed(some)
		ids := make(map[string]bool)
		for _, s := range facts {
			if _, err := event.Encode(s.meta, s.fact); err != nil || ids[s.meta.ID] {
				t.Fatalf("%v: %v, or its id is there twice", s, err)
			}
			ids[s.meta.ID] = true
		}
		if _, wrong := audit(facts); len(wrong) > 0 {
			t.Fatal(wrong)
		}
	})
}

// TestEventsMayOvertakeEachOther swaps neighbours of the same millisecond, but
// for hang-ups, before which mod_callcenter has said what it has to say: every
// visit ends as it did.
func TestEventsMayOvertakeEachOther(t *testing.T) {
	all := framesOf(t)
	want := visitOutcomes(translate(t))
	rapid.Check(t, func(t *rapid.T) {
		dice := rapid.SliceOfN(rapid.Bool(), len(all), len(all)).Draw(t, "dice")
		mixed := append([]frame(nil), all...)
		for i := 1; i < len(mixed); i++ {
			a, b := mixed[i-1], mixed[i]
			hangUp := a.name == "CHANNEL_HANGUP_COMPLETE" || b.name == "CHANNEL_HANGUP_COMPLETE"
			if dice[i] && !hangUp && !a.at.IsZero() && !b.at.IsZero() && b.at.Sub(a.at) < time.Millisecond && a.at.Sub(b.at) < time.Millisecond {
				mixed[i-1], mixed[i] = b, a
			}
		}
		facts := feed(mixed)
		if got := visitOutcomes(facts); !maps.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if open, wrong := audit(facts); len(open)+len(wrong) > 0 {
			t.Fatalf("open %v, wrong %v", open, wrong)
		}
	})
}

func TestEventsThatComeTwiceSayNothing(t *testing.T) {
	var twice []frame
	for _, f := range framesOf(t) {
		twice = append(twice, f)
		if f.kind == freeswitch.EventMessage {
			twice = append(twice, f)
		}
	}
	if got, want := transcriptOf(feed(twice)), transcriptOf(translate(t)); got != want {
		t.Errorf("the facts differ: %s", firstDifference(got, want))
	}
}

// TestWithoutChannelEvents leaves mod_callcenter alone to say what happens.
func TestWithoutChannelEvents(t *testing.T) {
	var some []frame
	for _, f := range framesOf(t) {
		if !strings.HasPrefix(f.name, "CHANNEL_") {
			some = append(some, f)
		}
	}
	facts := feed(some)
	if got, want := visitOutcomes(facts), visitOutcomes(translate(t)); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if open, wrong := audit(facts); len(open)+len(wrong) > 0 {
		t.Errorf("open %v, wrong %v", open, wrong)
	}
}

// FuzzTranslator feeds anything: facts stay valid and ids stay apart.
func FuzzTranslator(f *testing.F) {
	for _, fr := range framesOf(f)[:40] {
		f.Add(fr.raw)
	}
	f.Add([]byte(eventFrame("Event-Name: CUSTOM\nEvent-Subclass: callcenter%3A%3Ainfo\nCore-UUID: x\nFreeSWITCH-Switchname: s\n" +
		"Event-Date-Timestamp: 1\nEvent-Sequence: 1\nCC-Action: bridge-agent-fail\nCC-Queue: q\nCC-Agent: a%00%ff\nCC-Member-UUID: m\n\n")))
	f.Add([]byte("Content-Type: api/response\nContent-Length: 38\n\nuuid|direction|created_epoch\n|x|\na|b|1|2"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ids := make(map[string]bool)
		tr := freeswitch.NewTranslator(freeswitch.Options{Emit: func(m event.Meta, f event.Fact) {
			if _, err := event.Encode(m, f); err != nil || ids[m.ID] {
				t.Errorf("%s %s: %v, or its id is there twice", m.ID, f.EventType(), err)
			}
			ids[m.ID] = true
		}})
		at := time.Unix(1_800_000_000, 0)
		tr.Feed([]byte(eventFrame("Event-Name: HEARTBEAT\nCore-UUID: x\nFreeSWITCH-Switchname: s\nEvent-Date-Timestamp: 1800000000000000\n\n")), at)
		tr.Feed(data, at)
		tr.Advance(at.Add(time.Minute))
		tr.Disconnected(at.Add(2*time.Minute), "end")
		tr.Close()
	})
}
