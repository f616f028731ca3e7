package relay

import "trunkline/eventlog"

// Bounds tells what is kept of a tenant's events.
type Bounds interface {
	Head(tenant string) eventlog.Cursor
	Oldest(tenant string) eventlog.Cursor
}

// Check says whether reading can go on from a cursor; if not, it gives an
// *eventlog.GoneError that says why.
func Check(log Bounds, tenant string, c eventlog.Cursor) error {
	old, head := log.Oldest(tenant), log.Head(tenant)
	gone := &eventlog.GoneError{Oldest: old, Newest: head}
	switch {
	case c.Epoch != head.Epoch:
		gone.Reason = eventlog.GoneEpoch
	case c.Seq > head.Seq:
		gone.Reason = eventlog.GoneAhead
	case c.Seq < old.Seq:
		gone.Reason, gone.LostFrom, gone.LostTo = eventlog.GoneTrimmed, c.Seq+1, old.Seq
	default:
		return nil
	}
	return gone
}
