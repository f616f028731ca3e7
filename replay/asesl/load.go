package asesl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/replay"
	"trunkline/source/freeswitch"
)

// ErrCapture is what an error wraps when a capture cannot be served.
var ErrCapture = errors.New("capture")

// frame is one message of the capture.
type frame struct {
	at     time.Time
	off    int64 // in the capture
	raw    []byte
	fields map[string]string // of events, decoded
}

// class is the word by which a client subscribes to the event.
func (f *frame) class() string {
	if f.fields["Event-Name"] == "CUSTOM" {
		return f.fields["Event-Subclass"]
	}
	return f.fields["Event-Name"]
}

// life is what one connection of the capture saw.
type life struct {
	from, to time.Time
	core     string
	lists    []string // bodies of responses
	events   []frame
	notice   []byte // the disconnect notice, if it ended with one
}

func load(data []byte, reads []replay.Read) ([]*life, error) {
	var (
		lives  []*life
		starts []int64
		kinds  []freeswitch.Kind
		bodies []string
		frames []frame
	)
	r := freeswitch.NewReader(freeswitch.Limits{}, func(m *freeswitch.Message) {
		f := frame{off: m.Offset}
		body := ""
		if m.Kind == freeswitch.EventMessage {
			f.fields = make(map[string]string)
			for i := range m.Len() {
				key, _ := m.Field(i)
				if name := string(key); slices.Contains(kept, name) || strings.HasPrefix(name, "CC-") {
					f.fields[name] = m.Get(name)
				}
			}
		} else {
			body = string(m.Body())
		}
		starts, kinds, bodies, frames = append(starts, m.Offset), append(kinds, m.Kind), append(bodies, body), append(frames, f)
	}, nil)
	_, _ = r.Write(data)
	next, last := 0, time.Time{}
	for i := range frames {
		f := &frames[i]
		end := int64(len(data))
		if i+1 < len(frames) {
			end = starts[i+1]
		}
		f.raw = data[f.off:end]
		for next < len(reads) && reads[next].Offset+int64(reads[next].Len) < end {
			if reads[next].Event == "eof" {
				closeLife(lives, reads[next].At)
			}
			next++
		}
		if next < len(reads) {
			last = reads[next].At
		} else if at, ok := stamp(f.fields["Event-Date-Timestamp"]); ok {
			last = at
		}
		f.at = last
		if kinds[i] == freeswitch.AuthRequest {
			closeLife(lives, last)
			lives = append(lives, &life{from: last})
			continue
		}
		if len(lives) == 0 {
			continue
		}
		l := lives[len(lives)-1]
		switch kinds[i] {
		case freeswitch.APIResponse:
			l.lists = append(l.lists, bodies[i])
		case freeswitch.DisconnectNotice:
			l.notice = f.raw
		case freeswitch.EventMessage:
			if l.from.IsZero() { // no record of reads: the first time there is
				l.from = f.at
			}
			if core := f.fields["Core-UUID"]; core != "" {
				l.core = core
			}
			l.events = append(l.events, *f)
		}
	}
	if len(lives) == 0 {
		return nil, fmt.Errorf("%w: it has no greeting of an event socket", ErrCapture)
	}
	for ; next < len(reads); next++ {
		if reads[next].Event == "eof" {
			closeLife(lives, reads[next].At)
		}
	}
	closeLife(lives, last)
	return lives, nil
}

func closeLife(lives []*life, at time.Time) {
	if n := len(lives); n > 0 && lives[n-1].to.IsZero() {
		lives[n-1].to = at
	}
}

func stamp(s string) (time.Time, bool) {
	var n int64
	if _, err := fmt.Sscan(s, &n); err != nil || n <= 0 {
		return time.Time{}, false
	}
	return time.UnixMicro(n).UTC(), true
}

// kept are the fields of events, beside those of mod_callcenter, that the fold
// reads.
var kept = []string{
	"Event-Name", "Event-Subclass", "Core-UUID", "Event-Date-Timestamp", "FreeSWITCH-Switchname", "FreeSWITCH-Version",
	"Unique-ID", "Call-Direction", "Channel-Name", "Channel-Call-UUID", "Caller-Caller-ID-Name", "Caller-Caller-ID-Number",
	"Caller-Destination-Number", "Caller-Channel-Created-Time",
}
