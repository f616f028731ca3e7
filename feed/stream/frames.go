package stream

import (
	"slices"
	"strings"
	"sync"

	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/ws"
)

// variant is a form of the feed's: connections with the same one get the same frames.
type variant struct {
	format  Format
	chunked bool   // HTTP streaming: chunks instead of WebSocket messages
	sized   bool   // each message has its length before it, see [atmosphere]
	types   string // names of events, sorted and joined by commas; empty: all
}

// scratches lends the projection its memory, by format.
var scratches [numFormats]sync.Pool

// encode makes the frames of a batch: one WebSocket message or chunk an event.
func (f *Feed) encode(b *eventlog.Batch, fm relay.Form) *relay.Encoded {
	v, _ := fm.(variant)
	var types []string
	if v.types != "" {
		types = strings.Split(v.types, ",")
	}
	s, _ := scratches[v.format].Get().(*Scratch)
	if s == nil {
		s = new(Scratch)
	}
	defer scratches[v.format].Put(s)
	size := 0 // an event says about as much as the record and its context
	for i := range b.Records {
		size += len(b.Records[i].Raw) + len(b.Records[i].Context)
	}
	if v.format.isXML() {
		size *= 2
	}
	e := &relay.Encoded{Buf: make([]byte, 0, size), Ends: make([]int, len(b.Records)), Marks: make([]uint64, len(b.Records))}
	var last uint64
	take := func(seq uint64, payload []byte) error {
		last = seq
		if types != nil {
			if _, wanted := slices.BinarySearch(types, s.Event()); !wanted {
				return nil
			}
		}
		e.Buf = v.append(e.Buf, payload)
		return nil
	}
	for i := range b.Records {
		_ = f.proj.Each(&b.Records[i], b.Tenant, b.Epoch, v.format, s, take) // take refuses nothing
		e.Ends[i], e.Marks[i] = len(e.Buf), last
	}
	return e
}

// append appends one message as it goes to the connection.
func (v variant) append(dst, payload []byte) []byte {
	var size []byte
	if v.sized {
		var buf [24]byte
		size = appendSize(buf[:0], payload)
	}
	if v.chunked {
		return fanout.AppendChunk(dst, size, payload)
	}
	dst = ws.AppendTextHeader(dst, len(size)+len(payload))
	return append(append(dst, size...), payload...)
}
