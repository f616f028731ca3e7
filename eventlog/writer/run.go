package writer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
)

// doubt is a commit whose outcome is not known.
type doubt struct {
	hash     commit.Hash
	seq      uint64
	requests []*request
	timer    *time.Timer // when it fires the callers are told that nothing is known
}

// Run owns the shard until ctx ends or another writer takes over, which gives
// ErrFenced. When it returns all appends have been answered.
func (w *Writer) Run(ctx context.Context) error {
	var open *doubt
	for {
		err := w.own(ctx, &open)
		w.setDown(unavailable("%s", reason(err)))
		if ctx.Err() != nil || errors.Is(err, ErrFenced) {
			open.settle(ErrUnknown)
			w.setDown(unavailable("%s", reason(err)))
			return err
		}
		w.cfg.Logger.Warn("log writer stopped and looks at what is there", "shard", w.cfg.Shard, "err", err)
		if err := w.recover(ctx, err); err != nil {
			open.settle(ErrUnknown)
			return err
		}
	}
}

func reason(err error) string {
	if errors.Is(err, context.Canceled) {
		return "shutting down"
	}
	return err.Error()
}

func (w *Writer) recover(ctx context.Context, cause error) error {
	if w.cfg.Recover == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
			return nil
		}
	}
	return w.cfg.Recover(ctx, cause)
}

// own claims the shard and serves it until something fails.
func (w *Writer) own(ctx context.Context, open **doubt) error {
	if err := w.claim(ctx, *open); err != nil {
		return err
	}
	*open = nil
	if err := w.restoreFold(ctx); err != nil {
		return fmt.Errorf("rebuild the fold: %w", err)
	}
	w.setDown(nil)
	return w.serve(ctx, open)
}

// claim reads the log to its end and publishes a claim there.
func (w *Writer) claim(ctx context.Context, open *doubt) error {
	_, _ = rand.Read(w.owner[:])
	note := claimNote{Node: w.cfg.Node}
	if w.cfg.Fold != nil {
		note.Fold = w.cfg.Fold.Version()
	}
	for range 100 {
		found := false
		if err := w.catchUp(ctx, func(c *commit.Commit) {
			found = found || open != nil && c.Sequence == open.seq && c.Hash == open.hash
		}); err != nil {
			return fmt.Errorf("read the log to its end: %w", err)
		}
		if found {
			open.resolve(func(rs []*request) { w.accept(rs) })
		} else {
			open.settle(unavailable("the commit was not stored, repeat with the same ids"))
		}
		open = nil
		if w.cfg.Index.Tip().Epoch == (commit.Epoch{}) {
			var e commit.Epoch
			_, _ = rand.Read(e[:])
			w.cfg.Index.NewEpoch(e)
		}
		b, _ := json.Marshal(note)
		err := w.publishBare(ctx, commit.Claim, b)
		if !errors.Is(err, engine.ErrWrongSequence) {
			return err
		}
	}
	return fmt.Errorf("%w: the log grew under 100 claims", ErrFenced)
}

// claimNote is what a claim says of its writer.
type claimNote struct {
	Node string `json:"node"`
	Fold int    `json:"fold,omitempty"`
}

// catchUp applies what the stream has behind the index.
func (w *Writer) catchUp(ctx context.Context, fn func(*commit.Commit)) error {
	return w.cfg.Index.CatchUp(ctx, w.cfg.Stream, func(c *commit.Commit, broken *index.Break) {
		w.warn(broken)
		fn(c)
		w.cfg.Committed(c)
	})
}

func (w *Writer) warn(broken *index.Break) {
	if broken != nil {
		w.cfg.Logger.Error("the log is broken", "break", broken.String())
	}
}

// publishBare commits something that has no events.
func (w *Writer) publishBare(ctx context.Context, kind commit.Kind, note []byte) error {
	w.builder.Reset()
	c, err := w.publish(ctx, kind, note, w.now())
	if err != nil {
		return err
	}
	w.done(c)
	return nil
}

// now is the time of the next commit: it never goes back.
func (w *Writer) now() time.Time {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if last := w.cfg.Index.Tip().Received; now.Before(last) {
		return last
	}
	return now
}

