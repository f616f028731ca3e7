package writer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
)

// Snapshots keeps the fold's latest snapshot of a shard.
type Snapshots interface {
	Put(ctx context.Context, name string, b []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
}

// The envelope of a snapshot, version 1: magic "TLF1", fold version u32, stream
// sequence it stands at u64, hash of that commit 16 bytes, the fold's bytes,
// CRC-32C of everything before. Little-endian.
const (
	envelopeMagic = "TLF1"
	envelopeHead  = 4 + 4 + 8 + 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func snapshotName(shard int) string { return fmt.Sprintf("fold/%d", shard) }

// snapshotIfDue keeps the fold's state every so many events.
func (w *Writer) snapshotIfDue(events int) {
	if w.since += events; w.cfg.Fold != nil && w.since >= w.cfg.SnapshotEach {
		w.saveFold()
	}
}

// saveFold takes a snapshot at once and stores it on the side, so that commits
// do not wait for it. The log is the truth: a snapshot that cannot be stored
// only lengthens the next start.
func (w *Writer) saveFold() {
	w.since = 0
	state, err := w.cfg.Fold.Snapshot()
	if err != nil {
		w.cfg.Logger.Warn("no snapshot of the fold", "shard", w.cfg.Shard, "err", err)
		return
	}
	tip := w.cfg.Index.Tip()
	b := append(make([]byte, 0, envelopeHead+len(state)+4), envelopeMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(w.cfg.Fold.Version()))
	b = binary.LittleEndian.AppendUint64(b, tip.Sequence)
	b = append(b, tip.Hash[:]...)
	b = append(b, state...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	w.saving.Wait() // one at a time, so that the latest is stored last
	w.mu.Lock()
	askers := w.askers
	w.askers = nil
	w.mu.Unlock()
	w.saving.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.cfg.Snapshots.Put(ctx, snapshotName(w.cfg.Shard), b); err != nil {
			w.cfg.Logger.Warn("no snapshot of the fold", "shard", w.cfg.Shard, "err", err)
		} else {
			w.kept.Store(tip.Sequence)
		}
		for _, c := range askers {
			c <- w.kept.Load()
		}
	})
}

// SaveFold takes a snapshot of the fold, unless the stored one stands at commit
// `behind` or later already, and gives the commit at which the stored one stands:
// what comes after it must not be trimmed.
func (w *Writer) SaveFold(ctx context.Context, behind uint64) (uint64, error) {
	if at := w.kept.Load(); at >= behind {
		return at, nil
	}
	done := make(chan uint64, 1)
	w.mu.Lock()
	w.askers = append(w.askers, done)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	select {
	case at := <-done:
		return at, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("save the fold: %w", ctx.Err())
	}
}

func (w *Writer) asked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.askers) > 0
}

// restoreFold brings the fold to the end of the log: from its snapshot and the
// commits behind it, or from the beginning of what is kept.
func (w *Writer) restoreFold(ctx context.Context) error {
	if w.cfg.Fold == nil {
		return nil
	}
	tip := w.cfg.Index.Tip()
	from, version, err := w.loadFold(ctx, tip.Sequence)
	if err != nil {
		return err
	}
	w.since = 0
	for from <= tip.Sequence {
		next := from
		if _, err := w.cfg.Stream.Read(ctx, from, 0, func(msg []byte) error {
			c, err := commit.Parse(msg)
			if errors.Is(err, commit.ErrDamaged) {
				return nil // a gap like a missing one
			}
			if err != nil {
				return err
			}
			if c.Sequence > next {
				w.unfolded(next, c.Sequence-1)
			}
			next = c.Sequence + 1
			w.since += c.Events()
			return w.refold(c, &version)
		}); err != nil {
			return err
		}
		if next == from {
			break
		}
		from = next
	}
	if v := w.cfg.Fold.Version(); v != version {
		if err := w.publishBare(ctx, commit.FoldVersion, fmt.Appendf(nil, `{"fold":%d}`, v)); err != nil {
			return err
		}
		w.cfg.Fold.SetVersion(v)
	}
	return nil
}

