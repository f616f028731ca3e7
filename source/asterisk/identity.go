package asterisk

import (
	"strconv"
	"strings"
	"time"

	"trunkline/source/clean"
)

// clock is the time as the stream tells it.
type clock struct {
	read time.Time // of the bytes in hand; zero when reads carry no time
	last time.Time // the last Timestamp of the PBX, which may step back a little
	now  time.Time // of the message in hand
}

// untimed sets the time of a message that has none.
func (c *clock) untimed() {
	if !c.read.IsZero() {
		c.now = c.read
		return
	}
	c.now = c.last
}

// parseTimestamp reads "1795210742.162854": seconds and a fraction.
func parseTimestamp(b []byte) (time.Time, bool) {
	if len(b) == 0 || len(b) > 30 {
		return time.Time{}, false
	}
	var sec, nsec int64
	i := 0
	for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		if i >= 12 {
			return time.Time{}, false
		}
		sec = sec*10 + int64(b[i]-'0')
	}
	if i == 0 {
		return time.Time{}, false
	}
	if i < len(b) {
		if b[i] != '.' {
			return time.Time{}, false
		}
		scale := int64(time.Second)
		for _, c := range b[i+1:] {
			if c < '0' || c > '9' {
				return time.Time{}, false
			}
			if scale > 1 {
				scale /= 10
				nsec += int64(c-'0') * scale
			}
		}
	}
	return time.Unix(sec, nsec).UTC(), true
}

// identity makes the ids: of the source, of interactions and legs, of events.
type identity struct {
	pbx    string // the PBX's name
	source string // the CloudEvents source
	prefix string // what the PBX puts before every Uniqueid, "pbx1-"
	boot   string // the second in which the PBX booted, "0" until it is known

	// An entity has seldom two facts of one kind at the same microsecond; then
	// the second gets a number. Only the last microsecond is remembered.
	lastAt time.Time
	said   map[string]int
}

func newIdentity(pbx string) identity {
	id := identity{boot: "0", said: make(map[string]int)}
	if pbx != "" {
		id.name(pbx)
	}
	return id
}

func (id *identity) name(pbx string) {
	if pbx == "" {
		return
	}
	id.pbx = pbx
	id.prefix = pbx + "-"
	id.source = "asterisk/" + pbx
}

// setBoot sets the boot that ids are made for.
func (id *identity) setBoot(at time.Time) { id.boot = strconv.FormatInt(at.Unix(), 10) }

// short cuts the PBX's own name off a Uniqueid, to not have it twice.
func (id *identity) short(uniqueid string) string {
	return strings.TrimPrefix(uniqueid, id.prefix)
}

// entity makes the id of an interaction from its Linkedid, or of a leg from
// its Uniqueid. Uniqueids start anew with every boot, and without a systemname
// two PBXs use the same ones, so that both are part of it.
func (id *identity) entity(uniqueid string) string {
	return id.prefix + id.boot + "-" + id.short(uniqueid)
}

// event makes the id of a fact.
func (id *identity) event(entity, kind string, at time.Time) string {
	b := make([]byte, 0, 80)
	b = append(b, id.boot...)
	b = append(b, '/')
	b = append(b, entity...)
	b = append(b, '/')
	b = append(b, kind...)
	b = append(b, '/')
	if !at.IsZero() {
		b = strconv.AppendInt(b, at.UnixMicro(), 10)
	}
	if !at.Equal(id.lastAt) {
		id.lastAt = at
		clear(id.said)
	}
	key := string(b)
	id.said[key]++
	if n := id.said[key]; n > 1 {
		return key + "." + strconv.Itoa(n)
	}
	return key
}

// once makes the id of the n-th fact of a kind that an entity can have only so
// many times: its time is no part of it, so that a program which starts anew and
// finds the same state in a snapshot says the same fact again.
func (id *identity) once(entity, kind string, n int) string {
	key := id.boot + "/" + entity + "/" + kind
	if n > 1 {
		key += "." + strconv.Itoa(n)
	}
	return key
}

// AgentID is the usual way from the interface of a queue member to an agent's
// id: the name without the technology, so that PJSIP/1001 and SIP/1001 are
// agent 1001, and Local/1001@agents/n is 1001@agents.
func AgentID(iface string) string {
	id := iface
	if _, after, ok := strings.Cut(iface, "/"); ok && after != "" {
		id = after
	}
	if id = strings.TrimSuffix(id, "/n"); id == "" {
		return iface
	}
	return id
}

// deviceOf cuts the number of the call off a channel's name: PJSIP/1001 from
// PJSIP/1001-00000022, Local/1001@agents from Local/1001@agents-0001;1.
func deviceOf(channel string) string {
	channel = strings.TrimSuffix(strings.TrimSuffix(channel, ";1"), ";2")
	if i := strings.LastIndexByte(channel, '-'); i > 0 {
		return channel[:i]
	}
	return channel
}

// text makes a string of what the PBX sent that can be part of an id. "<unknown>"
// is its word for none.
func text(b []byte) string {
	if string(b) == "<unknown>" {
		return ""
	}
	return clean.Text(b)
}

func number(b []byte) int { return clean.Number(b) }

func millis(from, to time.Time) int64 { return clean.Millis(from, to) }
