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

func (w *Writer) snapshotName() string { return fmt.Sprintf("fold/%d", w.cfg.Shard) }

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
	w.saving.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.cfg.Snapshots.Put(ctx, w.snapshotName(), b); err != nil {
			w.cfg.Logger.Warn("no snapshot of the fold", "shard", w.cfg.Shard, "err", err)
		}
	})
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
			if err != nil {
				return err
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

// loadFold restores the snapshot, if there is one that fits, and says from
// which commit on the log has to be folded.
func (w *Writer) loadFold(ctx context.Context, tip uint64) (from uint64, version int, err error) {
	b, err := w.cfg.Snapshots.Get(ctx, w.snapshotName())
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		w.cfg.Logger.Warn("the fold's snapshot cannot be read; folding the log instead", "shard", w.cfg.Shard, "err", err)
	}
	if len(b) >= envelopeHead+4 && string(b[:4]) == envelopeMagic {
		end := len(b) - 4
		at := binary.LittleEndian.Uint64(b[8:])
		if crc32.Checksum(b[:end], castagnoli) == binary.LittleEndian.Uint32(b[end:]) && at <= tip && w.holds(ctx, at, commit.Hash(b[16:32])) {
			err := w.cfg.Fold.Restore(b[envelopeHead:end])
			if err == nil {
				v := int(binary.LittleEndian.Uint32(b[4:]))
				w.cfg.Fold.SetVersion(v)
				return at + 1, v, nil
			}
			w.cfg.Logger.Warn("the fold refused its snapshot; folding the log instead", "shard", w.cfg.Shard, "err", err)
		}
	}
	if err := w.cfg.Fold.Restore(nil); err != nil {
		return 0, 0, fmt.Errorf("empty the fold: %w", err)
	}
	return w.cfg.Index.First(), 0, nil
}

// holds says whether the commit at seq is the one with this hash: a snapshot of
// a lost tail must not be used.
func (w *Writer) holds(ctx context.Context, seq uint64, hash commit.Hash) bool {
	ok := false
	_, _ = w.cfg.Stream.Read(ctx, seq, 1, func(msg []byte) error {
		c, err := commit.Parse(msg)
		ok = err == nil && c.Sequence == seq && c.Hash == hash
		return nil
	})
	return ok
}

// refold applies a stored commit to the fold.
func (w *Writer) refold(c *commit.Commit, version *int) error {
	switch c.Kind {
	case commit.Tick:
		w.cfg.Fold.Tick(c.Received)
	case commit.FoldVersion:
		if _, err := fmt.Sscanf(string(c.Note), `{"fold":%d}`, version); err != nil {
			return fmt.Errorf("read fold version of commit %d: %w", c.Sequence, err)
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
