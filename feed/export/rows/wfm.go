package rows

import (
	"maps"
	"slices"
	"time"

	"trunkline/feed/export/schema"
	"trunkline/floor/interval"
)

// wfmSlice is what was written of a quarter of an hour, so that only what is another
// is written again.
type wfmSlice struct {
	Queues map[string]interval.QueueRow
	Agents map[string]interval.AgentRow // by agent, NUL and queue
}

// wfmKeep is how long what was written is remembered: longer than the floor keeps its
// slices.
const wfmKeep = 26 * time.Hour

// closeWFM writes the rows of the slices of time that are settled, and those that late
// facts have changed since they were written.
func (b *Books) closeWFM(end int64) {
	if !b.o.WFM || b.view.t == nil {
		return
	}
	v := &b.view
	// Settled is what the floor's tick at this quarter-hour has settled: whether it has
	// said so by now depends on when time passed, and so it is not asked.
	settled := interval.StartOf(end - b.view.t.Settings().IntervalGrace.Milliseconds())
	for _, s := range b.view.t.Intervals() {
		if s.Start+interval.Length > settled {
			break
		}
		w := b.Slices[s.Start]
		if w == nil {
			w = &wfmSlice{Queues: map[string]interval.QueueRow{}, Agents: map[string]interval.AgentRow{}}
			b.Slices[s.Start] = w
		}
		v.at, v.num[0] = s.Start, end
		serving := map[string]int{}
		for k, r := range s.Agents {
			if k.Queue != "" && r.LoggedIn > 0 {
				serving[k.Queue]++
			}
		}
		ids := slices.Collect(maps.Keys(s.Queues))
		for id := range serving {
			if s.Queues[id] == nil {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		for _, id := range ids {
			r := interval.QueueRow{}
			if q := s.Queues[id]; q != nil {
				r = bareQueue(q)
			}
			r.Agents = serving[id]
			if old, ok := w.Queues[id]; ok && old == r {
				continue
			}
			w.Queues[id] = r
			v.with[0], v.queueRow = id, &r
			b.put(b.sheets.wfm)
		}
		for _, k := range s.SortedAgents() {
			if k.Queue == "" {
				continue
			}
			r, key := bareAgent(s.Agents[k]), k.Agent+"\x00"+k.Queue
			if old, ok := w.Agents[key]; ok && old == r {
				continue
			}
			w.Agents[key] = r
			v.with[0], v.with[1], v.agentRow = k.Queue, k.Agent, &r
			b.put(b.sheets.membership)
		}
	}
	v.queueRow, v.agentRow = nil, nil
	for start := range b.Slices {
		if start+wfmKeep.Milliseconds() <= end-b.Lag && !slices.ContainsFunc(b.view.t.Intervals(), func(s *interval.Slice) bool { return s.Start == start }) {
			delete(b.Slices, start)
		}
	}
}

// bareQueue gives a row without what is the floor's own business.
func bareQueue(r *interval.QueueRow) interval.QueueRow {
	return interval.QueueRow{
		Assignments: r.Assignments, Abandons: r.Abandons, Others: r.Others, Wait: r.Wait, Within: r.Within,
		Handled: r.Handled, Handle: r.Handle, Wrap: r.Wrap,
	}
}

func bareAgent(r *interval.AgentRow) interval.AgentRow {
	return interval.AgentRow{
		LoggedIn: r.LoggedIn, Available: r.Available, Busy: r.Busy, Utilised: r.Utilised,
		UtilisedAvailable: r.UtilisedAvailable, UtilisedBusy: r.UtilisedBusy,
	}
}

// mean gives seconds of so many, null for none.
func mean(ms, n int64) schema.Value {
	if n == 0 {
		return schema.Value{}
	}
	return schema.Real(float64(ms) / float64(n) / 1000)
}
