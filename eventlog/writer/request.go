package writer

import (
	"trunkline/event"
	"trunkline/eventlog/commit"
)

// Result says what became of an append.
type Result struct {
	Accepted   int // appended now
	Duplicates int // known already, among them
	Conflicts  int // known with another body; the first one stands
	Epoch      commit.Epoch
	Head       uint64 // the tenant's last sequence when the append was done
}

// request is one append on its way. Its fields change hands with it: the caller
// fills it, the writer works on it once it is taken, the caller reads the
// outcome after done.
type request struct {
	tenant string
	events []event.Event
	ids    []commit.Identity
	bytes  int

	result Result
	err    error
	done   chan struct{}
}

func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

func newRequest(tenant string, events []event.Event) *request {
	r := &request{tenant: tenant, events: events, ids: make([]commit.Identity, len(events)), done: make(chan struct{})}
	for i := range events {
		e := &events[i]
		r.ids[i] = commit.Identify(tenant, e.Source, e.ID, e.Raw)
		r.bytes += len(e.Raw) + recordOverhead
	}
	return r
}

// recordOverhead is what a record costs beside its raw bytes: identity, flags,
// lengths.
const recordOverhead = 32
