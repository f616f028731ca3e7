// Package rows makes the rows of the export tables out of the log.
//
// A [Books] belongs to one tenant. It is a fold: [Books.Apply] takes the tenant's
// records in the order of the log, each after the floor's fold has taken it, and
// [Books.Close] the quarter-hours of the log's time at which windows end. Both hand
// rows to an [Emit]; a row belongs to the window of its table that is open then.
//
// Invariants:
//
//   - The rows are a function of the records and of the quarter-hours at which Close
//     was called: no clock, no order of a map. Whoever reads the same log again and
//     calls Close before the first record at or behind each quarter-hour gets the same
//     rows, in the same order.
//   - Within a window a key has one row, the newest.
//   - A fact that comes late changes rows of the window in which it was appended; they
//     keep the instance_ts of when it happened. While an issue is in the books, a row of
//     it never has a lower logical time than the one that it replaces.
//   - What is over leaves the books after its last rows are out and a bounded time.
//
// The floor is looked at and never changed. It must be brought up to the quarter-hour
// by a tick before Close, because 15-minute rows are settled by time.
package rows

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"trunkline/eventlog"
	"trunkline/feed/export/schema"
	"trunkline/floor"
)

// Quarter is how far apart the calls of Close are.
const Quarter = 15 * time.Minute

// Emit takes a row of a table. The row is valid until Emit returns.
type Emit func(*schema.Table, schema.Row)

// Options are what a tenant's books are kept with. They must be the same wherever
// the same rows are to come of the same log.
type Options struct {
	// WFM makes the rows of the tables for workforce management. The floor must keep
	// its intervals for them.
	WFM bool
	// Keep is how long an issue that is over stays in the books for facts that come
	// late; an hour by default.
	Keep time.Duration
	// Company is the company's name in the rows; the tenant's by default.
	Company string
}

// Books make the rows of one tenant. They are not safe for concurrent use.
type Books struct {
	tenant string
	o      Options
	sheets sheets
	emit   Emit // of the call that runs
	view   view
	over   []*part // that were over since the agents' time was looked at, within one call

	state
}

// state is what a snapshot keeps. Times are epoch milliseconds.
type state struct {
	Counts   map[string]int64 // rows by table since its window began
	Closed   int64            // the quarter-hour closed last; 0: none
	Issues   map[string]*issue
	Strays   map[string]*issue // of which the floor knows nothing any more, heard of in this hour
	Agents   map[string]*agent
	Callers  map[string]*caller
	Again    []*caller // whose rows changed since the last hour, and who are no longer the latest of their customer
	Ended    []ended   // windows whose number of rows is still to be written
	Lag      int64     // how far the time of the source was behind the log's at the last fact
	Intents  map[string]*intent
	Sessions map[string]*session
	Slices   map[int64]*wfmSlice
	No       uint64 // numbers what is kept in the order in which it came
}

// New opens the books of a tenant.
func New(tenant string, o Options) *Books {
	if o.Keep <= 0 {
		o.Keep = time.Hour
	}
	if o.Company == "" {
		o.Company = tenant
	}
	b := &Books{tenant: tenant, o: o, sheets: newSheets()}
	b.state = newState()
	b.view.b = b
	return b
}

func newState() state {
	return state{
		Counts: map[string]int64{}, Issues: map[string]*issue{}, Strays: map[string]*issue{}, Agents: map[string]*agent{}, Callers: map[string]*caller{},
		Intents: map[string]*intent{}, Sessions: map[string]*session{}, Slices: map[int64]*wfmSlice{},
	}
}

// Apply takes a record that the floor's fold has taken. The floor is the tenant's.
func (b *Books) Apply(rec *eventlog.Record, t *floor.Tenant, emit Emit) {
	b.begin(t, emit)
	b.Counts["events"]++
	f := readFact(rec)
	b.fact(&f)
}

// Close ends the windows that end at a quarter-hour of the log's time.
func (b *Books) Close(end time.Time, t *floor.Tenant, emit Emit) {
	b.begin(t, emit)
	at := end.UnixMilli()
	hour, day := at%time.Hour.Milliseconds() == 0, at%(24*time.Hour).Milliseconds() == 0
	b.closeWFM(at)
	b.accrueAgents(at)
	if hour {
		b.closeIssues(at)
		b.closeCallers(at)
		b.closeSessions(at)
		b.closeAgents(at)
		b.writeQueues()
	}
	if day {
		b.closeFrequencies(at)
		b.writeIntents()
		b.writeAgents()
	}
	b.Closed = at
	b.closeCounts(at, hour, day)
}

func (b *Books) begin(t *floor.Tenant, emit Emit) {
	b.emit = emit
	b.view = view{b: b, t: t}
}

// put hands a row on.
func (b *Books) put(s *sheet) {
	for i, c := range s.cells {
		if c == nil {
			s.row[i] = schema.Value{}
		} else {
			s.row[i] = c(&b.view)
		}
	}
	b.Counts[s.table.Name]++
	b.emit(s.table, s.row)
}

// number numbers what is kept.
func (b *Books) number() uint64 {
	b.No++
	return b.No
}

// Number is the number of an id in the columns whose documented type is a number: an
// id that is one is taken as it is, of any other it is the beginning of its SHA-256,
// 63 bits, which two ids of a centre do not share.
func Number(id string) int64 {
	if n, ok := decimal(id); ok {
		return n
	}
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// QueueNumber is the same for queue_id, whose documented type has 32 bits. With 31
// bits, of a thousand queues two share a number with a chance of one in 4,000: the
// names and dim_queues.queue_key are never shared.
func QueueNumber(id string) int64 {
	if n, ok := decimal(id); ok && n <= 1<<31-1 {
		return n
	}
	return Number("queue "+id) >> 32
}

func decimal(id string) (int64, bool) {
	if id == "" || len(id) > 18 || len(id) > 1 && id[0] == '0' {
		return 0, false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(id, 10, 64)
	return n, err == nil
}

// windowOf gives the begin of the quarter of an hour into which a moment falls.
func windowOf(at int64) int64 {
	const length = int64(Quarter / time.Millisecond)
	s := at % length
	if s < 0 {
		s += length
	}
	return at - s
}
