package server

import (
	"context"
	"strings"
	"sync"
	"time"

	"trunkline/config"
	"trunkline/directory"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/floor/wait"
)

// floors makes the floors of this process. They wait for the directory, which has the tenants' time zones and itself
// stands on the log.
type floors struct {
	base  floor.Settings
	conf  config.Floor
	from  config.Sources // whose silence counts
	push  config.Push    // whose statuses are kept
	ready chan struct{}  // closed when the directory is there, or never will be
	once  sync.Once

	// known keeps what each tenant's floor began with: all floors of a process count alike, though a time zone is
	// changed meanwhile.
	mu      sync.Mutex // guards what is below
	tenants *directory.Directory
	known   map[string]floor.Settings
}

func newFloors(all config.Config) *floors {
	c := all.Floor
	method, _ := wait.Named(c.WaitMethod) // the configuration has been checked
	f := &floors{conf: c, ready: make(chan struct{}), known: map[string]floor.Settings{}, from: all.Sources, push: all.Push, base: floor.Settings{
		SourceSilenceMS: c.SourceSilence.Std().Milliseconds(),
		ServiceLevelMS:  c.ServiceLevel.Std().Milliseconds(), ShortAbandonMS: c.ShortAbandon.Std().Milliseconds(),
		KeepEnded: c.KeepEnded.Std(), MaxSilence: c.MaxSilence.Std(), MaxInteractions: c.MaxInteractions,
		MaxEnded: c.MaxEnded, MaxAgents: c.MaxAgents, MaxQueues: c.MaxQueues,
		WaitMethod: method, IntervalGrace: c.IntervalGrace.Std(), IntervalKeep: c.IntervalKeep.Std(),
		WrapupLimitMS: milliseconds(c.WrapupLimits()), ServiceLevelOf: milliseconds(c.ServiceLevelOf()),
	}}
	return f
}

func milliseconds(byQueue map[string]time.Duration) map[string]int64 {
	out := make(map[string]int64, len(byQueue))
	for queue, d := range byQueue {
		out[queue] = d.Milliseconds()
	}
	return out
}

// opened gives the floors the directory, nil when the start failed.
func (f *floors) opened(tenants *directory.Directory) {
	f.once.Do(func() {
		f.mu.Lock()
		f.tenants = tenants
		f.mu.Unlock()
		close(f.ready)
	})
}

// writer makes the floor of a shard's writer: the one that enriches and derives. Without a directory there is none,
// and the writer, which is about to end then, leaves the stored snapshot alone.
func (f *floors) writer(int) writer.Fold {
	<-f.ready
	f.mu.Lock()
	none := f.tenants == nil
	f.mu.Unlock()
	if none {
		return nil
	}
	return floor.NewFold(floor.Options{Settings: f.settings})
}

// settings are what a tenant's floor is counted with.
func (f *floors) settings(tenant string) floor.Settings {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.known[tenant]; ok {
		return s
	}
	s := f.base
	s.Zone, s.Intervals = time.UTC, f.conf.KeepsIntervals(tenant)
	s.Statuses = f.push.KeepsStatuses(tenant)
	if t, ok := f.tenants.Tenant(tenant); ok {
		s.Zone = t.Location()
	}
	for name, bound := range f.from.SourceSilence(tenant) {
		if s.SourceSilence == nil {
			s.SourceSilence = map[string]int64{}
		}
		s.SourceSilence[name] = bound.Milliseconds()
	}
	tenant = strings.Clone(tenant)
	f.known[tenant] = s
	return s
}

// close lets a writer go that waits for a directory that will not come.
func (f *floors) close(context.Context) error {
	f.opened(nil)
	return nil
}
