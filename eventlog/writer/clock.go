package writer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/eventlog/commit"
	"trunkline/eventlog/engine"
)

// untilClock is how long nothing has to be written for the clock's sake: until
// the next boundary that must not pass in silence, or the fold's next timer.
func (w *Writer) untilClock() time.Duration {
	now := w.cfg.Now()
	next := w.boundary()
	if w.cfg.Fold != nil {
		if at, ok := w.cfg.Fold.Due(); ok && at.Before(next) {
			next = at
		}
	}
	if w.mute {
		return max(next.Sub(now), mutePause)
	}
	return max(next.Sub(now), 0)
}

// mutePause is how often a fold is asked whose timers are due and say nothing
// new, because what they say is in the log already.
const mutePause = 100 * time.Millisecond

// boundary is the first tick boundary behind the last commit.
func (w *Writer) boundary() time.Time {
	return w.cfg.Index.Tip().Received.Truncate(w.cfg.Tick).Add(w.cfg.Tick)
}

// clockPassed writes what time alone has caused: the fold's timers, and a tick
// when a boundary passed in silence, so that idle tenants reach midnight and
// windows close.
func (w *Writer) clockPassed(ctx context.Context) error {
	now := w.now()
	w.mute = false
	if w.cfg.Fold != nil {
		if at, ok := w.cfg.Fold.Due(); ok && !at.After(now) {
			w.builder.Reset()
			clear(w.seen)
			clear(w.heads)
			if err := w.fire(now); err != nil {
				return err
			}
			if n := w.builder.Events(); n > 0 {
				if err := w.commitNow(ctx, commit.Events, nil, now); err != nil {
					return fencedIfOvertaken(err)
				}
				w.snapshotIfDue(n)
				return nil
			}
			w.mute = true
		}
	}
	if now.Before(w.boundary()) {
		return nil
	}
	if err := w.publishBare(ctx, commit.Tick, nil); err != nil {
		return fencedIfOvertaken(err)
	}
	if w.cfg.Fold != nil {
		w.cfg.Fold.Tick(now)
	}
	return nil
}

func fencedIfOvertaken(err error) error {
	if errors.Is(err, engine.ErrWrongSequence) {
		return fmt.Errorf("%w: %w", ErrFenced, err)
	}
	return err
}
