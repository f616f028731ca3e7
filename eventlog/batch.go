package eventlog

import (
	"time"

	"trunkline/eventlog/commit"
)

// Record is one event as the log holds it; its AppendJSON gives it with what
// the log has added.
type Record = commit.Record

// Batch is a run of consecutive records of one tenant out of one commit. It is
// immutable and shared by all who read it.
type Batch struct {
	Tenant   string
	Epoch    Epoch // of the tenant's numbering as it is now
	Records  []Record
	Received time.Time
}

// First is the sequence of the first record.
func (b *Batch) First() uint64 { return b.Records[0].Seq }

// Last is the sequence of the last record.
func (b *Batch) Last() uint64 { return b.Records[len(b.Records)-1].Seq }

// Cursor is the position behind the last record.
func (b *Batch) Cursor() Cursor { return Cursor{b.Epoch, b.Last()} }

// From gives the batch without the records before seq.
func (b *Batch) From(seq uint64) *Batch {
	if seq <= b.First() {
		return b
	}
	cut := *b
	cut.Records = b.Records[seq-b.First():]
	return &cut
}

// batchOf makes a batch of a section. Its records are decoded once a section,
// whoever reads; the slice header is all that is new.
func batchOf(s *commit.Section, epoch Epoch, received time.Time) (*Batch, error) {
	recs, err := s.Records()
	if err != nil {
		return nil, err
	}
	return &Batch{Tenant: s.Tenant, Epoch: epoch, Records: recs, Received: received}, nil
}
