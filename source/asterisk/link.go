package asterisk

import (
	"time"

	"trunkline/event"
)

// link is what is known of the connection and of the PBX's life.
type link struct {
	up       bool      // source.up was said and no source.down since
	known    bool      // booted is set
	booted   time.Time // when the PBX booted, to about a second
	heard    time.Time // when it was last heard
	banner   string
	stopping bool              // the PBX hangs up its channels to go down
	shutdown bool              // it said so
	listed   bool              // the first snapshot of members of this connection was taken
	resync   bool              // the connection was cut within one boot: channels are to be compared
	compared bool              // the first list of channels of this connection was taken
	login    uint64            // counts connections
	cut      time.Time         // when the connection before was last heard
	rows     []*Message        // a list of channels being read
	entries  map[string]*entry // waiting callers of a snapshot that are still to be taken, by Uniqueid
	waiting  map[string]string // the queue of each waiting caller of the snapshot
	downSaid bool              // source.down was said without a source.up before it
	lag      time.Duration     // how late what the PBX says arrives, as far as it was measured
	started  time.Time         // what CoreStatus says of the boot, for the next FullyBooted
	life     time.Time         // the same of the present boot
}

func (t *Translator) onBanner(m *Message) {
	if t.link.up {
		t.clock.now = t.link.heard
		t.sourceDown("connection lost")
	}
	t.link.banner = text(m.Name())
	t.link.listed, t.link.compared = false, false
	t.link.rows, t.link.entries, t.link.waiting = nil, nil, nil
	t.link.login++
	t.floor.list = nil
}

// bootSlack is how far two measurements of one boot may be apart: uptime comes
// in whole seconds, and reading takes its time.
const bootSlack = 3 * time.Second

// onFullyBooted comes after every login and says how long the PBX has been up,
// which tells a reconnect from a restart.
func (t *Translator) onFullyBooted(m *Message) {
	now := t.clock.now
	uptime := time.Duration(max(number(m.Bytes("Uptime")), 0)) * time.Second
	same := t.link.known && uptime+bootSlack >= now.Sub(t.link.booted)
	started := t.link.started
	if t.link.known && !started.IsZero() && !t.link.life.IsZero() {
		same = started.Equal(t.link.life)
	}
	switch {
	case !t.link.known:
		t.setBoot(now.Add(-uptime))
		t.link.resync = t.opt.live
	case same && !t.link.up:
		t.link.resync, t.link.stopping = true, false
		clear(t.owed)
		from := t.link.cut
		if from.After(now) { // the PBX's clock was set back meanwhile
			from = now
		}
		t.say(now, "source", "gap", event.SourceGap{
			SourceRef: t.source(), Missing: "events while disconnected",
			From: event.At(from), To: event.At(now), LagMS: t.link.lag.Milliseconds(),
		})
	case !same:
		t.reset(now.Add(-uptime))
	}
	if !t.link.up {
		t.link.up = true
		t.sourceUp()
	}
	t.link.shutdown, t.link.downSaid = false, false
	t.link.life = started
}

func (t *Translator) setBoot(at time.Time) {
	t.link.known, t.link.booted = true, at
	if !t.link.started.IsZero() {
		at = t.link.started
	}
	t.ids.setBoot(at)
}

// reset ends all that the former life of the PBX left open, under that life's
// ids, and begins the next.
func (t *Translator) reset(boot time.Time) {
	t.flushPauses(true)
	reason, detail := event.ResetCrash, "a new boot without a shutdown"
	if t.link.shutdown {
		reason, detail = event.ResetRestart, "a new boot after a shutdown"
	}
	t.link.stopping = false
	for _, c := range t.openCalls() {
		t.lose(c)
	}
	t.setBoot(boot)
	clear(t.chans)
	clear(t.calls)
	clear(t.owed)
	for _, a := range t.floor.byID {
		a.talk = nil
	}
	t.link.resync = false
	t.say(t.clock.now, "source", "reset", event.SourceReset{SourceRef: t.source(), Reason: reason, Detail: detail})
}

func (t *Translator) source() event.SourceRef { return event.SourceRef{Source: t.ids.source} }

func (t *Translator) sourceUp() {
	t.say(t.clock.now, "source", "up", event.SourceUp{
		SourceRef: t.source(), Kind: "asterisk", Version: t.link.banner, Address: t.opt.address,
		LagMS: t.link.lag.Milliseconds(), SilenceMS: t.opt.promise.Milliseconds(),
	})
}

// alive is the sign of life of a PBX that has nothing to tell.
func (t *Translator) alive() {
	if t.link.up {
		t.sourceUp()
	}
}

func (t *Translator) onShutdown(m *Message) {
	t.link.shutdown = true
	t.sourceDown("shutdown: " + text(m.Bytes("Shutdown")))
}

func (t *Translator) sourceDown(reason string) {
	t.flushPauses(true)
	if !t.link.up && (!t.opt.live || t.link.downSaid) {
		return
	}
	if t.link.up {
		t.link.cut = t.link.heard
	}
	t.link.up, t.link.downSaid = false, true
	t.say(t.clock.now, "source", "down", event.SourceDown{
		SourceRef: t.source(), Reason: reason, Orderly: t.link.shutdown, LastHeard: event.At(t.link.heard),
	})
}
