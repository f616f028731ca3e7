package eventlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"trunkline/eventlog/commit"
)

// witness is a small file beside the embedded store that names the last
// acknowledged commit of each shard. It is written after the acknowledgement
// and not synced: after a crash it is exact, after a power cut it may be
// behind, never ahead. With it a start notices that the end of the log is gone,
// which the log itself cannot tell from an end.
//
// Layout: 64 bytes a shard: magic "TLW1", 4 bytes shard, 8 bytes sequence,
// 16 bytes hash, 4 bytes CRC-32C of these 32, zeros. Little-endian.
type witness struct {
	name   string
	mu     sync.Mutex        // guards f
	f      *os.File          // nil once closed
	states map[int]witnessed // as found at the start
	bad    map[int]bool
}

type witnessed struct {
	seq  uint64
	hash commit.Hash
}

const witnessSlot = 64

func openWitness(name string) (*witness, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log's witness: %w", err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read the log's witness: %w", err)
	}
	w := &witness{name: name, f: f, states: make(map[int]witnessed), bad: make(map[int]bool)}
	for shard := 0; len(b) > 0; shard++ {
		slot := b[:min(witnessSlot, len(b))]
		b = b[len(slot):]
		if st, ok := parseSlot(slot, shard); ok {
			w.states[shard] = st
		} else {
			w.bad[shard] = true
		}
	}
	return w, nil
}

func parseSlot(b []byte, shard int) (witnessed, bool) {
	if len(b) != witnessSlot || string(b[:4]) != "TLW1" || int(binary.LittleEndian.Uint32(b[4:])) != shard ||
		crc32.Checksum(b[:32], witnessTable) != binary.LittleEndian.Uint32(b[32:]) {
		return witnessed{}, false
	}
	return witnessed{binary.LittleEndian.Uint64(b[8:]), commit.Hash(b[16:32])}, true
}

var witnessTable = crc32.MakeTable(crc32.Castagnoli)

// last gives what the file said about a shard at the start; ok is false when it
// is damaged.
func (w *witness) last(shard int) (st witnessed, ok bool) { return w.states[shard], !w.bad[shard] }

// any says whether the file has seen a commit or is damaged.
func (w *witness) any() bool { return len(w.states)+len(w.bad) > 0 }

// note writes down an acknowledged commit. A failure is not the append's: the
// start after it only knows less.
func (w *witness) note(shard int, seq uint64, hash commit.Hash) {
	var b [witnessSlot]byte
	copy(b[:], "TLW1")
	binary.LittleEndian.PutUint32(b[4:], uint32(shard))
	binary.LittleEndian.PutUint64(b[8:], seq)
	copy(b[16:], hash[:])
	binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], witnessTable))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f != nil {
		_, _ = w.f.WriteAt(b[:], int64(shard)*witnessSlot)
	}
}

// open opens the file again: on a disk that was mounted anew it is another one.
func (w *witness) open() error {
	f, err := os.OpenFile(w.name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the log's witness: %w", err)
	}
	w.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = f
	return nil
}

func (w *witness) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f != nil {
		w.f.Close()
		w.f = nil
	}
}
