package measures

import (
	"math/bits"
	"time"

	"trunkline/fanout"
)

// delivery is how far a session has got. It belongs to the goroutine of the room, but for what is said otherwise.
type delivery struct {
	fresh  bool // nothing was sent yet
	behind bool // it does not get what is new, but a note of it

	edition *edition // until it is through with it
	next    int      // of its frames
	missed  []uint64 // the rows that it has not got as they are, one bit each
	misses  int
}

// begin starts with a snapshot; what the sheet has that is newer follows it.
func (s *session) begin(e *edition, sh *sheet) {
	s.fresh, s.behind, s.edition, s.next = false, true, e, 0
	if e.version == sh.version {
		return
	}
	for n := range sh.rows {
		if sh.rows[n].version > e.version {
			s.miss(int32(n))
		}
	}
}

// note remembers rows that the session has to get later.
func (s *session) note(rows []int32) {
	for _, n := range rows {
		s.miss(n)
	}
}

func (s *session) miss(n int32) {
	word, bit := int(n)/64, uint64(1)<<(n%64)
	if word >= len(s.missed) {
		s.missed = append(s.missed, make([]uint64, word+1-len(s.missed))...)
	}
	if s.missed[word]&bit == 0 {
		s.missed[word] |= bit
		s.misses++
	}
}

// advance sends a session that is behind what its queue takes: the rest of the snapshot, then what it missed, as it is now.
func (s *session) advance(r *room, sh *sheet) {
	s.progress.Store(time.Now().UnixNano())
	for s.edition != nil {
		e := s.edition
		if s.next < len(e.frames) {
			if s.conn.Enqueue(e.frames[s.next], 0) != fanout.OK {
				return
			}
			s.next++
			continue
		}
		if s.marker && s.conn.Enqueue(initialized(r.account, sh.terms.producer, e.cursor, e.keys), 0) != fanout.OK {
			return
		}
		r.feed.delivered.Add(uint64(e.keys))
		s.edition = nil
		s.started.Store(true)
	}
	for s.misses > 0 {
		rows, buf := s.some(sh)
		if s.conn.Enqueue(buf, 0) != fanout.OK {
			return
		}
		r.feed.delivered.Add(uint64(len(rows)))
		s.got(rows)
	}
	s.behind, s.missed = false, nil
}

// some makes a frame of rows that the session has missed.
func (s *session) some(sh *sheet) (rows []int32, buf []byte) {
	for word, w := range s.missed {
		for ; w != 0; w &= w - 1 {
			n := int32(word*64 + bits.TrailingZeros64(w))
			rows = append(rows, n)
			if buf = sh.frame(buf, n); len(buf) >= frameBytes {
				return rows, buf
			}
		}
	}
	return rows, buf
}

func (s *session) got(rows []int32) {
	for _, n := range rows {
		s.missed[n/64] &^= uint64(1) << (n % 64)
		s.misses--
	}
}
