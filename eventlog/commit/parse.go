package commit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
)

// ErrDamaged says that bytes are not the commit that was written: the hash or
// the structure is wrong.
var ErrDamaged = errors.New("commit is damaged")

// ErrVersion says that a commit was written by a newer program.
var ErrVersion = errors.New("commit has an unknown format version")

// maxBlock bounds what one section may decompress to, so that damaged or
// hostile bytes cannot ask for all memory.
const maxBlock = 256 << 20

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Parse reads a message of the log. It checks the hash and the directory and
// keeps references into msg; records are decompressed when they are asked for.
func Parse(msg []byte) (*Commit, error) {
	if len(msg) < headerSize+hashSize || string(msg[:4]) != magic {
		return nil, damaged("%d bytes without the head of a commit", len(msg))
	}
	sum := sha256.Sum256(msg[:len(msg)-hashSize])
	if have := msg[len(msg)-hashSize:]; string(sum[:hashSize]) != string(have) {
		return nil, damaged("hash %x does not fit the bytes", have)
	}
	return Trusted(msg)
}

// Trusted is Parse for a message that the caller has just encoded: it leaves
// the hash unchecked.
func Trusted(msg []byte) (*Commit, error) {
	if len(msg) < headerSize+hashSize {
		return nil, damaged("%d bytes without the head of a commit", len(msg))
	}
	body := msg[:len(msg)-hashSize]
	c := &Commit{Size: len(msg)}
	copy(c.Hash[:], msg[len(body):])
	if msg[4] != version {
		return nil, fmt.Errorf("%w: %d, this program reads %d", ErrVersion, msg[4], version)
	}
	c.Kind = Kind(msg[5])
	c.Shard = binary.LittleEndian.Uint32(msg[8:])
	dirLen := int(binary.LittleEndian.Uint32(msg[12:]))
	c.Received = time.UnixMilli(int64(binary.LittleEndian.Uint64(msg[16:]))).UTC()
	c.Sequence = binary.LittleEndian.Uint64(msg[24:])
	copy(c.Owner[:], msg[32:])
	copy(c.Epoch[:], msg[48:])
	copy(c.Prev[:], msg[56:])
	if dirLen < 0 || dirLen > len(body)-headerSize {
		return nil, damaged("directory of %d bytes in a message of %d", dirLen, len(msg))
	}
	return c, c.parseDirectory(body[headerSize:headerSize+dirLen], body[headerSize+dirLen:])
}

func (c *Commit) parseDirectory(dir, bodies []byte) error {
	r := Fields{B: dir}
	c.Note = r.Bytes(r.Uvarint())
	n := r.Uvarint()
	if r.Bad || n > uint64(len(dir)) {
		return damaged("directory is cut short")
	}
	sections := make([]Section, n)
	c.Sections = make([]*Section, n)
	for i := range sections {
		s := &sections[i]
		c.Sections[i] = s
		s.received = c.Received
		s.Tenant = string(r.Bytes(r.Uvarint()))
		copy(s.Epoch[:], r.Bytes(8))
		s.First = r.Uvarint()
		count, packed, size := r.Uvarint(), r.Uvarint(), r.Uvarint()
		if r.Bad || count == 0 || count > uint64(len(bodies))/16 || size > maxBlock ||
			packed > uint64(len(bodies))-count*16 {
			return damaged("section %d does not fit the message", i)
		}
		s.Count, s.size = int(count), int(size)
		s.ids, bodies = bodies[:count*16], bodies[count*16:]
		s.block, bodies = bodies[:packed], bodies[packed:]
	}
	if len(r.B) != 0 || len(bodies) != 0 {
		return damaged("%d bytes behind the last section", len(r.B)+len(bodies))
	}
	return nil
}

// Records decompresses the section, once, and gives its records. Callers share
// the result and must not change it.
func (s *Section) Records() ([]Record, error) {
	s.once.Do(func() { s.records, s.err = s.decode() })
	return s.records, s.err
}

func (s *Section) decode() ([]Record, error) {
	if n, err := s2.DecodedLen(s.block); err != nil || n != s.size {
		return nil, damaged("block of tenant %s says %d bytes, directory says %d", s.Tenant, n, s.size)
	}
	body, err := s2.Decode(nil, s.block)
	if err != nil {
		return nil, damaged("block of tenant %s: %v", s.Tenant, err)
	}
	out := make([]Record, s.Count)
	r := Fields{B: body}
	for i := range out {
		flags := r.Bytes(1)
		rec := &out[i]
		rec.Seq, rec.Received = s.First+uint64(i), s.received
		rec.Raw = r.Bytes(r.Uvarint())
		if r.Bad {
			return nil, damaged("record %d of tenant %s is cut short", i, s.Tenant)
		}
		rec.Derived = flags[0]&flagDerived != 0
		if flags[0]&flagContext != 0 {
			rec.Context = r.Bytes(r.Uvarint())
		}
	}
	if r.Bad || len(r.B) != 0 {
		return nil, damaged("block of tenant %s does not end with its last record", s.Tenant)
	}
	return out, nil
}
