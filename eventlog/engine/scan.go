package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/highwayhash"
)

// ErrBlock says that a file of the store is damaged in a way that the embedded
// engine does not survive reading.
var ErrBlock = errors.New("the store is damaged: restore it from a backup")

// The embedded engine fills the holes between the sequences of a message block
// in memory. One flipped bit in a sequence makes a hole of up to 2^61 messages,
// and reading the block takes all memory there is. So the heads of the records
// are looked at before the engine is started: a sequence that jumps is believed
// only if the record's own checksum covers it.
//
// A record of a block: total length u32 (its top bit: has headers), sequence u64
// (its top bits: erased, a tombstone), time u64, length of the subject u16, then
// subject, headers, message, and 8 bytes HighwayHash over all but the length
// fields, with a key made of the stream's name and the block's number.
const (
	recordHead   = 22
	recordHash   = 8
	recordMost   = 32 << 20
	headersBit   = 1 << 31
	erasedBit    = 1 << 63
	tombstoneBit = 1 << 62
	believedJump = 1 << 16 // a hole of this many messages costs the engine nothing much
	scanWindow   = 32 << 10
	scanPatience = 2 * time.Second
)

// block is one file of a stream's messages.
type block struct {
	path   string
	stream string
	number int
}

// blocks lists the message blocks below the store's directory, the newest of
// each stream first.
func blocks(dir string) ([]block, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil {
		return nil, fmt.Errorf("list the files of the store: %w", err)
	}
	var out []block
	for _, p := range paths {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(p), ".blk"))
		if err == nil {
			out = append(out, block{p, filepath.Base(filepath.Dir(filepath.Dir(p))), n})
		}
	}
	slices.SortStableFunc(out, func(a, b block) int { return b.number - a.number })
	return out, nil
}

// scanStore looks at the blocks, as many as there is time for, and gives those
// that are left.
func scanStore(dir string, deadline time.Time) (left []block, err error) {
	all, err := blocks(dir)
	if err != nil {
		return nil, err
	}
	for i, b := range all {
		if time.Now().After(deadline) {
			return all[i:], nil
		}
		if err := b.scan(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// scanRest looks at the blocks that a start had no time for.
func (e *Engine) scanRest(ctx context.Context, left []block) {
	for _, b := range left {
		if ctx.Err() != nil {
			return
		}
		if err := b.scan(); err != nil && !errors.Is(err, os.ErrNotExist) {
			e.opt.Logger.Error("the store is damaged", "err", err)
			e.scanMu.Lock()
			e.damaged = append(e.damaged, err.Error())
			e.scanMu.Unlock()
		}
	}
}

// scan walks the heads of the block's records.
func (b block) scan() error {
	f, err := os.Open(b.path)
	if err != nil {
		return fmt.Errorf("look at the store: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at the store: %w", err)
	}
	window := make([]byte, scanWindow)
	var from, have int64 // the window is bytes from … from+have of the file
	last := uint64(0)
	for at := int64(0); at+recordHead <= st.Size(); {
		if at < from || at+recordHead > from+have {
			n, err := f.ReadAt(window, at)
			if n < recordHead {
				return fmt.Errorf("look at %s: %w", b.path, err)
			}
			from, have = at, int64(n)
		}
		head := window[at-from:][:recordHead]
		length := int64(binary.LittleEndian.Uint32(head) &^ headersBit)
		if length < recordHead+recordHash || length > recordMost || at+length > st.Size() {
			return nil // a torn end, or damage that the engine notices
		}
		seq := binary.LittleEndian.Uint64(head[4:])
		if seq&tombstoneBit == 0 {
			seq &^= erasedBit
			if seq > last+believedJump && (at > 0 || seq > 1<<32) {
				if err := b.believe(f, at, length, seq); err != nil {
					return err
				}
			}
			last = max(last, seq)
		}
		at += length
	}
	return nil
}

// believe checks the record whose sequence jumps.
func (b block) believe(f *os.File, at, length int64, seq uint64) error {
	rec := make([]byte, length)
	if _, err := f.ReadAt(rec, at); err != nil {
		return fmt.Errorf("look at %s: %w", b.path, err)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", b.stream, b.number))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return fmt.Errorf("look at %s: %w", b.path, err)
	}
	body := rec[recordHead : length-recordHash]
	subject := int(binary.LittleEndian.Uint16(rec[20:]))
	h.Write(rec[4:20])
	if subject <= len(body) {
		h.Write(body[:subject])
		body = body[subject:]
		if binary.LittleEndian.Uint32(rec)&headersBit != 0 && len(body) >= 4 {
			body = body[4:] // the length of the headers is not covered
		}
		h.Write(body)
	}
	if string(h.Sum(nil)) == string(rec[length-recordHash:]) {
		return nil
	}
	return fmt.Errorf("%w: the record at byte %d of %s says that it is message %d, and its checksum does not fit", ErrBlock, at, b.path, seq)
}
