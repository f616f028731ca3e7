package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ledger is a small file beside the embedded store that says what the control
// state is: for each bucket its last sequence and a checksum over all its
// entries. The events carry their own checksums; buckets do not, and JetStream
// drops a damaged entry, or a whole bucket, without a word. A start compares the
// store with the file.
//
// The checksums follow the changes as they are made, from what was written and
// not from what the store says, so damage under a running program is not taken
// for its content. The file is written a moment after a change and at an orderly
// end; after a crash it may be behind, and then a bucket that has gone on cannot
// be compared.
//
// Layout: a line of JSON, and a line with its CRC-32C in hexadecimal.
type ledger struct {
	path   string
	breaks []string // found at the start, fixed from there on
	dirty  atomic.Bool

	mu    sync.Mutex // guards books
	books map[string]*book
}

// book is what the ledger knows of one stream that holds control state.
type book struct {
	mu    sync.Mutex // guards all below, and is held while the stream is changed
	last  uint64
	sums  map[string]entrySum
	total entrySum
	stale bool // a change had no answer: the store has to be asked
}

type entrySum [16]byte

func (s *entrySum) toggle(o entrySum) {
	for i := range s {
		s[i] ^= o[i]
	}
}

// sumOf is the checksum of one entry.
func sumOf(key string, rev uint64, value []byte) entrySum {
	h := sha256.New()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], uint64(len(key)))
	binary.LittleEndian.PutUint64(b[8:], rev)
	h.Write(b[:])
	h.Write([]byte(key))
	h.Write(value)
	return entrySum(h.Sum(nil)[:16])
}

func (b *book) set(key string, rev uint64, value []byte) {
	b.drop(key)
	sum := sumOf(key, rev, value)
	b.sums[key] = sum
	b.total.toggle(sum)
	b.last = max(b.last, rev)
}

func (b *book) drop(key string) {
	if old, ok := b.sums[key]; ok {
		b.total.toggle(old)
		delete(b.sums, key)
	}
}

// recorded is a book as the file has it.
type recorded struct {
	Last uint64 `json:"last"`
	Keys int    `json:"keys"`
	Sum  string `json:"sum"`
}

func (b *book) record() recorded {
	return recorded{b.last, len(b.sums), hex.EncodeToString(b.total[:])}
}

// openLedger reads the file and compares it with the store.
func openLedger(ctx context.Context, e *Engine, path string) *ledger {
	l := &ledger{path: path, books: make(map[string]*book)}
	records, err := readLedger(path)
	if err != nil {
		l.broken("the checksums of the control state cannot be read, so damage to it would not be noticed: " + err.Error())
		l.dirty.Store(true)
	}
	for stream, want := range records {
		b, err := e.readBook(ctx, stream)
		switch {
		case err != nil:
			l.broken(fmt.Sprintf("control state %s is lost or cannot be read: %v", stream, err))
			continue
		case b.last < want.Last:
			l.broken(fmt.Sprintf("control state %s has lost its latest changes: it ends at %d, %d was written", stream, b.last, want.Last))
		case b.last == want.Last && b.record() != want:
			l.broken(fmt.Sprintf("control state %s is not what was written: it has %d entries, %d were written", stream, len(b.sums), want.Keys))
		}
		l.books[stream] = b
	}
	return l
}

func (l *ledger) broken(what string) { l.breaks = append(l.breaks, what) }

func readLedger(path string) (map[string]recorded, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	line, sum, _ := bytes.Cut(b, []byte("\n"))
	if string(sum) != ledgerSum(line) {
		return nil, fmt.Errorf("%s is damaged", path)
	}
	var records map[string]recorded
	if err := json.Unmarshal(line, &records); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return records, nil
}

func ledgerSum(line []byte) string {
	return fmt.Sprintf("%08x\n", crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli)))
}

// open begins the book of a stream, unless it has one.
func (l *ledger) open(ctx context.Context, e *Engine, stream string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.books[stream] != nil {
		return nil
	}
	b, err := e.readBook(ctx, stream)
	if err == nil {
		l.books[stream] = b
		l.dirty.Store(true)
	}
	return err
}

func (l *ledger) all() map[string]*book {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.books)
}

