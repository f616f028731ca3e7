package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"trunkline/eventlog/engine"
	"trunkline/eventlog/index"
	"trunkline/eventlog/writer"
)

func quotaReason(tenant string, have, limit uint64) string {
	return fmt.Sprintf("tenant %s keeps %d bytes of events, its quota is %d; older events leave with the retention", tenant, have, limit)
}

// maintain watches the disk, stores index segments and trims, until ctx ends.
func (l *Log) maintain(ctx context.Context) {
	l.watchDisk()
	fast := time.NewTicker(250 * time.Millisecond)
	defer fast.Stop()
	slow := time.NewTicker(10 * time.Second)
	defer slow.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-fast.C:
			l.watchDisk()
			for _, s := range l.shards {
				if events, commits := s.index.Pending(); s.owner() != nil && (events >= l.cfg.SegmentEach || commits >= l.cfg.SegmentEach/4) {
					s.cutSegment(ctx)
				}
			}
		case <-slow.C:
			for _, s := range l.shards {
				if s.owner() == nil {
					s.followTrim(ctx)
				} else if err := s.retain(ctx, time.Now()); err != nil && ctx.Err() == nil {
					l.cfg.Logger.Warn("retention did not trim", "shard", s.id, "err", err)
				}
			}
		}
	}
}

// Trim applies the retention now instead of at its next turn.
func (l *Log) Trim(ctx context.Context, now time.Time) error {
	for _, s := range l.shards {
		if err := s.retain(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// retain removes what is older than the retention's age or beyond its bytes.
// The mark is written before anything goes, and the index segments tell of all
// tenants before their events go: a start finds every number again.
func (s *shard) retain(ctx context.Context, now time.Time) error {
	s.trimming.Lock()
	defer s.trimming.Unlock()
	st, err := s.stream.State(ctx)
	if err != nil {
		return err
	}
	keep := s.index.Older(now.Add(-s.log.cfg.RetainAge))
	if share := s.log.cfg.RetainBytes / uint64(len(s.log.shards)); st.Bytes > share {
		keep = max(keep, s.index.Nth(1-float64(share)*0.95/float64(st.Bytes)))
	}
	if keep <= s.index.First() {
		return nil
	}
	if keep, err = s.behindFold(ctx, keep); err != nil || keep <= s.index.First() {
		return err
	}
	s.cutSegment(ctx)
	if err := s.verifySnapshot(ctx, keep); err != nil {
		return err
	}
	if _, err := s.log.meta.Put(ctx, s.trimKey(), strconv.AppendUint(nil, keep, 10)); err != nil {
		return err
	}
	s.index.Trim(keep)
	if err := s.stream.Trim(ctx, keep); err != nil {
		return err
	}
	s.log.cfg.Logger.Info("retention trimmed the log", "shard", s.id, "first", keep)
	return s.dropSegments(ctx, keep)
}

// behindFold keeps what the fold would need after a restart: the commit at which
// its stored snapshot stands, and all behind it.
func (s *shard) behindFold(ctx context.Context, keep uint64) (uint64, error) {
	w := s.owner()
	if s.log.cfg.Fold == nil || w == nil {
		return keep, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.log.cfg.Timeout)
	defer cancel()
	at, err := w.SaveFold(ctx, keep)
	return min(keep, at), err
}

// verifySnapshot reads the newest index segment back: trimming stays behind it.
func (s *shard) verifySnapshot(ctx context.Context, keep uint64) error {
	s.mu.Lock()
	n := len(s.saved)
	var last segmentName
	if n > 0 {
		last = s.saved[n-1]
	}
	s.mu.Unlock()
	if n == 0 {
		return errors.New("no index segment is stored")
	}
	if last.to < keep {
		return fmt.Errorf("the newest index segment ends at commit %d, before %d", last.to, keep)
	}
	_, err := s.log.objects.Get(ctx, last.object(s.id))
	return err
}

// dropSegments removes segments that only tell of trimmed commits, but never
// the newest.
func (s *shard) dropSegments(ctx context.Context, keep uint64) error {
	s.mu.Lock()
	var drop []segmentName
	for len(s.saved) > 1 && s.saved[0].to < keep {
		drop = append(drop, s.saved[0])
		s.saved = s.saved[1:]
	}
	s.mu.Unlock()
	for _, n := range drop {
		if err := s.log.objects.Delete(ctx, n.object(s.id)); err != nil {
			return err
		}
	}
	return nil
}

// followTrim takes over what the shard's owner has trimmed.
func (s *shard) followTrim(ctx context.Context) {
	if first, err := s.firstKept(ctx); err == nil {
		s.index.Trim(first)
	}
}

// refusal says why this log as a whole takes no appends, "" when it does.
func (l *Log) refusal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.cfg.ReadOnly:
		return "opened for reading only"
	case l.closed:
		return ErrClosed.Error()
	}
	return l.reason
}

// watchDisk refuses appends while the disk is nearly full: JetStream does not
// come back from a full one by itself.
func (l *Log) watchDisk() {
	if !l.engine.Embedded() {
		return
	}
	reason := ""
	free, err := engine.Free(l.cfg.Dir)
	switch {
	case err != nil:
		reason = err.Error()
	case free < l.cfg.DiskReserve:
		reason = fmt.Sprintf("disk of %s is full: %d bytes are free, %d are kept in reserve", l.cfg.Dir, free, l.cfg.DiskReserve)
	}
	l.mu.Lock()
	was := l.reason
	l.reason = reason
	l.mu.Unlock()
	if reason != was && (reason == "") != (was == "") {
		l.cfg.Logger.Warn("the log's disk", "takes appends", reason == "", "reason", reason)
	}
}

// recover is called by a writer that failed. The embedded engine is not trusted
// after a failure: it is started anew, once the disk takes writes again. Until
// then the old one goes on serving readers.
func (l *Log) recover(ctx context.Context, cause error) error {
	if errors.Is(cause, writer.ErrFenced) || !l.engine.Embedded() {
		if !pause(ctx, retryPause) {
			return ctx.Err()
		}
		return nil
	}
	if errors.Is(cause, index.ErrShort) && !pause(ctx, retryPause*20) {
		return ctx.Err()
	}
	asked := time.Now()
	l.restarting.Lock()
	defer l.restarting.Unlock()
	if l.restarted.After(asked) {
		return nil // another shard's writer had it restarted meanwhile
	}
	for said := false; ; {
		free, err := engine.Free(l.cfg.Dir)
		if err == nil && free < l.cfg.DiskReserve {
			err = fmt.Errorf("%d bytes are free, %d are kept in reserve", free, l.cfg.DiskReserve)
		}
		if err == nil {
			err = engine.Probe(storeDir(l.cfg.Dir))
		}
		if err == nil {
			err = l.engine.Restart(ctx)
		}
		if err == nil {
			err = l.witness.open() // the disk may have been mounted anew
		}
		if err == nil {
			for _, s := range l.shards {
				s.history.clear()
			}
			l.restarted = time.Now()
			l.cfg.Logger.Info("log engine was restarted after a failure", "cause", cause)
			return nil
		}
		if !said {
			l.cfg.Logger.Error("the log takes no appends until its disk works again", "err", err)
			said = true
		}
		if !pause(ctx, retryPause*5) {
			return ctx.Err()
		}
	}
}
