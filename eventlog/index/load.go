package index

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
)

const segmentHead = 4 + 4 + 24 + 16 + 8

// tenantEnd is what a segment says of one tenant at its end.
type tenantEnd struct {
	name              string
	epoch             commit.Epoch
	head, trim, bytes uint64
	t                 *tenant
}

// segmentContent is a segment taken apart.
type segmentContent struct {
	from, to uint64
	hash     commit.Hash
	epoch    commit.Epoch
	ends     []tenantEnd
	commits  commit.Fields // of the commits, with the identities behind them
	ids      []byte
}

func badSegment(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrSegment, fmt.Sprintf(format, a...))
}

// Load takes a segment in, in the place of its commits. It must continue what
// was applied, or be the first; one that does not fit changes nothing.
// identities says whether its identities are wanted: those of old segments
// would be pushed out of the window again.
func (s *Shard) Load(b []byte, identities bool) error {
	c, err := s.parseSegment(b)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied != 0 && c.from != s.applied+1 {
		return badSegment("commits %d to %d do not follow commit %d", c.from, c.to, s.applied)
	}
	if s.applied == 0 {
		s.first = c.from
	}
	for i := range c.ends {
		c.ends[i].t = s.tenant(c.ends[i].name, c.ends[i].epoch)
	}
	ids := c.ids
	_, _ = c.walk(func(stream uint64, ms int64, e *tenantEnd, first uint64, count int, size uint64) {
		s.section(e.t, stream, ms, first, count, int(size))
		if identities {
			received := time.UnixMilli(ms).UTC()
			for range count {
				s.window.add(commit.Identity(ids[:16]), received)
				ids = ids[16:]
			}
		}
	}, s.advance)
	s.hash, s.epoch = c.hash, c.epoch
	s.doubt = false // the table has every tenant's number
	for i := range c.ends {
		c.ends[i].settle()
	}
	s.segmentBegins(c.to + 1)
	return nil
}

// settle gives the tenant the numbers of the segment's end.
func (e *tenantEnd) settle() {
	e.t.epoch, e.t.head, e.t.trim = e.epoch, e.head, max(e.trim, e.t.trim)
	// Places hold differences of bytes: shift them with the total.
	if shift := e.bytes - e.t.bytes; shift != 0 {
		for i := range e.t.places {
			e.t.places[i].before += shift
		}
		e.t.bytes = e.bytes
	}
}

// parseSegment takes a segment apart and checks all of it.
func (s *Shard) parseSegment(b []byte) (*segmentContent, error) {
	if len(b) < segmentHead+16 || string(b[:4]) != segmentMagic {
		return nil, badSegment("%d bytes without the head of a segment", len(b))
	}
	body := b[:len(b)-16]
	if sum := sha256.Sum256(body); string(sum[:16]) != string(b[len(body):]) {
		return nil, badSegment("the hash does not fit")
	}
	c := &segmentContent{
		from: binary.LittleEndian.Uint64(b[8:]), to: binary.LittleEndian.Uint64(b[16:]),
		hash: commit.Hash(b[32:48]), epoch: commit.Epoch(b[48:56]),
	}
	if shard := int(binary.LittleEndian.Uint32(b[4:])); shard != s.id || c.from == 0 || c.to < c.from {
		return nil, badSegment("shard %d, commits %d to %d", shard, c.from, c.to)
	}
	r := commit.Fields{B: body[segmentHead:]}
	n := r.Uvarint()
	if n > uint64(len(r.B)) {
		return nil, badSegment("tenant table is cut short")
	}
	c.ends = make([]tenantEnd, n)
	for i := range c.ends {
		e := &c.ends[i]
		e.name = string(r.Bytes(r.Uvarint()))
		copy(e.epoch[:], r.Bytes(8))
		e.head, e.trim, e.bytes = r.Uvarint(), r.Uvarint(), r.Uvarint()
	}
	if r.Bad {
		return nil, badSegment("tenant table is cut short")
	}
	c.commits = r
	rest, err := c.walk(func(uint64, int64, *tenantEnd, uint64, int, uint64) {}, func(uint64, time.Time) {})
	if err != nil {
		return nil, err
	}
	c.ids = rest
	return c, nil
}

// walk calls section for each section and after for each commit, in order, and
// gives the identities behind them.
func (c *segmentContent) walk(
	section func(stream uint64, ms int64, e *tenantEnd, first uint64, count int, size uint64),
	after func(stream uint64, received time.Time),
) (ids []byte, err error) {
	r := c.commits
	var ms int64
	events := 0
	for stream := c.from; ; stream++ {
		ms += int64(r.Uvarint())
		for n := r.Uvarint(); n > 0 && !r.Bad; n-- {
			number, first, count, size := r.Uvarint(), r.Uvarint(), r.Uvarint(), r.Uvarint()
			if r.Bad || number >= uint64(len(c.ends)) || first == 0 || count == 0 || count > uint64(len(r.B))/16 {
				return nil, badSegment("commit %d does not fit", stream)
			}
			section(stream, ms, &c.ends[number], first, int(count), size)
			events += int(count)
		}
		if r.Bad {
			return nil, badSegment("commit %d is cut short", stream)
		}
		after(stream, time.UnixMilli(ms).UTC())
		if stream == c.to {
			break
		}
	}
	if len(r.B) != events*16 {
		return nil, badSegment("%d bytes of identities for %d events", len(r.B), events)
	}
	return r.B, nil
}

// SetFirst tells where the kept log begins, before anything is applied or when
// segments reach further back than the log.
func (s *Shard) SetFirst(first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied == 0 {
		s.first = first
		s.segFrom = first
	}
	s.trim(max(first, s.first))
}
