package floor

import (
	"cmp"
	"strconv"

	"trunkline/event"
	"trunkline/eventlog/writer"
)

// ReasonSilence is why a source is down that the floor found silent.
const ReasonSilence = "silence"

// Bounds of what a source may promise, in milliseconds.
const (
	minSilence = 1000
	maxSilence = 7 * 24 * 60 * 60 * 1000
)

// boundOf is after how long without a word a source counts as down: as configured
// for it, else as it has promised itself, else, once it has said that it is up, as
// configured for all. 0 is never.
func (t *Tenant) boundOf(s *Source) int64 {
	bound, configured := t.set.SourceSilence[s.Name]
	switch {
	case configured:
	case s.promised > 0:
		bound = s.promised
	case s.Told:
		bound = t.set.SourceSilenceMS
	}
	if bound <= 0 {
		return 0
	}
	return min(max(bound, minSilence), maxSilence)
}

// listen sees to it that the silence of a source is noticed. There is one timer a
// source: with each word it is only put off, when its time has come.
func (t *Tenant) listen(s *Source) {
	if s.SilenceMS == 0 || !s.Up {
		return
	}
	at := max(s.Heard, s.told) + s.SilenceMS
	if s.quietAt == 0 || at < s.quietAt {
		s.quietAt = at
		t.timers.push(timer{at: at, tenant: t, source: s})
	}
}

// rebound takes over a bound that may be another one than before.
func (t *Tenant) rebound(s *Source) {
	s.SilenceMS = t.boundOf(s)
	if s.SilenceMS > 0 {
		if _, ok := t.silenceFact(s, t.now); !ok {
			s.SilenceMS = 0 // a name that no fact may carry
		}
	}
}

// postponed is when the timer of a source is due by what was heard since it was
// armed; 0: not at all.
func (s *Source) postponed() int64 {
	if s.quietAt = 0; s.Up && s.SilenceMS > 0 {
		s.quietAt = max(s.Heard, s.told) + s.SilenceMS
	}
	return s.quietAt
}

// silenceFact says that nothing was heard of a source.
func (t *Tenant) silenceFact(s *Source, at int64) (writer.Derived, bool) {
	f := event.SourceDown{SourceRef: event.SourceRef{Source: s.Name}, Reason: ReasonSilence}
	if s.Heard > 0 {
		f.LastHeard = event.At(moment(s.Heard))
	}
	id := derivedID(t.Name, "silence timer", s.Name, strconv.FormatInt(at, 10), strconv.FormatUint(s.Events, 10))
	e, err := event.Encode(event.Meta{ID: id, Source: DerivedSource, Tenant: t.Name, Time: moment(at)}, f)
	return writer.Derived{Tenant: t.Name, Event: e}, err == nil
}

// silent takes in that the floor itself has found a source silent.
func (t *Tenant) silent(in *input) {
	f, _ := in.fact.(event.SourceDown)
	s := t.sources[f.Source]
	if s == nil || !s.Up {
		return
	}
	s.Up, s.Silent, s.Since, s.Reason = false, true, in.at, f.Reason
	t.touchSource(s)
}

// speaks takes in that a silent source is heard again.
func (t *Tenant) speaks(s *Source, in *input) {
	at := cmp.Or(in.at, t.now) // an event of a foreign type is not read as far as its time
	s.Up, s.Silent, s.Since, s.Reason = true, false, at, ""
	t.derive(event.SourceUp{
		SourceRef: event.SourceRef{Source: s.Name}, Kind: s.Kind, Version: s.Version, LagMS: s.LagMS,
		SilenceMS: s.promised,
	}, at)
	t.touchSource(s)
}
