package aspbx

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"trunkline/replay"
	"trunkline/source/asterisk"
)

// ErrCapture is what an error wraps when a capture cannot be served.
var ErrCapture = errors.New("capture")

// message is one event of the capture.
type message struct {
	at     time.Time
	off    int64 // in the capture
	raw    []byte
	name   string
	fields []field
}

type field struct{ key, value string }

// get returns the first value of a key as it is spelled in events.
func (m *message) get(key string) string {
	for i := range m.fields {
		if m.fields[i].key == key {
			return m.fields[i].value
		}
	}
	return ""
}

// life is what one connection of the capture saw: from its banner to its end,
// within one boot of the PBX.
type life struct {
	banner   string
	from, to time.Time
	boot     time.Time
	rows     []message // of the snapshot after its login
	events   []message
}

// loader cuts a capture into lives.
type loader struct {
	lives []*life
	data  []byte
	reads []replay.Read
	next  int // the read that the next message may end in
	last  time.Time
	name  string
}

func load(data []byte, reads []replay.Read) (*loader, error) {
	l := &loader{data: data, reads: reads}
	starts := make([]int64, 0, 8192)
	var messages []*message
	kinds := make([]asterisk.Kind, 0, 8192)
	r := asterisk.NewReader(asterisk.Limits{}, func(m *asterisk.Message) {
		c := &message{off: m.Offset, name: string(m.Name())}
		for i := range m.Len() {
			k, v := m.Field(i)
			c.fields = append(c.fields, field{string(k), string(v)})
		}
		starts = append(starts, m.Offset)
		messages = append(messages, c)
		kinds = append(kinds, m.Kind)
	}, nil)
	_, _ = r.Write(data)
	for i, m := range messages {
		end := int64(len(data))
		if i+1 < len(messages) {
			end = starts[i+1]
		}
		m.raw = data[m.off:end]
		if cut := bytes.Index(m.raw, []byte("\r\n\r\n")); cut >= 0 {
			m.raw = m.raw[:cut+4]
		}
		l.time(m)
		l.take(m, kinds[i])
	}
	if len(l.lives) == 0 {
		return nil, fmt.Errorf("%w: it has no banner of a manager connection", ErrCapture)
	}
	for ; l.next < len(l.reads); l.next++ {
		if l.reads[l.next].Event == "eof" {
			l.close(l.reads[l.next].At)
		}
	}
	l.close(l.last)
	return l, nil
}

// time finds when a message was read: by the record of reads, else by the time
// the PBX gave it.
func (l *loader) time(m *message) {
	end := m.off + int64(len(m.raw))
	for l.next < len(l.reads) && l.reads[l.next].Offset+int64(l.reads[l.next].Len) < end {
		if l.reads[l.next].Event == "eof" {
			l.close(l.reads[l.next].At)
		}
		l.next++
	}
	at := l.last
	switch sec, err := strconv.ParseFloat(m.get("Timestamp"), 64); {
	case l.next < len(l.reads):
		at = l.reads[l.next].At
	case err == nil && sec > 0 && sec < 1e11:
		at = time.UnixMicro(int64(sec * 1e6)).UTC()
	}
	if at.After(l.last) {
		l.last = at
	}
	m.at = l.last
}

// close ends the life in hand.
func (l *loader) close(at time.Time) {
	if n := len(l.lives); n > 0 && l.lives[n-1].to.IsZero() {
		l.lives[n-1].to = at
	}
}

func (l *loader) take(m *message, kind asterisk.Kind) {
	if kind == asterisk.Banner {
		l.close(m.at)
		l.lives = append(l.lives, &life{banner: m.name, from: m.at, boot: m.at})
		return
	}
	if len(l.lives) == 0 || kind != asterisk.EventMessage {
		return
	}
	v := l.lives[len(l.lives)-1]
	if name := m.get("SystemName"); name != "" {
		l.name = name
	}
	switch {
	case m.name == "FullyBooted":
		up, _ := strconv.Atoi(m.get("Uptime"))
		v.boot = m.at.Add(-time.Duration(up) * time.Second)
		if v.from.IsZero() {
			v.from = m.at
		}
	case m.get("ActionID") != "":
		v.rows = append(v.rows, *m)
	default:
		if v.from.IsZero() { // no record of reads: the first time that the PBX gives
			v.from, v.boot = m.at, m.at
		}
		v.events = append(v.events, *m)
	}
}
