package live

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"sync"

	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/ws"
)

// form is how an event looks on a connection.
type form uint8

const (
	formWebSocket  form = iota
	formSSE             // server-sent events
	formSSEChunked      // the same in HTTP/1.1 chunks
)

// pieceBytes is about how much is queued at once: small enough that a queue takes it
// though something is waiting, and that a reader's turn is short.
const pieceBytes = 64 << 10

// piece is consecutive events as one frame. An empty frame says that the filter let
// none of them through.
type piece struct {
	first, last uint64
	frame       fanout.Frame
}

// encoded is a batch in one form. ends[i] is where record i ends in buf.
type encoded struct {
	buf  []byte
	ends []int
}

// frameKey names a run of a tenant's records in one form.
type frameKey struct {
	tenant      string
	epoch       eventlog.Epoch
	first, last uint64
	form        form
}

// frameCacheBytes bounds the frames that are kept for others to use: those of the
// last moments, and those that many read at once after a restart.
const frameCacheBytes = 32 << 20

// frames makes and shares encoded batches.
type frames struct {
	limit int

	mu    sync.Mutex // guards what is below; nothing is encoded under it
	cache map[frameKey]*encoded
	order []frameKey // oldest first
	bytes int
}

func (fs *frames) init(limit int) { fs.limit, fs.cache = limit, map[frameKey]*encoded{} }

// of gives a batch in a form, which is encoded when nobody did before.
func (fs *frames) of(b *eventlog.Batch, fm form) *encoded {
	key := frameKey{b.Tenant, b.Epoch, b.First(), b.Last(), fm}
	fs.mu.Lock()
	e := fs.cache[key]
	fs.mu.Unlock()
	if e != nil {
		return e
	}
	e = encode(b, fm)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if known := fs.cache[key]; known != nil {
		return known
	}
	fs.cache[key] = e
	fs.order = append(fs.order, key)
	fs.bytes += cap(e.buf)
	for fs.bytes > fs.limit && len(fs.order) > 1 {
		oldest := fs.order[0]
		fs.order = fs.order[1:]
		fs.bytes -= cap(fs.cache[oldest].buf)
		delete(fs.cache, oldest)
	}
	return e
}

// pieces gives a batch from sequence from on, as it goes to connections of a form
// with a filter (nil: everything).
func (fs *frames) pieces(b *eventlog.Batch, fm form, flt *filter, from uint64) iter.Seq[piece] {
	e := fs.of(b, fm)
	return func(yield func(piece) bool) {
		records := b.Records
		i := 0
		if from > b.First() {
			i = int(from - b.First())
		}
		begin := func(i int) int {
			if i == 0 {
				return 0
			}
			return e.ends[i-1]
		}
		for i < len(records) {
			p := piece{first: records[i].Seq}
			for i < len(records) && flt != nil && !flt.match(&records[i]) {
				i++
			}
			start := i
			for i < len(records) && e.ends[i]-begin(start) <= pieceBytes && (flt == nil || flt.match(&records[i])) {
				i++
			}
			if i == start && i < len(records) {
				i++ // one that is longer than a piece
			}
			p.frame = e.buf[begin(start):begin(i):begin(i)]
			p.last = records[i-1].Seq
			if !yield(p) {
				return
			}
		}
	}
}

// encode makes the frames of a batch.
func encode(b *eventlog.Batch, fm form) *encoded {
	e := &encoded{ends: make([]int, len(b.Records))}
	size := 0
	for i := range b.Records {
		size += len(b.Records[i].Raw) + len(b.Records[i].Context) + 200
	}
	e.buf = make([]byte, 0, size)
	var text, event []byte
	for i := range b.Records {
		rec := &b.Records[i]
		event = oneLine(rec.AppendJSON(event[:0], b.Tenant))
		cursor := eventlog.Cursor{Epoch: b.Epoch, Seq: rec.Seq}.String()
		switch fm {
		case formWebSocket:
			e.buf = ws.AppendTextHeader(e.buf, len(`{"cursor":"","event":}`)+len(cursor)+len(event))
			e.buf = appendEnvelope(e.buf, cursor, event)
		case formSSE:
			e.buf = appendSSE(e.buf, cursor, rec.Type(), event)
		case formSSEChunked:
			text = appendSSE(text[:0], cursor, rec.Type(), event)
			e.buf = fanout.AppendChunk(e.buf, text)
		}
		e.ends[i] = len(e.buf)
	}
	return e
}

func appendEnvelope(dst []byte, cursor string, event []byte) []byte {
	dst = append(dst, `{"cursor":"`...)
	dst = append(dst, cursor...)
	dst = append(dst, `","event":`...)
	dst = append(dst, event...)
	return append(dst, '}')
}

func appendSSE(dst []byte, cursor, kind string, event []byte) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, cursor...)
	if !strings.ContainsAny(kind, "\r\n") { // a line end would begin another field
		dst = append(dst, "\nevent: "...)
		dst = append(dst, kind...)
	}
	dst = append(dst, "\ndata: "...)
	dst = append(dst, event...)
	return append(dst, "\n\n"...)
}

// oneLine makes JSON fit on one line. Sources may send theirs indented.
func oneLine(event []byte) []byte {
	if bytes.IndexByte(event, '\n') < 0 && bytes.IndexByte(event, '\r') < 0 {
		return event
	}
	var buf bytes.Buffer
	if json.Compact(&buf, event) != nil {
		return bytes.Map(func(r rune) rune {
			if r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, event)
	}
	return buf.Bytes()
}
