package push

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
)

// progress is how far a destination is: everything up to low is done, and of the records behind it which messages are.
type progress struct {
	low   uint64
	slots []slot // of the records from low+1 on
	over  map[uint64]*overflow
}

// slot is one record behind the low watermark. The messages of a record have one bit each; those from the 32nd on share
// the last.
type slot struct {
	total      uint16 // messages; unread when they are not known (yet, or any more)
	busy, done uint32
}

const (
	unread   = 1<<16 - 1
	whole    = 1<<32 - 1 // done: all messages, however many there are
	lastUnit = 31
)

// overflow counts what is left of the messages that share the last bit.
type overflow struct {
	left  int
	round uint64
}

func unit(index int) int { return min(index, lastUnit) }

func (s *slot) complete() bool {
	if s.total == unread {
		return false
	}
	n := min(int(s.total), lastUnit+1)
	return bits.OnesCount32(s.done) >= n
}

// slot gives the record's slot, made when there is none; nil for one that is done.
func (p *progress) slot(seq uint64) *slot {
	if seq <= p.low {
		return nil
	}
	for uint64(len(p.slots)) < seq-p.low {
		p.slots = append(p.slots, slot{total: unread})
	}
	return &p.slots[seq-p.low-1]
}

// expect says that a record has n messages and calls want with the index of each that is still to be sent. round
// tells one reading of the record from the next.
func (p *progress) expect(seq uint64, n int, round uint64, want func(index int)) {
	s := p.slot(seq)
	if s == nil {
		return
	}
	if s.done == whole {
		p.advance()
		return // it was complete before a restart
	}
	s.total = uint16(min(n, unread-1))
	if n > lastUnit+1 && s.done>>lastUnit == 0 && s.busy>>lastUnit == 0 {
		if p.over == nil {
			p.over = map[uint64]*overflow{}
		}
		p.over[seq] = &overflow{left: n - lastUnit, round: round}
	}
	open := ^(s.done | s.busy)
	for i := range n {
		if open>>unit(i)&1 == 1 {
			s.busy |= 1 << unit(i)
			want(i)
		}
	}
	p.advance()
}

// finish says that a message is done with.
func (p *progress) finish(seq uint64, index int, round uint64) {
	s := p.slot(seq)
	if s == nil {
		return
	}
	u := unit(index)
	if o := p.over[seq]; u == lastUnit && o != nil {
		if o.round == round {
			o.left--
		}
		if o.left > 0 {
			return
		}
		delete(p.over, seq)
	}
	s.done |= 1 << u
	s.busy &^= 1 << u
	p.advance()
}

// release says that a message is not waiting any more, and not sent either: it will be read again.
func (p *progress) release(seq uint64, index int) {
	if s := p.slot(seq); s != nil {
		s.busy &^= 1 << unit(index)
	}
}

// reread forgets which messages of a record are done when others are still to be sent: the messages of a record are
// others now. What was done of it is sent again.
func (p *progress) reread() {
	for i := range p.slots {
		s := &p.slots[i]
		if s.complete() || s.done == whole {
			*s = slot{done: whole}
		} else {
			*s = slot{total: unread}
		}
	}
	p.over = nil
}

func (p *progress) advance() {
	n := 0
	for n < len(p.slots) && p.slots[n].complete() {
		n++
	}
	if n == 0 {
		return
	}
	p.low += uint64(n)
	if n == len(p.slots) {
		p.slots = p.slots[:0]
		return
	}
	p.slots = append(p.slots[:0], p.slots[n:]...)
}

// jump gives up everything up to seq: it cannot be read any more.
func (p *progress) jump(seq uint64) {
	if seq <= p.low {
		return
	}
	if n := seq - p.low; n < uint64(len(p.slots)) {
		p.slots = append(p.slots[:0], p.slots[n:]...)
	} else {
		p.slots = p.slots[:0]
	}
	for s := range p.over {
		if s <= seq {
			delete(p.over, s)
		}
	}
	p.low = seq
	p.advance()
}

// bitmap writes which records behind the low watermark are complete: a text, "" when there are none. bound bounds it
// in bytes; what does not fit is sent again after a crash.
func (p *progress) bitmap(bound int) string {
	words := make([]uint64, 0, 8)
	for i := range p.slots {
		if i/64 >= bound/8 {
			break
		}
		if i%64 == 0 {
			words = append(words, 0)
		}
		if p.slots[i].complete() {
			words[i/64] |= 1 << (i % 64)
		}
	}
	for len(words) > 0 && words[len(words)-1] == 0 {
		words = words[:len(words)-1]
	}
	var raw []byte
	for _, w := range words {
		raw = binary.LittleEndian.AppendUint64(raw, w)
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}

// restore is the reverse of bitmap. What cannot be read counts as not complete.
func (p *progress) restore(low uint64, bitmap string) {
	*p = progress{low: low}
	raw, err := base64.RawStdEncoding.DecodeString(bitmap)
	if err != nil || len(raw) > windowRecords/8 {
		return
	}
	for i := range len(raw) / 8 * 64 {
		if binary.LittleEndian.Uint64(raw[i/64*8:])>>(i%64)&1 == 1 {
			*p.slot(low + uint64(i) + 1) = slot{done: whole}
		}
	}
	p.advance()
}
