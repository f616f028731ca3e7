package export

import (
	"maps"
	"time"
)

// DestinationView is what is told of a destination.
type DestinationView struct {
	ID      string   `json:"id"`
	Tenant  string   `json:"tenant"`
	Kind    string   `json:"kind"`  // directory or s3
	Place   string   `json:"place"` // where it is
	Formats []string `json:"formats"`
	// State is up, waiting (it has failed and is tried again) or elsewhere (another
	// process exports the shard).
	State string `json:"state"`
	// ClosedUpTo is the log's time up to which windows were closed, left out while none is.
	ClosedUpTo time.Time `json:"closed_up_to,omitzero"`
	// Waiting are the windows that are still to be delivered, LagSeconds how long ago by
	// the log's time the oldest of them has ended.
	Waiting    int       `json:"waiting"`
	LagSeconds float64   `json:"lag_seconds"`
	Error      string    `json:"error,omitempty"`
	ErrorAt    time.Time `json:"error_at,omitzero"`
	Missed     []Missed  `json:"missed"`

	Feeds map[string]FeedProgress `json:"-"`
}

// Destinations tells of the destinations of a tenant, in the order in which they were
// given; of all for "*".
func (f *Feed) Destinations(tenant string) []DestinationView {
	var out []DestinationView
	for _, name := range f.tenants {
		if tenant != name && tenant != "*" {
			continue
		}
		for _, d := range f.destinations[name] {
			out = append(out, f.seen[d.key()].view(d))
		}
	}
	return out
}

func (p *progress) view(d *Destination) DestinationView {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := DestinationView{ID: d.ID, Tenant: d.Tenant, Kind: d.Kind, Place: d.Place, Formats: d.Formats, State: "up", ClosedUpTo: p.reached,
		Waiting: p.waiting, Error: p.errText, ErrorAt: p.errAt, Missed: append([]Missed{}, p.missed...), Feeds: map[string]FeedProgress{}}
	switch {
	case !p.owned:
		v.State = "elsewhere"
	case p.errText != "":
		v.State = "waiting"
	}
	if p.waiting > 0 && !p.oldest.IsZero() {
		v.LagSeconds = max(p.reached.Sub(p.oldest).Seconds(), 0)
	}
	for name, f := range maps.All(p.feeds) {
		v.Feeds[name] = *f
	}
	return v
}
