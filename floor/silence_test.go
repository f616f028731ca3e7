package floor_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// health lists what was said of sources: up and down, by whom, and why.
func (s *script) health() string {
	var out []string
	for i := range s.records {
		r := &s.records[i]
		if !strings.HasPrefix(r.Type(), "source.") {
			continue
		}
		e, err := event.Parse(r.Raw, event.Limits{})
		if err != nil {
			s.t.Fatal(err)
		}
		f, err := event.Decode(e)
		if err != nil {
			s.t.Fatal(err)
		}
		word := strings.TrimPrefix(r.Type(), "source.")
		if r.Derived {
			word = "derived " + word
		}
		if d, ok := f.(event.SourceDown); ok {
			word += " " + d.Reason
		}
		out = append(out, e.Time.Format("15:04:05")+" "+word)
	}
	return strings.Join(out, ", ")
}

func up(silence time.Duration) event.SourceUp {
	return event.SourceUp{SourceRef: event.SourceRef{Source: "pbx"}, Kind: "asterisk", SilenceMS: silence.Milliseconds()}
}

// A source that has promised to be heard is down when it is not, and up with the
// next fact it sends.
func TestSilenceIsAFact(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(up(2 * time.Minute))
	s.after(90 * time.Second).say(talking("c", "q", "a")...)
	s.after(119 * time.Second).say(event.InteractionReleased{Ref: call("c"), Agent: "a"})
	s.fire(s.at.Add(2*time.Minute - time.Millisecond))
	s.want("before the bound", s.health(), "09:00:00 up")
	s.want("up", s.floor().Source("pbx").Up, true)

	s.after(2 * time.Minute)
	s.fire(s.at)
	p := s.floor().Source("pbx")
	s.want("at the bound", s.health(), "09:00:00 up, 09:05:29 derived down silence")
	s.want("state", []any{p.Up, p.Silent, p.Reason, p.Since == s.at.UnixMilli()}, "[false true silence true]")
	s.want("nothing more is due", s.fires(), false)

	s.after(time.Hour).say(event.InteractionEnded{Ref: call("c"), Initiator: "customer", Reason: "normal"})
	p = s.floor().Source("pbx")
	s.want("heard again", s.health(), "09:00:00 up, 09:05:29 derived down silence, 10:05:29 derived up")
	s.want("state", []any{p.Up, p.Silent, p.Reason, p.Since == s.at.UnixMilli()}, "[true false  true]")
	s.after(2 * time.Minute)
	s.fire(s.at)
	s.want("silent again", s.floor().Source("pbx").Silent, true)
}

// fires says whether a timer is due within a year.
func (s *script) fires() bool {
	at, ok := s.fold.Due()
	return ok && at.Before(s.at.AddDate(1, 0, 0))
}

// What the source says itself of its state is not said a second time.
func TestASilentSourceThatSaysSoItself(t *testing.T) {
	for name, then := range map[string]struct {
		fact event.Fact
		want string
	}{
		"up":   {up(time.Minute), ", 10:01:00 up"},
		"down": {event.SourceDown{SourceRef: event.SourceRef{Source: "pbx"}, Reason: "gone"}, ", 10:01:00 down gone"},
		"gap":  {event.SourceGap{SourceRef: event.SourceRef{Source: "pbx"}, Missing: "x"}, ", 10:01:00 gap"},
	} {
		s := newScript(t, floor.Options{})
		s.say(up(time.Minute))
		s.after(time.Minute)
		s.fire(s.at)
		s.after(time.Hour).say(then.fact)
		s.want(name, s.health(), "09:00:00 up, 09:01:00 derived down silence"+then.want)
		s.want(name, s.floor().Source("pbx").Silent, name == "gap")
	}
}

// A repeated source.up is the sign of life of a source that has nothing to tell;
// it may change the bound, also to a shorter one.
func TestSignsOfLife(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(up(time.Minute))
	for range 10 {
		s.after(50 * time.Second).say(up(time.Minute))
	}
	s.want("since", s.floor().Source("pbx").Since, s.at.Add(-500*time.Second).UnixMilli())
	s.say(up(10 * time.Second))
	s.after(10 * time.Second)
	s.fire(s.at)
	s.want("by the shorter bound", s.floor().Source("pbx").Silent, true)
	s.say(up(0))
	s.want("without a promise nothing is due", s.fires(), false)
}

