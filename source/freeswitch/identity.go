package freeswitch

import (
	"strconv"
	"strings"
	"time"
)

// clock is the time as the stream tells it.
type clock struct {
	read time.Time // of the bytes in hand; zero when reads carry no time
	last time.Time // of the last event
	now  time.Time // of the message in hand
}

// untimed sets the time of a message that has none.
func (c *clock) untimed() {
	c.now = c.last
	if !c.read.IsZero() {
		c.now = c.read
	}
}

// microseconds reads a time in microseconds since 1970; 0 is none.
func microseconds(b []byte) (time.Time, bool) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n <= 0 || n > 1e17 {
		return time.Time{}, false
	}
	return time.UnixMicro(n).UTC(), true
}

// seconds reads a time in seconds since 1970; 0 is none.
func seconds(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(n, 0).UTC(), true
}

// identity makes the ids: of the source, of interactions and legs, of events.
// FreeSWITCH names channels and its own core by UUIDs, so that nothing needs a
// prefix to be told from another switch's.
type identity struct {
	name   string // of the switch
	source string // the CloudEvents source
	core   string // the UUID of the running core, "" until it is known
	shift  string // marks a replay at another time than it happened

	// A message seldom gives two facts of one kind; then the second gets a number.
	origin string // the message in hand: its Event-Sequence, or where else it is from
	said   map[string]int
}

func newIdentity(name string, shift time.Duration) identity {
	id := identity{said: make(map[string]int)}
	if shift != 0 {
		id.shift = "+" + strconv.FormatInt(int64(shift/time.Second), 10)
	}
	id.setName(name)
	return id
}

func (id *identity) setName(name string) {
	if name != "" {
		id.name, id.source = name, "freeswitch/"+name
	}
}

// entity makes the id of an interaction or leg from the UUID of its channel.
func (id *identity) entity(uuid string) string {
	if uuid == "" {
		return ""
	}
	return uuid + id.shift
}

// from sets the message that the next facts come from.
func (id *identity) from(origin string) {
	if id.origin != origin {
		id.origin = origin
		clear(id.said)
	}
}

// event makes the id of a fact that a message gave. What has no Event-Sequence is
// told apart by its entity and time.
func (id *identity) event(origin, kind, entity string, at time.Time) string {
	core := id.core
	if core == "" {
		core = "0"
	}
	key := core + id.shift + "/" + origin + "/" + kind
	if origin == "" || origin[0] > '9' {
		key += ":" + entity + "@" + strconv.FormatInt(at.UnixMicro(), 10)
	}
	if origin != id.origin {
		return key // said late: there is one such fact of a message at most
	}
	id.said[key]++
	if n := id.said[key]; n > 1 {
		return key + "." + strconv.Itoa(n)
	}
	return key
}

// deviceOf cuts a channel's name down to the device that the channel is of:
// sofia/internal/1001@10.0.0.5:5060 is sofia/internal/1001@10.0.0.5:5060 for
// ever, but verto.rtc/1001 and sofia/gateway/carrier/0201234 carry the number
// that was dialled, which is not the device's.
func deviceOf(channel string) string {
	if rest, ok := strings.CutPrefix(channel, "sofia/gateway/"); ok {
		gateway, _, _ := strings.Cut(rest, "/")
		return "sofia/gateway/" + gateway
	}
	return channel
}

// userOf is the user part of a channel's name or of an agent's contact: 1001 of
// sofia/internal/1001@10.0.0.5:5060, of user/1001@default, and of
// [leg_timeout=6]user/1001@default.
func userOf(address string) string {
	address = contactOf(address)
	if i := strings.LastIndexByte(address, '/'); i >= 0 {
		address = address[i+1:]
	}
	user, _, _ := strings.Cut(address, "@")
	return strings.TrimPrefix(user, "sip:")
}

// contactOf takes the variables in brackets off the start of a dial string.
func contactOf(address string) string {
	for len(address) > 0 {
		end := map[byte]byte{'[': ']', '{': '}', '<': '>'}[address[0]]
		i := strings.IndexByte(address, end)
		if end == 0 || i < 0 {
			break
		}
		address = address[i+1:]
	}
	return address
}

// ringLimit is the time that a contact's leg_timeout lets a phone ring, in
// milliseconds; 0 when it has none.
func ringLimit(contact string) int64 {
	_, rest, ok := strings.Cut(contact, "leg_timeout=")
	if !ok {
		return 0
	}
	n := 0
	for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	sec, err := strconv.ParseInt(rest[:n], 10, 32)
	if err != nil {
		return 0
	}
	return sec * 1000
}

// remembered is how many interactions, visits and channels that are over are
// kept in mind, so that what is said about them late does not bring them back.
const remembered = 8192

// memory is a set of the last names it was given.
type memory struct {
	ring []string
	next int
	set  map[string]bool
}

func newMemory() memory { return memory{set: make(map[string]bool)} }

func (m *memory) add(name string) {
	if name == "" || m.set[name] {
		return
	}
	if len(m.ring) < remembered {
		m.ring = append(m.ring, name)
	} else {
		delete(m.set, m.ring[m.next])
		m.ring[m.next] = name
		m.next = (m.next + 1) % remembered
	}
	m.set[name] = true
}

func (m *memory) has(name string) bool { return m.set[name] }
