package export

import (
	"slices"
	"sync"
	"time"

	"trunkline/feed/export/layout"
)

// Missed is a stretch of windows that a destination has not got.
type Missed struct {
	Feed   string    `json:"feed,omitempty"` // "" for all
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Reason string    `json:"reason"`
}

// FeedProgress is how far a feed is at a destination.
type FeedProgress struct {
	Last      time.Time `json:"delivered_up_to"` // the end of the latest window that was delivered; zero for none yet
	Windows   int64     `json:"windows"`         // delivered by this process
	Rows      int64     `json:"rows"`
	Bytes     int64     `json:"bytes"`
	LastRows  int64     `json:"last_rows"` // of the latest window
	LastError string    `json:"last_error,omitempty"`
}

// progress is what is known of a destination, across changes of the shard's owner.
type progress struct {
	mu      sync.Mutex // guards what is below
	feeds   map[string]*FeedProgress
	missed  []Missed
	waiting int
	oldest  time.Time // the end of the oldest window that waits
	errText string    // of the last attempt, "" when it succeeded
	errAt   time.Time
	reached time.Time // the log's time up to which windows were closed
	owned   bool
}

func newProgress() *progress { return &progress{feeds: map[string]*FeedProgress{}} }

// missedKept bounds what is remembered of missed windows.
const missedKept = 500

func (p *progress) feed(name string) *FeedProgress {
	f := p.feeds[name]
	if f == nil {
		f = &FeedProgress{}
		p.feeds[name] = f
	}
	return f
}

// miss notes a window that will not be delivered. What touches is put together.
func (p *progress) miss(feed string, w layout.Window, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.missed {
		m := &p.missed[i]
		if m.Feed != feed || m.Reason != why || w.Start.After(m.End) || w.End().Before(m.Start) {
			continue
		}
		if w.Start.Before(m.Start) {
			m.Start = w.Start
		}
		if w.End().After(m.End) {
			m.End = w.End()
		}
		return
	}
	p.missed = append(p.missed, Missed{Feed: feed, Start: w.Start, End: w.End(), Reason: why})
	if n := len(p.missed) - missedKept; n > 0 {
		p.missed = slices.Delete(p.missed, 0, n)
	}
}

// fail notes a failure and says whether it is another one than before.
func (p *progress) fail(feed string, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := err.Error()
	news := p.errText != text
	p.errText, p.errAt = text, time.Now()
	p.feed(feed).LastError = text
	return news
}

// delivered notes a window that is there; fresh: this process has just written it.
func (p *progress) delivered(feed string, w layout.Window, rows, bytes int64, fresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.feed(feed)
	p.errText, f.LastError = "", ""
	if w.End().After(f.Last) {
		f.Last, f.LastRows = w.End(), rows
	}
	if fresh {
		f.Windows++
		f.Rows += rows
		f.Bytes += bytes
	}
}

// waits notes how many windows wait. They are counted here, so that what was counted
// last is what is noted.
func (p *progress) waits(pending func() (n int, oldest time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting, p.oldest = pending()
}

// reach notes the log's time up to which windows were closed.
func (p *progress) reach(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached = t
}

func (p *progress) own(owned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owned = owned
}

func (p *progress) missedNow() []Missed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.missed)
}

func (p *progress) restoreMissed(m []Missed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missed = slices.Clone(m)
}
