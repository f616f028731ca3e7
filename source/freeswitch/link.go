package freeswitch

import (
	"strings"
	"time"

	"trunkline/event"
	"trunkline/source/clean"
)

// link is what is known of the connection and of the core's life.
type link struct {
	up       bool      // source.up was said and no source.down since
	down     bool      // source.down was said and no source.up since
	since    time.Time // when source.up was said last
	heard    time.Time // when FreeSWITCH was last heard
	lag      time.Duration
	late     bool // the lag was over the bound at the last heartbeat
	version  string
	stopping bool // FreeSWITCH hangs up its channels to go down
	shutdown bool // it said so
	resync   bool // what lives on is still to be told from what does not
	channels bool // channels have events, not mod_callcenter alone
	listed   listed
}

// listed says which lists came since the login.
type listed struct{ queues, agents, tiers bool }

// lagBound is how late events may come without a word about it.
const lagBound = 10 * time.Second

// meet notes which core speaks: the one from before, or another one after a
// restart.
func (t *Translator) meet(core string) {
	now := t.clock.now
	if t.ids.core != "" && t.ids.core != core {
		t.reset(core)
	} else if t.ids.core == core && !t.link.up && !t.link.heard.IsZero() {
		t.say(now, "gap", "", event.SourceGap{
			SourceRef: t.source(), Missing: "events while disconnected",
			From: event.At(t.link.heard), To: event.At(now),
		})
	}
	t.ids.core = core
	if t.link.up {
		return
	}
	t.link.up, t.link.down, t.link.resync, t.link.since = true, false, true, now
	t.link.shutdown = false
	t.say(now, "up", "", t.sourceUp(0))
}

func (t *Translator) sourceUp(lag time.Duration) event.SourceUp {
	return event.SourceUp{
		SourceRef: t.source(), Kind: "freeswitch", Version: t.link.version, Address: t.opt.address,
		LagMS: max(lag.Milliseconds(), 0), SilenceMS: t.opt.promise.Milliseconds(),
	}
}

// alive is the sign of life of a switch that has nothing to tell.
func (t *Translator) alive() {
	if t.link.up {
		t.aside("clock")
		t.say(t.clock.now, "up", "", t.sourceUp(t.link.lag))
	}
}

// reset ends all that the former core left open, under that core's ids.
func (t *Translator) reset(core string) {
	t.sweep(true)
	reason, detail := event.ResetCrash, "another core without a shutdown"
	if t.link.shutdown {
		reason, detail = event.ResetRestart, "another core after a shutdown"
	}
	t.link.stopping = false
	for _, c := range t.openCalls() {
		t.lose(c)
	}
	clear(t.chans)
	clear(t.calls)
	clear(t.visits)
	t.seen = newMemory()
	t.later = later{}
	for _, a := range t.floor.agents {
		a.statusSeq, a.stateSeq = 0, 0
	}
	t.ids.core = core
	t.link.resync = false
	t.say(t.clock.now, "reset", "", event.SourceReset{SourceRef: t.source(), Reason: reason, Detail: detail})
}

func (t *Translator) source() event.SourceRef { return event.SourceRef{Source: t.ids.source} }

// onShutdown is the last event of an orderly stop.
func (t *Translator) onShutdown() {
	t.link.shutdown = true
	t.sourceDown("shutdown")
}

func (t *Translator) sourceDown(reason string) {
	if !t.link.up {
		return
	}
	t.link.up, t.link.down, t.link.late = false, true, false
	f := event.SourceDown{SourceRef: t.source(), Reason: reason, Orderly: t.link.shutdown}
	if !t.link.heard.IsZero() {
		f.LastHeard = event.At(t.link.heard)
	}
	t.say(t.clock.now, "down", "", f)
}

// onHeartbeat comes every twenty seconds unless configured otherwise. It is the
// sign of life in a quiet hour, and the measure of how late events come.
func (t *Translator) onHeartbeat(m *Message) {
	if v := clean.Text(m.Get("FreeSWITCH-Version")); v != "" {
		t.link.version = v
	}
	if t.clock.read.IsZero() {
		return
	}
	switch late := t.link.lag > lagBound; {
	case late && !t.link.late:
		t.say(t.clock.now, "late", "", event.SourceGap{
			SourceRef: t.source(), Missing: "nothing yet, but events come late", LagMS: t.link.lag.Milliseconds(),
		})
	case !late && t.link.late:
		t.say(t.clock.now, "up", "", t.sourceUp(t.link.lag))
	}
	t.link.late = t.link.lag > lagBound
}

// uuidBody returns the body of a response that is a UUID and nothing else: the
// answer to global_getvar core_uuid.
func uuidBody(body []byte) string {
	s := strings.TrimSpace(string(body[:min(len(body), 64)]))
	if len(s) != 36 {
		return ""
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && hexDigit(s[i]) < 0 {
			return ""
		}
	}
	return s
}

// How long something may wait for more to be said about it.
const (
	leftWait   = 2 * time.Second // a visit the caller ended, for the caller's hang-up
	endedWait  = time.Second     // a talk whose agent's channel went, for who did it
	unseenWait = 5 * time.Second // a call without a channel, for a sign of life
	listWait   = 5 * time.Second // what a list does not have, for the events still under way
)

// sweep says what has waited long enough, or all of it.
func (t *Translator) sweep(all bool) {
	w := &t.later
	now := t.clock.now
	if origin := t.ids.origin; origin != "clock" && !w.empty() {
		t.ids.from("clock") // what is said here is not of the message in hand
		defer t.ids.from(origin)
	}
	for len(w.ended) > 0 && (all || now.Sub(w.ended[0].endAt) > endedWait) {
		t.finishTalk(w.ended[0])
	}
	for len(w.left) > 0 && (all || now.Sub(w.left[0].leftAt) > leftWait) {
		t.settleLeft(w.left[0], w.left[0].call.channelSeen && !all)
	}
	for len(w.unseen) > 0 && now.Sub(w.unseen[0].touched) > unseenWait {
		c := w.unseen[0]
		w.unseen = w.unseen[1:]
		if t.calls[c.uuid] == c && len(c.chans) == 0 {
			t.lose(c)
		}
	}
	if m := w.missing; m != nil && now.Sub(m.at) > listWait {
		w.missing = nil
		t.reconcile(m)
	}
}