// publish makes what is in the builder durable.
func (w *Writer) publish(ctx context.Context, kind commit.Kind, note []byte, received time.Time) (*commit.Commit, error) {
	tip := w.cfg.Index.Tip()
	msg, _ := w.builder.Encode(commit.Head{
		Kind: kind, Shard: uint32(w.cfg.Shard), Sequence: tip.Sequence + 1, Received: received,
		Owner: w.owner, Epoch: tip.Epoch, Prev: tip.Hash, Note: note,
	})
	c, err := commit.Trusted(msg)
	if err != nil {
		return nil, fmt.Errorf("read back a commit just built: %w", err)
	}
	// The writer's own end must not cut a publish short: its outcome would be
	// unknown for no reason. The engine bounds the wait.
	return c, w.cfg.Stream.Publish(context.WithoutCancel(ctx), msg, tip.Sequence)
}

// done takes a durable commit in and shows it to the readers.
func (w *Writer) done(c *commit.Commit) {
	_, broken := w.cfg.Index.Apply(c)
	w.warn(broken)
	w.cfg.Committed(c)
}

// serve commits what arrives until something fails.
func (w *Writer) serve(ctx context.Context, open **doubt) error {
	clock := time.NewTimer(0)
	defer clock.Stop()
	var batch []*request
	for {
		clock.Reset(w.untilClock())
		if w.waiting() == 0 {
			select {
			case <-ctx.Done():
			case <-w.wake:
				w.gather()
			case <-clock.C:
			}
		}
		if err := ctx.Err(); err != nil {
			return w.close(err)
		}
		batch = w.take(batch[:0])
		if len(batch) == 0 {
			if err := w.clockPassed(ctx); err != nil {
				return err
			}
			continue
		}
		if err := w.commitBatch(ctx, batch, open); err != nil {
			return err
		}
	}
}

// gather waits, never longer than Gather, for the callers that the last commit
// released to come back: writing the first of them alone would make the others
// wait for a whole sync.
func (w *Writer) gather() {
	if w.released < 4 {
		return
	}
	// Arrivals follow each other within microseconds; the first pause ends it.
	deadline := time.Now().Add(min(w.cfg.Gather, 300*time.Microsecond))
	for have := 0; ; {
		n := w.waiting()
		if n >= w.released || n == have && have > 0 || time.Now().After(deadline) {
			return
		}
		have = n
		time.Sleep(20 * time.Microsecond)
	}
}

// close ends an ownership in order: what waits is refused, the state is kept.
func (w *Writer) close(cause error) error {
	w.setDown(unavailable("shutting down"))
	if w.cfg.Fold != nil && w.since > 0 {
		w.saveFold()
	}
	w.saving.Wait()
	return cause
}

// commitBatch builds one commit of the batch and makes it durable.
func (w *Writer) commitBatch(ctx context.Context, batch []*request, open **doubt) error {
	received := w.now()
	if err := w.build(batch, received); err != nil {
		fail(batch, unavailable("%v", err))
		return err
	}
	if w.builder.Events() == 0 { // nothing but duplicates
		w.accept(batch)
		return nil
	}
	c, err := w.publish(ctx, commit.Events, nil, received)
	switch {
	case err == nil:
		w.done(c)
		w.accept(batch)
		w.released = len(batch)
		w.snapshotIfDue(w.builder.Events())
		return nil
	case errors.Is(err, engine.ErrWrongSequence) && w.landed(ctx, c):
		w.done(c)
		w.accept(batch)
		w.snapshotIfDue(w.builder.Events())
		return nil
	case errors.Is(err, engine.ErrWrongSequence):
		fail(batch, unavailable("another writer took the shard over"))
		return fmt.Errorf("%w: %w", ErrFenced, err)
	case errors.Is(err, engine.ErrRefused):
		fail(batch, unavailable("%v", err))
		return err
	default:
		*open = newDoubt(c, batch, w.cfg.UnknownWait)
		return err
	}
}

// landed says whether the commit that was refused stands already: the answer to
// an earlier try was lost.
func (w *Writer) landed(ctx context.Context, c *commit.Commit) bool {
	found := false
	_, _ = w.cfg.Stream.Read(ctx, c.Sequence, 1, func(msg []byte) error {
		have, err := commit.Parse(msg)
		found = err == nil && have.Owner == w.owner && have.Hash == c.Hash
		return nil
	})
	return found
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

func fail(batch []*request, err error) {
	for _, r := range batch {
		r.result = Result{}
		r.finish(err)
	}
}

// accept answers the callers of a durable commit.
func (w *Writer) accept(batch []*request) {
	for _, r := range batch {
		t := w.cfg.Index.Tenant(r.tenant)
		r.result.Epoch = t.Epoch
		if r.result.Head == 0 {
			r.result.Head = t.Head
		}
		r.finish(nil)
	}
}
