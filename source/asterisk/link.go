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
	stopping bool // the PBX hangs up its channels to go down
	shutdown bool // it said so
	listed   bool // the first snapshot of members of this connection was taken
	resync   bool // the connection was cut within one boot: channels are to be compared
	channels map[string]bool
}

func (t *Translator) onBanner(m *Message) {
	if t.link.up {
		t.clock.now = t.link.heard
		t.sourceDown("connection lost")
	}
	t.link.banner = text(m.Name())
	t.link.listed = false
	t.link.channels = nil
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
	switch {
	case !t.link.known:
		t.setBoot(now.Add(-uptime))
	case same && !t.link.up:
		t.link.resync = true
		t.say(now, "source", "gap", event.SourceGap{
			SourceRef: t.source(), Missing: "events while disconnected",
			From: event.At(t.link.heard), To: event.At(now),
		})
	case !same:
		t.reset(now.Add(-uptime))
	}
	if !t.link.up {
		t.link.up = true
		t.say(now, "source", "up", event.SourceUp{SourceRef: t.source(), Kind: "asterisk", Version: t.link.banner})
	}
	t.link.shutdown = false
}

func (t *Translator) setBoot(at time.Time) {
	t.link.known, t.link.booted = true, at
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

func (t *Translator) onShutdown(m *Message) {
	t.link.shutdown = true
	t.sourceDown("shutdown: " + text(m.Bytes("Shutdown")))
}

func (t *Translator) sourceDown(reason string) {
	t.flushPauses(true)
	if !t.link.up {
		return
	}
	t.link.up = false
	t.say(t.clock.now, "source", "down", event.SourceDown{
		SourceRef: t.source(), Reason: reason, Orderly: t.link.shutdown, LastHeard: event.At(t.link.heard),
	})
}

// onCoreShowChannel takes a channel of a snapshot. One that is not known began
// before the connection.
func (t *Translator) onCoreShowChannel(m *Message) {
	uid := m.Bytes("Uniqueid")
	if len(uid) == 0 {
		return
	}
	if t.link.channels == nil {
		t.link.channels = make(map[string]bool)
	}
	t.link.channels[string(uid)] = true
	if t.chans[string(uid)] != nil {
		return
	}
	ch := t.newChannel(m, "", t.clock.now.Add(-clockTime(m.Bytes("Duration"))))
	if c := ch.call; c.first == ch && ch.agent == nil && !t.inside(ch.device) {
		t.create(c, event.DirectionIn, m)
	}
}

// clockTime reads a duration spelled 00:01:02.
func clockTime(b []byte) time.Duration {
	var total, part time.Duration
	for _, c := range b {
		switch {
		case c == ':':
			total, part = (total+part)*60, 0
		case '0' <= c && c <= '9' && part < 1e6:
			part = part*10 + time.Duration(c-'0')
		default:
			return 0
		}
	}
	return (total + part) * time.Second
}

// onCoreShowChannelsComplete compares, after a cut within one boot, what is up
// with what was. Interactions of which nothing is left have ended unseen.
func (t *Translator) onCoreShowChannelsComplete() {
	if !t.link.resync {
		t.link.channels = nil
		return
	}
	t.link.resync = false
	var living []string
	for _, c := range t.openCalls() {
		alive := false
		for _, ch := range c.chans {
			alive = alive || t.link.channels[ch.uid]
		}
		if alive {
			living = append(living, c.id)
			continue
		}
		t.lose(c)
	}
	t.link.channels = nil
	t.say(t.clock.now, "source", "reset", event.SourceReset{
		SourceRef: t.source(), Reason: event.ResetResync, Interactions: living, Detail: "channels compared after a reconnect",
	})
}
