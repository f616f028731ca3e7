package stream

import (
	"bytes"
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

// workspace is the memory that frames are made in.
type workspace struct {
	Scratch
	frames []byte // of the batch
}

// workspaces lends them, by format.
var workspaces [numFormats]sync.Pool

// keptFrames is the longest buffer that is kept for the next batch, in bytes.
const keptFrames = 4 << 20

// encode makes the frames of a batch: one WebSocket message or chunk an event.
func (f *Feed) encode(b *eventlog.Batch, fm relay.Form) *relay.Encoded {
	v, _ := fm.(variant)
	s, _ := workspaces[v.format].Get().(*workspace)
	if s == nil {
		s = new(workspace)
	}
	defer workspaces[v.format].Put(s)
	frames := s.frames[:0]
	if s.only = nil; v.types != "" {
		s.only = strings.Split(v.types, ",")
	}
	e := &relay.Encoded{Ends: make([]int, len(b.Records)), Marks: make([]uint64, len(b.Records))}
	var last uint64
	take := func(seq uint64, payload []byte) error {
		if last = seq; payload != nil {
			frames = v.append(frames, payload)
		}
		return nil
	}
	for i := range b.Records {
		_ = f.proj.Each(&b.Records[i], b.Tenant, b.Epoch, v.format, &s.Scratch, take) // take refuses nothing
		e.Ends[i], e.Marks[i] = len(frames), last
	}
	// What is kept and queued is as long as it must be: nobody knows before how long the
	// events of a record are, and a guess is cleared and collected for nothing.
	e.Buf = bytes.Clone(frames)
	if s.frames = frames; cap(frames) > keptFrames {
		s.frames = nil
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
