package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"trunkline/eventlog/commit"
)

// ErrSegment says that bytes are not a segment, or not one that fits.
var ErrSegment = errors.New("index segment is damaged")

// A segment is what Apply learned from a run of commits, so that a start-up
// reads a few large objects instead of every commit of the log. Layout, version
// 1, integers little-endian or uvarint:
//
//	"TLS1", shard u32, from u64, to u64, first kept u64, hash of `to` 16 bytes, shard epoch 8 bytes
//	uvarint number of tenants; each: uvarint length, name, epoch 8 bytes, uvarint head, trim, bytes
//	for each commit from … to: uvarint received (ms, difference to the one before),
//	  uvarint sections; each: uvarint tenant (place in the table), first sequence, count, bytes
//	identities, 16 bytes each, in the order of the sections
//	the first 16 bytes of SHA-256 over everything before
//
// The tenants are all that the shard knows at `to`, so the newest segment also
// tells of those whose events are all trimmed.
type Segment struct {
	From, To uint64
	Bytes    []byte
}

const segmentMagic = "TLS1"

// segmentBuilder gathers what the open segment will say.
type segmentBuilder struct {
	commits []byte
	ids     []byte
	last    int64
	events  int
	n       int
	names   []*tenant
}

func (b *segmentBuilder) reset() {
	b.commits, b.ids, b.last, b.events, b.n = nil, nil, 0, 0, 0
	b.names = nil
}

func (b *segmentBuilder) begin(c *commit.Commit) {
	ms := c.Received.UnixMilli()
	b.commits = binary.AppendUvarint(b.commits, uint64(ms-b.last))
	b.last = ms
	b.commits = binary.AppendUvarint(b.commits, uint64(len(c.Sections)))
	b.n++
}

func (b *segmentBuilder) section(t *tenant, sec *commit.Section) {
	if t.number < 0 {
		t.number = len(b.names)
		b.names = append(b.names, t)
	}
	b.commits = binary.AppendUvarint(b.commits, uint64(t.number))
	b.commits = binary.AppendUvarint(b.commits, sec.First)
	b.commits = binary.AppendUvarint(b.commits, uint64(sec.Count))
	b.commits = binary.AppendUvarint(b.commits, uint64(sec.Size()))
	b.ids = append(b.ids, sec.Identities()...)
	b.events += sec.Count
}

// segmentBegins forgets the open segment and begins another.
func (s *Shard) segmentBegins(from uint64) {
	s.open.reset()
	for _, t := range s.tenants {
		t.number = -1
	}
	s.segFrom = from
}

// Pending is how many events and commits the open segment has.
func (s *Shard) Pending() (events, commits int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open.events, s.open.n
}

// Cut closes the open segment and gives it; nil when it is empty.
func (s *Shard) Cut() *Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open.n == 0 {
		return nil
	}
	b := make([]byte, 0, len(s.open.commits)+len(s.open.ids)+64*len(s.tenants)+128)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.id))
	b = binary.LittleEndian.AppendUint64(b, s.segFrom)
	b = binary.LittleEndian.AppendUint64(b, s.applied)
	b = binary.LittleEndian.AppendUint64(b, s.first)
	b = append(b, s.hash[:]...)
	b = append(b, s.epoch[:]...)
	// Tenants with events in the segment come first: their places in the table
	// are the numbers that the commits use.
	names := s.open.names
	for _, t := range s.tenants {
		if t.number < 0 {
			names = append(names, t)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, t := range names {
		b = binary.AppendUvarint(b, uint64(len(t.name)))
		b = append(b, t.name...)
		b = append(b, t.epoch[:]...)
		b = binary.AppendUvarint(b, t.head)
		b = binary.AppendUvarint(b, t.trim)
		b = binary.AppendUvarint(b, t.bytes)
		t.number = -1
	}
	b = append(b, s.open.commits...)
	b = append(b, s.open.ids...)
	sum := sha256.Sum256(b)
	seg := &Segment{From: s.segFrom, To: s.applied, Bytes: append(b, sum[:16]...)}
	s.open.reset()
	s.segFrom = s.applied + 1
	return seg
}