// change makes a change of a stream and notes what note says of it. A change
// that fails leaves the book in doubt, unless sure says that nothing was done.
func (l *ledger) change(stream string, do func() error, sure func(error) bool, note func(*book)) error {
	if l == nil {
		return do()
	}
	l.mu.Lock()
	b := l.books[stream]
	l.mu.Unlock()
	if b == nil {
		return do()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	err := do()
	switch {
	case err == nil:
		note(b)
	case sure(err):
		return err
	default:
		b.stale = true
	}
	l.dirty.Store(true)
	return err
}

// settled gives the book as the file has it, after the store was asked where the
// book is in doubt.
func (b *book) settled(ctx context.Context, e *Engine, stream string) (recorded, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stale {
		fresh, err := e.readBook(ctx, stream)
		if err != nil {
			return recorded{}, err
		}
		b.last, b.sums, b.total, b.stale = fresh.last, fresh.sums, fresh.total, false
	}
	return b.record(), nil
}

// flush writes the file if anything has changed.
func (l *ledger) flush(ctx context.Context, e *Engine) (err error) {
	if !l.dirty.Swap(false) {
		return nil
	}
	defer func() {
		if err != nil {
			l.dirty.Store(true)
		}
	}()
	books := l.all()
	records := make(map[string]recorded, len(books))
	for stream, b := range books {
		if records[stream], err = b.settled(ctx, e, stream); err != nil {
			return err
		}
	}
	line, err := json.Marshal(records)
	if err != nil {
		return fmt.Errorf("write the ledger of the control state: %w", err)
	}
	if err := replaceFile(l.path, []byte(string(line)+"\n"+ledgerSum(line))); err != nil {
		return fmt.Errorf("write the ledger of the control state: %w", err)
	}
	return nil
}

// replaceFile writes a file so that it is there whole or not at all.
func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	return err
}

// doubtAll makes the next flush ask the store: after a failure what was written
// last may be there or not.
func (l *ledger) doubtAll() {
	for _, b := range l.all() {
		b.mu.Lock()
		b.stale = true
		b.mu.Unlock()
	}
	l.dirty.Store(true)
}

// verify reads all control state and compares it with the books.
func (l *ledger) verify(ctx context.Context, e *Engine) []string {
	found := slices.Clone(l.breaks)
	for stream, b := range l.all() {
		if err := b.verify(ctx, e, stream); err != nil {
			found = append(found, err.Error())
		}
	}
	return found
}

func (b *book) verify(ctx context.Context, e *Engine, stream string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stale {
		return nil
	}
	have, err := e.readBook(ctx, stream)
	if err != nil {
		return fmt.Errorf("control state %s cannot be read: %w", stream, err)
	}
	if have.record() != b.record() {
		return fmt.Errorf("control state %s is not what was written: it has %d entries, %d were written", stream, len(have.sums), len(b.sums))
	}
	return nil
}

// keep writes the file a moment after each change, until ctx ends.
func (l *ledger) keep(ctx context.Context, e *Engine) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := l.flush(ctx, e); err != nil && ctx.Err() == nil {
				e.opt.Logger.Debug("the checksums of the control state were not written", "err", err)
			}
		}
	}
}

// Breaks names what of the store was found not to be as it was written: the
// control state at the start, and blocks that must not be read.
func (e *Engine) Breaks() []string {
	e.scanMu.Lock()
	found := slices.Clone(e.damaged)
	e.scanMu.Unlock()
	if e.ledger != nil {
		found = append(found, e.ledger.breaks...)
	}
	return found
}

// Verify reads all control state and names what is not as it was written.
func (e *Engine) Verify(ctx context.Context) []string {
	if e.ledger == nil {
		return nil
	}
	return e.ledger.verify(ctx, e)
}

// entryKey gives the key of a message of control state: of a key-value bucket,
// or of an object's description; ok is false for the chunks of objects.
func entryKey(stream, subject string) (key string, ok bool) {
	if bucket, isKV := strings.CutPrefix(stream, "KV_"); isKV {
		return strings.CutPrefix(subject, "$KV."+bucket+".")
	}
	return strings.CutPrefix(subject, "$O."+strings.TrimPrefix(stream, "OBJ_")+".M.")
}
