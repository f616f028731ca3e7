package rows

import (
	"cmp"
	"slices"
	"time"
)

// caller is the latest issue that a customer began, for three days.
type caller struct {
	Key          string // the customer
	Issue        string
	No           uint64
	Created      int64
	Disconnected int64 `json:",omitempty"`
	Latest       int64
	Next         string `json:",omitempty"` // the issue that the customer began next
	NextAt       int64  `json:",omitempty"`
	Prev         string `json:",omitempty"` // the one before
	PrevAt       int64  `json:",omitempty"`
	PrevEnd      int64  `json:",omitempty"`
	Subdivision  string `json:",omitempty"`
	Segments     string `json:",omitempty"`
	Dirty        bool   `json:",omitempty"`
}

// callbackDays is how long after an issue the same customer's next one is a callback.
const callbackDays = 3 * 24 * time.Hour

// cutoff is when the time for a callback ends.
func (c *caller) cutoff() int64 {
	return cmp.Or(c.Disconnected, c.Created) + callbackDays.Milliseconds()
}

// called takes in that a customer began an issue.
func (b *Books) called(i *issue) {
	key := i.customer()
	if i.Called || key == "" || i.Direction != "in" || i.Parent != "" {
		return
	}
	i.Called = true
	c := &caller{
		Key: key, Issue: i.ID, No: b.number(), Created: i.Created, Latest: i.Latest, Subdivision: i.told("subdivision"),
		Segments: i.segments(), Dirty: true,
	}
	if p := b.Callers[key]; p != nil {
		if p.Issue == i.ID {
			return
		}
		if c.Created <= p.cutoff() {
			p.Next, p.NextAt, p.Dirty, p.Latest = c.Issue, c.Created, true, max(p.Latest, i.Latest)
			c.Prev, c.PrevAt, c.PrevEnd = p.Issue, p.Created, p.Disconnected
		}
		if p.Dirty {
			b.Again = append(b.Again, p)
		}
	}
	b.Callers[key] = c
}

// disconnected takes in that an issue is over.
func (b *Books) disconnected(i *issue) {
	if i.Ended == 0 {
		return
	}
	if c := b.Callers[i.customer()]; c != nil && c.Issue == i.ID {
		c.Disconnected, c.Latest, c.Dirty = i.Ended, max(c.Latest, i.Latest), true
		return
	}
	for _, c := range b.Again {
		if c.Issue == i.ID {
			c.Disconnected, c.Latest = i.Ended, max(c.Latest, i.Latest)
		}
	}
}

// closeCallers writes what changed in an hour and forgets those whose time is over.
func (b *Books) closeCallers(end int64) {
	out := b.Again
	b.Again = nil
	for key, c := range b.Callers {
		if c.Dirty {
			out = append(out, c)
		}
		if c.cutoff() < end-b.Lag {
			delete(b.Callers, key)
		}
	}
	slices.SortFunc(out, func(x, y *caller) int { return cmp.Compare(x.No, y.No) })
	for _, c := range out {
		c.Dirty = false
		b.view.k = c
		b.put(b.sheets.callbacks)
	}
	b.view.k = nil
}
