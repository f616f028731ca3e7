package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

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

// Load takes a segment in, in the place of its commits. It must continue what
// was applied, or be the first. identities says whether its identities are
// wanted: those of old segments would be pushed out of the window again.
func (s *Shard) Load(b []byte, identities bool) error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s", ErrSegment, fmt.Sprintf(format, a...))
	}
	const head = 4 + 4 + 24 + 16 + 8
	if len(b) < head+16 || string(b[:4]) != segmentMagic {
		return bad("%d bytes without the head of a segment", len(b))
	}
	body := b[:len(b)-16]
	if sum := sha256.Sum256(body); string(sum[:16]) != string(b[len(body):]) {
		return bad("the hash does not fit")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shard, from, to := int(binary.LittleEndian.Uint32(b[4:])), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
	if shard != s.id || s.applied != 0 && from != s.applied+1 || from == 0 || to < from {
		return bad("shard %d, commits %d to %d, behind %d", shard, from, to, s.applied)
	}
	r := commit.Fields{B: body[head:]}
	n := r.Uvarint()
	if n > uint64(len(r.B)) {
		return bad("tenant table is cut short")
	}
	// Numbers in the table are of the segment's end; before it is applied they
	// only tell who the tenants are.
	type end struct {
		t                 *tenant
		epoch             commit.Epoch
		head, trim, bytes uint64
	}
	ends := make([]end, n)
	for i := range ends {
		name := string(r.Bytes(r.Uvarint()))
		e := &ends[i]
		copy(e.epoch[:], r.Bytes(8))
		e.head, e.trim, e.bytes = r.Uvarint(), r.Uvarint(), r.Uvarint()
		if r.Bad {
			return bad("tenant table is cut short")
		}
		e.t = s.tenant(name, e.epoch)
	}
	if s.applied == 0 {
		s.first = from
	}
	var ms int64
	type run struct {
		received time.Time
		count    int
	}
	var runs []run
	events := 0
	for stream := from; stream <= to; stream++ {
		ms += int64(r.Uvarint())
		received := time.UnixMilli(ms).UTC()
		sections := r.Uvarint()
		inCommit := 0
		for ; sections > 0 && !r.Bad; sections-- {
			number, first, count, size := r.Uvarint(), r.Uvarint(), r.Uvarint(), r.Uvarint()
			if r.Bad || number >= n || count > uint64(len(b)) {
				return bad("commit %d does not fit", stream)
			}
			s.section(ends[number].t, stream, ms, first, int(count), int(size))
			inCommit += int(count)
		}
		if r.Bad {
			return bad("commit %d is cut short", stream)
		}
		s.advance(stream, received)
		runs = append(runs, run{received, inCommit})
		events += inCommit
	}
	if len(r.B) != events*16 {
		return bad("%d bytes of identities for %d events", len(r.B), events)
	}
	if identities {
		for _, run := range runs {
			for range run.count {
				s.window.add(commit.Identity(r.B[:16]), run.received)
				r.B = r.B[16:]
			}
		}
	}
	copy(s.hash[:], b[32:])
	copy(s.epoch[:], b[48:])
	for _, e := range ends {
		e.t.epoch, e.t.head, e.t.trim = e.epoch, e.head, max(e.trim, e.t.trim)
		// Places hold differences of bytes: shift them with the total.
		if shift := e.bytes - e.t.bytes; shift != 0 {
			for i := range e.t.places {
				e.t.places[i].before += shift
			}
			e.t.bytes = e.bytes
		}
	}
	s.open.reset()
	s.segFrom = to + 1
	return nil
}

// SetFirst tells where the kept log begins, before anything is applied or when
// segments reach further back than the log.
func (s *Shard) SetFirst(first uint64) {
	s.mu.Lock()
	if s.applied == 0 {
		s.first = first
		s.segFrom = first
	}
	s.mu.Unlock()
	s.Trim(first)
}