// unfolded remembers commits that the fold should have seen and cannot: its
// state is not what it was.
func (w *Writer) unfolded(from, to uint64) {
	b := index.Break{Shard: w.cfg.Shard, From: from, To: to, Reason: "the fold cannot read these commits, its state lacks them"}
	w.cfg.Index.AddBreak(b)
	w.warn(&b)
}

// ErrSnapshot says that the stored snapshot cannot be used.
var ErrSnapshot = errors.New("snapshot of the fold cannot be used")

// loadFold restores the snapshot, if there is one that fits, and says from
// which commit on the log has to be folded.
func (w *Writer) loadFold(ctx context.Context, tip uint64) (from uint64, version int, err error) {
	at, version, err := w.loadSnapshot(ctx, tip)
	if err == nil {
		w.kept.Store(at)
		w.cfg.Fold.SetVersion(version)
		return at + 1, version, nil
	}
	first := w.cfg.Index.First()
	switch {
	case errors.Is(err, engine.ErrNotFound):
	case errors.Is(err, ErrSnapshot):
		w.cfg.Logger.Warn("folding the log instead", "shard", w.cfg.Shard, "err", err)
		if first > 1 {
			w.unfolded(1, first-1)
		}
	default:
		return 0, 0, err
	}
	if err := w.cfg.Fold.Restore(nil); err != nil {
		return 0, 0, fmt.Errorf("empty the fold: %w", err)
	}
	return first, 0, nil
}

func (w *Writer) loadSnapshot(ctx context.Context, tip uint64) (at uint64, version int, err error) {
	return LoadFold(ctx, w.cfg.Snapshots, w.cfg.Stream, w.cfg.Shard, tip, w.cfg.Fold)
}

// LoadFold restores a fold from the stored snapshot of a shard and says at which
// commit, not beyond tip, it stands and which version of the fold it has. The error
// is engine.ErrNotFound when there is none, and wraps ErrSnapshot when the one there
// is cannot be used: it is damaged, or does not belong to this log.
func LoadFold(ctx context.Context, snapshots Snapshots, stream Stream, shard int, tip uint64, fold Fold) (at uint64, version int, err error) {
	b, err := snapshots.Get(ctx, snapshotName(shard))
	if errors.Is(err, engine.ErrNotFound) || errors.Is(err, engine.ErrDown) {
		return 0, 0, err
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	end := len(b) - 4
	if end < envelopeHead || string(b[:4]) != envelopeMagic || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return 0, 0, fmt.Errorf("%w: it is damaged", ErrSnapshot)
	}
	// A snapshot of a lost tail must not be used: the commit at which it stands
	// has to be the one in the log.
	at = binary.LittleEndian.Uint64(b[8:])
	if at > tip {
		return 0, 0, fmt.Errorf("%w: it stands at commit %d, the log ends at %d", ErrSnapshot, at, tip)
	}
	fits, err := Stands(ctx, stream, at, commit.Hash(b[16:32]))
	if err != nil {
		return 0, 0, err
	}
	if !fits {
		return 0, 0, fmt.Errorf("%w: commit %d is not the one at which it stands", ErrSnapshot, at)
	}
	if err := fold.Restore(b[envelopeHead:end]); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return at, int(binary.LittleEndian.Uint32(b[4:])), nil
}

// refold applies a stored commit to the fold.
func (w *Writer) refold(c *commit.Commit, version *int) error {
	switch c.Kind {
	case commit.Tick:
		w.cfg.Fold.Tick(c.Received)
	case commit.FoldVersion:
		var err error
		if *version, err = FoldVersion(c); err != nil {
			return err
		}
		w.cfg.Fold.SetVersion(*version)
	}
	for _, s := range c.Sections {
		recs, err := s.Records()
		if err != nil {
			return err
		}
		for i := range recs {
			w.cfg.Fold.Apply(s.Tenant, &recs[i])
		}
	}
	return nil
}

// FoldVersion reads which meaning of the fold a commit of the kind FoldVersion puts
// in force.
func FoldVersion(c *commit.Commit) (version int, err error) {
	if _, err := fmt.Sscanf(string(c.Note), `{"fold":%d}`, &version); err != nil {
		return 0, fmt.Errorf("read fold version of commit %d: %w", c.Sequence, err)
	}
	return version, nil
}
