package commit

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/klauspost/compress/s2"
)

const (
	magic      = "TLC1"
	version    = 1
	headerSize = 72
	hashSize   = 16

	flagDerived = 1
	flagContext = 2
)

// Builder gathers the records of one commit and encodes it. It is reused from
// commit to commit, so that building one allocates only the finished message.
// The zero value is ready. A Builder is not safe for concurrent use.
type Builder struct {
	sections []builderSection
	index    map[string]int
	events   int
	size     int
	dir      []byte
	packed   []byte
}

type builderSection struct {
	tenant string
	epoch  Epoch
	first  uint64
	count  int
	ids    []byte
	body   []byte
}

// Reset forgets all records.
func (b *Builder) Reset() {
	b.sections = b.sections[:0]
	clear(b.index)
	b.events, b.size = 0, 0
}

// Events is the number of records added since Reset.
func (b *Builder) Events() int { return b.events }

// Bytes bounds the size of the encoded message from above.
func (b *Builder) Bytes() int {
	// S2 never adds more than a 64th and a few bytes to what it cannot compress.
	return headerSize + hashSize + b.size + b.size/64 + len(b.sections)*128
}

// Add appends one record to the tenant's section. Records of one tenant must
// come with consecutive sequences. The bytes are copied.
func (b *Builder) Add(tenant string, epoch Epoch, seq uint64, id Identity, derived bool, raw, context []byte) {
	i, ok := b.index[tenant]
	if !ok {
		if b.index == nil {
			b.index = make(map[string]int)
		}
		i = len(b.sections)
		b.index[tenant] = i
		if i < cap(b.sections) {
			b.sections = b.sections[:i+1]
		} else {
			b.sections = append(b.sections, builderSection{})
		}
		s := &b.sections[i]
		s.tenant, s.epoch, s.first, s.count = tenant, epoch, seq, 0
		s.ids, s.body = s.ids[:0], s.body[:0]
	}
	s := &b.sections[i]
	s.count++
	s.ids = append(s.ids, id[:]...)
	before := len(s.body)
	var flags byte
	if derived {
		flags |= flagDerived
	}
	if context != nil {
		flags |= flagContext
	}
	s.body = append(s.body, flags)
	s.body = binary.AppendUvarint(s.body, uint64(len(raw)))
	s.body = append(s.body, raw...)
	if context != nil {
		s.body = binary.AppendUvarint(s.body, uint64(len(context)))
		s.body = append(s.body, context...)
	}
	b.events++
	b.size += len(s.body) - before + 16
}

// Head is what a commit says beside its records.
type Head struct {
	Kind     Kind
	Shard    uint32
	Sequence uint64
	Received time.Time
	Owner    Owner
	Epoch    Epoch
	Prev     Hash
	Note     []byte
}

// Encode gives the finished message and its hash. The message is newly
// allocated and belongs to the caller.
func (b *Builder) Encode(h Head) ([]byte, Hash) {
	b.dir = binary.AppendUvarint(b.dir[:0], uint64(len(h.Note)))
	b.dir = append(b.dir, h.Note...)
	b.dir = binary.AppendUvarint(b.dir, uint64(len(b.sections)))
	b.packed = b.packed[:0]
	for i := range b.sections {
		s := &b.sections[i]
		b.packed = append(b.packed, s.ids...)
		at := len(b.packed)
		b.packed = appendS2(b.packed, s.body)
		b.dir = binary.AppendUvarint(b.dir, uint64(len(s.tenant)))
		b.dir = append(b.dir, s.tenant...)
		b.dir = append(b.dir, s.epoch[:]...)
		b.dir = binary.AppendUvarint(b.dir, s.first)
		b.dir = binary.AppendUvarint(b.dir, uint64(s.count))
		b.dir = binary.AppendUvarint(b.dir, uint64(len(b.packed)-at))
		b.dir = binary.AppendUvarint(b.dir, uint64(len(s.body)))
	}
	out := make([]byte, 0, headerSize+len(b.dir)+len(b.packed)+hashSize)
	out = append(out, magic...)
	out = append(out, version, byte(h.Kind), 0, 0)
	out = binary.LittleEndian.AppendUint32(out, h.Shard)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(b.dir)))
	out = binary.LittleEndian.AppendUint64(out, uint64(h.Received.UnixMilli()))
	out = binary.LittleEndian.AppendUint64(out, h.Sequence)
	out = append(out, h.Owner[:]...)
	out = append(out, h.Epoch[:]...)
	out = append(out, h.Prev[:]...)
	out = append(out, b.dir...)
	out = append(out, b.packed...)
	sum := sha256.Sum256(out)
	var hash Hash
	copy(hash[:], sum[:])
	return append(out, hash[:]...), hash
}

// appendS2 compresses src as one S2 block behind dst.
func appendS2(dst, src []byte) []byte {
	need := len(dst) + s2.MaxEncodedLen(len(src))
	if cap(dst) < need {
		grown := make([]byte, len(dst), need+need/4)
		copy(grown, dst)
		dst = grown
	}
	out := s2.Encode(dst[len(dst):need], src)
	return dst[:len(dst)+len(out)]
}