func TestWhoseSilenceCounts(t *testing.T) {
	set := func(all int64, one map[string]int64) floor.Options {
		return floor.Options{Settings: func(string) floor.Settings { return floor.Settings{SourceSilenceMS: all, SourceSilence: one} }}
	}
	fact := event.AgentStatusChanged{AgentRef: agentRef("a"), Presence: event.PresenceAvailable}
	for name, c := range map[string]struct {
		o    floor.Options
		fact event.Fact
		want time.Duration
	}{
		"who said nothing of itself":            {floor.Options{}, fact, 0},
		"who promised nothing":                  {floor.Options{}, up(0), 0},
		"who promised something":                {floor.Options{}, up(time.Minute), time.Minute},
		"who promised too much":                 {floor.Options{}, up(time.Millisecond), time.Second},
		"who promised hardly anything":          {floor.Options{}, up(1000 * 24 * time.Hour), 7 * 24 * time.Hour},
		"all who said that they are up":         {set(30_000, nil), up(0), 30 * time.Second},
		"but not those who did not":             {set(30_000, nil), fact, 0},
		"a promise goes before":                 {set(30_000, nil), up(time.Minute), time.Minute},
		"one of which nothing else is known":    {set(0, map[string]int64{"pbx": 5000}), fact, 5 * time.Second},
		"configured goes before the promise":    {set(0, map[string]int64{"pbx": 5000}), up(time.Minute), 5 * time.Second},
		"configured never, goes before it, too": {set(30_000, map[string]int64{"pbx": 0}), up(time.Minute), 0},
		"another one is configured":             {set(0, map[string]int64{"crm": 5000}), fact, 0},
	} {
		s := newScript(t, c.o)
		s.say(c.fact)
		at, ok := s.fold.Due()
		if ok != (c.want > 0) || ok && !at.Equal(s.at.Add(c.want)) {
			t.Errorf("%s: due %v, %v; want after %v", name, ok, at.Sub(s.at), c.want)
		}
	}
}

// Timers of sources are rebuilt from a snapshot and fire as they would have.
func TestSilenceSurvivesASnapshot(t *testing.T) {
	s := newScript(t, floor.Options{})
	s.say(up(time.Minute))
	s.after(30 * time.Second).say(waiting("c", "q")...)
	other := floor.NewFold(floor.Options{})
	if err := other.Restore(snapshot(t, s.fold)); err != nil {
		t.Fatal(err)
	}
	at, _ := s.fold.Due()
	again, ok := other.Due()
	if !ok || !again.Equal(at) || !at.Equal(s.at.Add(time.Minute)) {
		t.Errorf("due at %v, restored %v", at, again)
	}
	a, b := s.fold.Fire(at), other.Fire(at)
	if len(a) != 1 || len(b) != 1 || !bytes.Equal(a[0].Event.Raw, b[0].Event.Raw) {
		t.Errorf("got %v and %v", a, b)
	}
	s.fire(at)
	if err := other.Restore(snapshot(t, s.fold)); err != nil {
		t.Fatal(err)
	}
	if p := other.Tenant(tenant).Source("pbx"); !p.Silent || p.Reason != floor.ReasonSilence {
		t.Errorf("restored %+v", p)
	}
	if _, ok := other.Due(); ok {
		t.Error("a timer is due for a source that is down")
	}
}

// A snapshot of format 2 is read: what it does not have keeps its zero value.
func TestASnapshotOfAnOlderFormat(t *testing.T) {
	b, err := os.ReadFile("testdata/snapshot-2.bin")
	if err != nil {
		t.Fatal(err)
	}
	f := floor.NewFold(floor.Options{Settings: func(string) floor.Settings { return floor.Settings{SourceSilenceMS: 60_000} }})
	if err := f.Restore(b); err != nil {
		t.Fatal(err)
	}
	at := f.Tenant(tenant)
	pbx, crm := at.Source("asterisk/pbx1"), at.Source("crm")
	if at.Open() != 2 || at.Agent("a").State != floor.Contact || at.Agent("a").TalkingSince != at.Agent("a").Since || !pbx.Up || pbx.Version != "22" || pbx.Silent || crm.Up || crm.Reason != "stopped" {
		t.Errorf("%d open, %+v, %+v", at.Open(), pbx, crm)
	}
	if due, ok := f.Due(); !ok || due.UnixMilli() != pbx.Heard+60_000 {
		t.Errorf("due %v at %v", ok, due)
	}
	if again := snapshot(t, f); bytes.Equal(again, b) || again[len("TLFLOOR")] != 6 {
		t.Error("it is not written in the present format")
	}
}

// An event of a foreign type says nothing to the floor but that its source is there.
func TestForeignEventsAreHeard(t *testing.T) {
	for name, raw := range map[string]string{
		"usual order": `{"specversion":"1.0","id":"x","source":"crm","type":"com.example.hello","data":{}}`,
		"type first":  `{"type":"com.example.hello","specversion":"1.0","data":{},"source":"crm","id":"x"}`,
	} {
		s := newScript(t, floor.Options{Settings: func(string) floor.Settings {
			return floor.Settings{SourceSilence: map[string]int64{"crm": 1000}}
		}})
		s.add(s.at, "", []byte(raw), false)
		s.after(time.Second)
		s.fire(s.at)
		s.want(name+", silent", s.floor().Source("crm").Silent, true)
		s.after(time.Hour).add(s.at, "", []byte(raw), false)
		s.want(name+", heard", s.health(), "09:00:01 derived down silence, 10:00:01 derived up")
		s.want(name+", events", s.floor().Source("crm").Events, 2)
	}
}
