package writer

import (
	"context"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/index"
)

// doubt is a commit whose outcome is not known.
type doubt struct {
	hash     commit.Hash
	seq      uint64
	requests []*request
	timer    *time.Timer // when it fires the callers are told that nothing is known
}

func newDoubt(c *commit.Commit, batch []*request, wait time.Duration) *doubt {
	d := &doubt{hash: c.Hash, seq: c.Sequence, requests: append([]*request(nil), batch...)}
	d.timer = time.AfterFunc(wait, func() { fail(d.requests, ErrUnknown) })
	return d
}

// resolve hands the callers of a commit in doubt to fn, unless they have been
// answered already.
func (d *doubt) resolve(fn func([]*request)) {
	if d != nil && d.timer.Stop() {
		fn(d.requests)
	}
}

func (d *doubt) settle(err error) {
	d.resolve(func(rs []*request) { fail(rs, err) })
}

// lookAtTip checks that the last commit that is known is the one in the log: a
// disk that failed, or an index made of segments, may have it otherwise.
func (w *Writer) lookAtTip(ctx context.Context) error {
	tip := w.cfg.Index.Tip()
	if tip.Sequence == 0 || tip.Hash == (commit.Hash{}) {
		return nil
	}
	ok, err := w.stands(ctx, tip.Sequence, tip.Hash)
	if err == nil && !ok {
		b := index.Break{Shard: w.cfg.Shard, From: tip.Sequence, To: tip.Sequence, Reason: "the last commit cannot be read back"}
		w.cfg.Index.AddBreak(b)
		w.warn(&b)
	}
	return err
}

// stored says whether the commit in doubt stands in the log.
func (w *Writer) stored(ctx context.Context, open *doubt) (bool, error) {
	if open == nil || w.cfg.Index.Tip().Sequence < open.seq {
		return false, nil
	}
	return w.stands(ctx, open.seq, open.hash)
}

// stands says whether the commit at seq is the one with this hash.
func (w *Writer) stands(ctx context.Context, seq uint64, hash commit.Hash) (bool, error) {
	return Stands(ctx, w.cfg.Stream, seq, hash)
}

// Stands says whether the commit at seq of a stream is the one with this hash.
func Stands(ctx context.Context, stream Stream, seq uint64, hash commit.Hash) (bool, error) {
	found := false
	_, err := stream.Read(ctx, seq, 1, func(msg []byte) error {
		c, err := commit.Parse(msg)
		found = err == nil && c.Sequence == seq && c.Hash == hash
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look at commit %d: %w", seq, err)
	}
	return found, nil
}
