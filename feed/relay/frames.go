package relay

import (
	"iter"
	"sync"

	"trunkline/eventlog"
	"trunkline/fanout"
)

// pieceBytes is about how much is queued at once: small enough that a queue takes it
// though something is waiting, and that a reader's turn is short.
const pieceBytes = 64 << 10

// piece is consecutive events as one frame. An empty frame says that the filter let
// none of them through.
type piece struct {
	first, last uint64
	frame       fanout.Frame
	mark        uint64 // the feed's number of the last event up to last, 0: none in the batch
}

// frameKey names a run of a tenant's records in one form.
type frameKey struct {
	tenant      string
	epoch       eventlog.Epoch
	first, last uint64
	form        Form
}

// frameCacheBytes bounds the frames that are kept for others to use: those of the
// last moments, and those that many read at once after a restart.
const frameCacheBytes = 32 << 20

// frames makes and shares encoded batches.
type frames struct {
	limit  int
	encode func(*eventlog.Batch, Form) *Encoded

	mu    sync.Mutex // guards what is below; nothing is encoded under it
	cache map[frameKey]*Encoded
	order []frameKey // oldest first
	bytes int
}

func (fs *frames) init(limit int, encode func(*eventlog.Batch, Form) *Encoded) {
	fs.limit, fs.encode, fs.cache = limit, encode, map[frameKey]*Encoded{}
}

// of gives a batch in a form, which is encoded when nobody did before.
func (fs *frames) of(b *eventlog.Batch, fm Form) *Encoded {
	key := frameKey{b.Tenant, b.Epoch, b.First(), b.Last(), fm}
	fs.mu.Lock()
	e := fs.cache[key]
	fs.mu.Unlock()
	if e != nil {
		return e
	}
	e = fs.encode(b, fm)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if known := fs.cache[key]; known != nil {
		return known
	}
	fs.cache[key] = e
	fs.order = append(fs.order, key)
	fs.bytes += cap(e.Buf)
	for fs.bytes > fs.limit && len(fs.order) > 1 {
		oldest := fs.order[0]
		fs.order = fs.order[1:]
		fs.bytes -= cap(fs.cache[oldest].Buf)
		delete(fs.cache, oldest)
	}
	return e
}

// pieces gives a batch from sequence from on, as it goes to connections of a form
// with a filter (nil: everything).
func (fs *frames) pieces(b *eventlog.Batch, fm Form, flt Filter, from uint64) iter.Seq[piece] {
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
			return e.Ends[i-1]
		}
		for i < len(records) {
			p := piece{first: records[i].Seq}
			for i < len(records) && flt != nil && !flt.Match(&records[i]) {
				i++
			}
			start := i
			for i < len(records) && e.Ends[i]-begin(start) <= pieceBytes && (flt == nil || flt.Match(&records[i])) {
				i++
			}
			if i == start && i < len(records) {
				i++ // one that is longer than a piece
			}
			p.frame = e.Buf[begin(start):begin(i):begin(i)]
			p.last = records[i-1].Seq
			if e.Marks != nil {
				p.mark = e.Marks[i-1]
			}
			if !yield(p) {
				return
			}
		}
	}
}
