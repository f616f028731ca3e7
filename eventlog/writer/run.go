package writer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
)

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
		if err := w.catchUp(ctx); err != nil {
			return fmt.Errorf("read the log to its end: %w", err)
		}
		if err := w.lookAtTip(ctx); err != nil {
			return err
		}
		stored, err := w.stored(ctx, open)
		if err != nil {
			return err
		}
		if stored {
			open.resolve(func(rs []*request) { w.accept(rs) })
		}
		if w.cfg.Index.Tip().Epoch == (commit.Epoch{}) || w.cfg.Index.Doubtful() {
			var e commit.Epoch
			_, _ = rand.Read(e[:])
			w.cfg.Index.NewEpoch(e)
		}
		note.NewEpoch = w.cfg.Index.Renumbering()
		b, _ := json.Marshal(note)
		err = w.publishBare(ctx, commit.Claim, b)
		if err == nil {
			// Only now the commit in doubt cannot arrive late any more: its
			// place is taken.
			open.settle(unavailable("the commit was not stored, repeat with the same ids"))
		}
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
	// NewEpoch says that numbers begin anew from here on (index.NoteNewEpoch).
	NewEpoch bool `json:"new_epoch,omitempty"`
}

// catchUp applies what the stream has behind the index.
func (w *Writer) catchUp(ctx context.Context) error {
	return w.cfg.Index.CatchUp(ctx, w.cfg.Stream, func(c *commit.Commit, broken *index.Break) {
		w.warn(broken)
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
	return w.commitNow(ctx, kind, note, w.now())
}

// commitNow makes what is in the builder durable, with nothing on its way.
func (w *Writer) commitNow(ctx context.Context, kind commit.Kind, note []byte, received time.Time) error {
	c, err := w.send(ctx, &w.builder, kind, note, received)
	if err != nil {
		return err
	}
	w.done(c)
	return nil
}

// now is the time of the next commit: it never goes back.
func (w *Writer) now() time.Time {
	now, last := w.cfg.Now().UTC().Truncate(time.Millisecond), w.cfg.Index.Tip().Received
	if w.flight != nil {
		last = w.flight.received
	}
	if now.Before(last) {
		return last
	}
	return now
}

// send encodes what is in a builder as the commit behind the log's end and
// makes it durable. The writer's own end must not cut that short: its outcome
// would be unknown for no reason. The engine bounds the wait.
func (w *Writer) send(ctx context.Context, b *commit.Builder, kind commit.Kind, note []byte, received time.Time) (*commit.Commit, error) {
	tip := w.cfg.Index.Tip()
	msg, _ := b.Encode(commit.Head{
		Kind: kind, Shard: uint32(w.cfg.Shard), Sequence: tip.Sequence + 1, Received: received,
		Owner: w.owner, Epoch: tip.Epoch, Prev: tip.Hash, Note: note,
	})
	c, err := commit.Trusted(msg)
	if err != nil {
		return nil, fmt.Errorf("%w: read back a commit just built: %w", engine.ErrRefused, err)
	}
	return c, w.cfg.Stream.Publish(context.WithoutCancel(ctx), msg, tip.Sequence)
}

// done takes a durable commit in and shows it to the readers.
func (w *Writer) done(c *commit.Commit) {
	_, broken := w.cfg.Index.Apply(c)
	w.warn(broken)
	w.cfg.Committed(c)
}

// flight is a commit that is being compressed and made durable, by a goroutine
// that ends with its outcome.
type flight struct {
	batch    []*request
	builder  commit.Builder
	events   int
	received time.Time
	seen     map[commit.Key]uint32
	heads    map[string]head
	c        *commit.Commit // set before the outcome is sent
	outcome  chan error
}

// serve commits what arrives until something fails. While one commit is on its
// way the next one gathers; when enough has come for it to be worth while, it
// is numbered and folded meanwhile, and follows as soon as the one before it is
// durable.
func (w *Writer) serve(ctx context.Context, open **doubt) error {
	w.flight = nil
	clock := time.NewTimer(0)
	defer clock.Stop()
	var batch []*request
	for {
		if w.flight == nil && w.asked() {
			w.saveFold()
		}
		if w.flight != nil && !w.worthBuilding() {
			select {
			case err := <-w.flight.outcome:
				if err := w.land(ctx, err, open); err != nil {
					return err
				}
			case <-w.wake:
			}
			continue
		}
		if w.flight == nil && w.waiting() == 0 {
			clock.Reset(w.untilClock())
			select {
			case <-ctx.Done():
			case <-w.wake:
				w.gather()
			case <-clock.C:
			}
		}
		if ctx.Err() != nil {
			return w.close(ctx, open)
		}
		if batch = w.take(batch[:0]); len(batch) == 0 {
			if w.flight == nil {
				if err := w.clockPassed(ctx); err != nil {
					return err
				}
			}
			continue
		}
		if err := w.commitBatch(ctx, batch, open); err != nil {
			return err
		}
	}
}

// enough is how many bytes must wait before the next commit is closed while
// another is still on its way: below it, company is worth more than the time
// that building takes.
const enough = 64 << 10

func (w *Writer) worthBuilding() bool {
	if w.cfg.Fold != nil && w.since+w.flight.events >= w.cfg.SnapshotEach {
		return false // the snapshot needs the fold as it stands behind a durable commit
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes >= enough && len(w.askers) == 0
}

// gather lets the callers that the last commit released come back before the
// next one is closed: writing the first of them alone would make the others
// wait for a whole sync. It ends at the first pause, at the latest after Gather.
func (w *Writer) gather() {
	if w.released < 4 {
		return
	}
	deadline := time.Now().Add(min(w.cfg.Gather, 200*time.Microsecond))
	for have, still := 0, 0; still < 8; {
		runtime.Gosched()
		n := w.waiting()
		if n >= w.released || time.Now().After(deadline) {
			return
		}
		if n == have {
			still++
		} else {
			have, still = n, 0
		}
	}
}

// close ends an ownership in order: what is on its way is finished, what waits
// is refused, the fold's state is kept.
func (w *Writer) close(ctx context.Context, open **doubt) error {
	w.setDown(unavailable("shutting down"))
	if w.flight != nil {
		if err := w.land(ctx, <-w.flight.outcome, open); err != nil {
			return err
		}
	}
	if w.cfg.Fold != nil && w.since > 0 {
		w.saveFold()
	}
	w.saving.Wait()
	return ctx.Err()
}

// commitBatch builds one commit of the batch, waits for the one before it, and
// sends it on its way.
func (w *Writer) commitBatch(ctx context.Context, batch []*request, open **doubt) error {
	received := w.now()
	if err := w.build(batch, received); err != nil {
		fail(batch, unavailable("%v", err))
		return w.landFirst(ctx, open, err)
	}
	if err := w.landFirst(ctx, open, nil); err != nil {
		fail(batch, unavailable("%v", err))
		return err
	}
	if w.builder.Events() == 0 { // nothing but duplicates, and what they repeat is durable
		w.accept(batch)
		return nil
	}
	f := &flight{batch: append([]*request(nil), batch...), events: w.builder.Events(), received: received, outcome: make(chan error, 1)}
	f.builder, w.builder = w.builder, w.builderSpare
	f.seen, w.seen = w.seen, w.seenSpare
	f.heads, w.heads = w.heads, w.headsSpare
	w.flight = f
	go func() {
		c, err := w.send(ctx, &f.builder, commit.Events, nil, received)
		f.c = c
		f.outcome <- err
	}()
	return nil
}

// landFirst waits for the commit that is on its way, if there is one. cause is
// given back when that goes well.
func (w *Writer) landFirst(ctx context.Context, open **doubt, cause error) error {
	if w.flight != nil {
		if err := w.land(ctx, <-w.flight.outcome, open); err != nil {
			return err
		}
	}
	return cause
}

// land takes the outcome of the commit that was on its way, and answers its
// callers as far as it is known.
func (w *Writer) land(ctx context.Context, err error, open **doubt) error {
	f := w.flight
	w.flight = nil
	w.builderSpare, w.seenSpare, w.headsSpare = f.builder, f.seen, f.heads
	if errors.Is(err, engine.ErrWrongSequence) {
		switch ours, look := w.stands(ctx, f.c.Sequence, f.c.Hash); {
		case look != nil:
			err = fmt.Errorf("%w: %w", engine.ErrNoAnswer, look)
		case ours:
			err = nil // the answer to an earlier try was lost
		}
	}
	switch {
	case err == nil:
		w.done(f.c)
		w.accept(f.batch)
		w.released = len(f.batch)
		w.snapshotIfDue(f.events)
		return nil
	case errors.Is(err, engine.ErrWrongSequence):
		fail(f.batch, unavailable("another writer took the shard over"))
		return fencedIfOvertaken(err)
	case errors.Is(err, engine.ErrRefused):
		fail(f.batch, unavailable("%v", err))
		return err
	}
	*open = newDoubt(f.c, f.batch, w.cfg.UnknownWait)
	return err
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
