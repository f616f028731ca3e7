package rows

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/event"
	"trunkline/floor"
)

// agent is the account of an agent's time. Times are milliseconds by the source.
type agent struct {
	First    int64 // when it was first heard of
	Disabled int64 // since when the agent may not work
	Noted    int64 // when an outcome was noted last
	Now      doing
	Turned   int64 // since when Now holds
	Spent    int64 // up to when it is entered
	Slots    map[int64]*slot
	Statuses []*status // that began or ended since the last hour, and the present one
	Work     []string  // issues in which the agent has a part
	Counts   map[string]int64
	Offline  int64 // since when the terminal is not connected; 0: it is
	Cuts     int64 // of the day
	CutMS    int64
}

// doing is what an agent does at one time.
type doing struct {
	Status, Name string // the status that the person set, as the tables spell it
	Since        int64
	In           bool // logged in
	Available    bool
	Leaving      bool // a break is to follow the work in hand
	Load         int  // contacts and wrap-ups
	Slots        int  // how many fit
}

// status is one status that a person set.
type status struct {
	ID, Name   string
	Start, End int64
	Dirty      bool
}

// slot is how an agent spent a quarter of an hour. Durations are milliseconds.
type slot struct {
	Start     int64
	Desk      string
	Slots     int
	Linear    times // however many contacts at once
	Cumulated times // times the slots that fit, or the contacts there were
	Over      int64 // more contacts than fit
	Full      int64
	Light     int64
	None      int64
	Labour    int64 // available or on contacts
	Busied    int64 // times not ready
	By        []*inStatus
	Dirty     bool
}

// times are durations by what the agent was.
type times struct{ In, Available, Busy, Leaving, Ute, UteAvailable, UteBusy, UteLeaving int64 }

// inStatus is how long the agent was in one status.
type inStatus struct {
	ID, Name  string
	Since     int64
	Time      int64
	Ute, Cume int64
	Total     int64 // in the status up to the end of the slot
	End       int64 // when the status ended; 0: it lasts
}

const maxStatuses = 64 // of a slot

// slotKeep is how long after its end a slot can still change.
const slotKeep = 2 * time.Hour

// spendMost is the longest stretch that is entered at once. Time is entered with every
// quarter-hour: a longer one is a clock that jumped.
const spendMost = 24 * time.Hour

func doingOf(a *floor.Agent) doing {
	d := doing{
		Status: string(a.Presence), Name: cmp.Or(a.Reason.Name, string(a.Presence)), Since: a.PresenceSince,
		In: a.LoginSince > 0, Available: a.LoginSince > 0 && a.Presence == event.PresenceAvailable,
		Leaving: a.Next != "" && a.Next != event.PresenceAvailable, Load: int(a.Active + a.Wrapping), Slots: slotsOf(a),
	}
	if r := a.Reason; r.Item != "" {
		d.Status += "/" + r.Item
	}
	return d
}

func slotsOf(a *floor.Agent) int {
	n := 0
	for _, m := range a.Slots {
		n += m
	}
	return max(n, 1)
}

// deskOf is the kind of desk an agent works with: what was said of it, else by the
// media that fit.
func deskOf(a *floor.Agent) string {
	switch {
	case a == nil:
		return ""
	case a.DeskMode != "":
		return strings.ToUpper(a.DeskMode)
	case a.Slots == nil || a.Slots["phone"] > 0:
		return "VOICE"
	}
	return "CHAT"
}

// agentChanged takes over what the floor says of an agent now.
func (b *Books) agentChanged(id string, f *fact) {
	a := b.view.t.Agent(id)
	g := b.Agents[id]
	if a == nil {
		return
	}
	if g == nil {
		g = &agent{First: f.at, Slots: map[int64]*slot{}, Counts: map[string]int64{}}
		b.Agents[strings.Clone(id)] = g
	}
	g.Work = g.Work[:0]
	for _, p := range a.Work() {
		if !slices.Contains(g.Work, p.Interaction.ID) {
			g.Work = append(g.Work, p.Interaction.ID)
		}
	}
	switch off := a.Disabled || a.Deleted; {
	case off && g.Disabled == 0:
		g.Disabled = f.at
	case !off:
		g.Disabled = 0
	}
	if d := doingOf(a); d != g.Now {
		g.turn(a, f.at, d)
	}
}

// lookAtWork takes over what happened to the issues in which an agent has a part,
// without a fact of their own.
func (b *Books) lookAtWork(g *agent, mine *issue) {
	for _, w := range g.Work {
		if i := b.Issues[w]; i != nil && i != mine {
			b.lookAgain(i)
		}
	}
}

// turn ends what the agent did until a moment. What was entered beyond it, because the
// fact comes late, is taken back as far as to the turn before, and as the quarters of
// an hour are kept.
func (g *agent) turn(a *floor.Agent, at int64, d doing) {
	at = max(at, g.Turned, windowOf(g.Spent-slotKeep.Milliseconds()))
	before := g.Spent
	g.spend(a, at)
	if d.Status != g.Now.Status || d.Name != g.Now.Name || d.Since != g.Now.Since {
		if n := len(g.Statuses); n > 0 && g.Statuses[n-1].End == 0 {
			s := g.Statuses[n-1]
			s.End, s.Dirty = max(cmp.Or(d.Since, at), s.Start), true
			g.statusEnded(s)
		}
		if d.Status != "" {
			g.Statuses = keep(g.Statuses, &status{ID: d.Status, Name: d.Name, Start: cmp.Or(d.Since, at), Dirty: true})
		}
		if g.Now.Available && d.In && !d.Available {
			g.slot(a, at).Busied++
		}
	}
	g.Now, g.Turned = d, at
	if before > at {
		g.spend(a, before)
	}
}

// statusEnded tells the quarters of an hour in which the agent was in a status that it
// is over.
func (g *agent) statusEnded(s *status) {
	for _, x := range g.Slots {
		for _, by := range x.By {
			if by.ID == s.ID && by.Since == s.Start {
				by.End, x.Dirty = s.End, true
			}
		}
	}
}

// slot gives the quarter of an hour of a moment.
func (g *agent) slot(a *floor.Agent, at int64) *slot {
	start := windowOf(at)
	s := g.Slots[start]
	if s == nil {
		s = &slot{Start: start, Desk: deskOf(a)}
		g.Slots[start] = s
	}
	s.Dirty = true
	return s
}

// spend enters what the agent did up to a moment, or takes back what was entered
// beyond it.
func (g *agent) spend(a *floor.Agent, to int64) {
	from := g.Spent
	g.Spent = to
	if from == 0 || from == to || !g.Now.In && g.Now.Load == 0 {
		return
	}
	sign := int64(1)
	if to < from {
		from, to, sign = to, from, -1
	}
	from = max(from, to-spendMost.Milliseconds())
	for from < to {
		end := min(windowOf(from)+Quarter.Milliseconds(), to)
		g.slot(a, from).enter(&g.Now, sign*(end-from), end)
		from = end
	}
}

// enter enters a stretch of time that ends at a moment.
func (s *slot) enter(d *doing, ms, end int64) {
	s.Slots = max(s.Slots, d.Slots)
	load := int64(d.Load)
	add := func(t *times, free, used int64) {
		if d.In {
			t.In += ms * free
			switch {
			case d.Available && d.Leaving:
				t.Leaving += ms * free
				t.UteLeaving += ms * used
			case d.Available:
				t.Available += ms * free
				t.UteAvailable += ms * used
			default:
				t.Busy += ms * free
				t.UteBusy += ms * used
			}
		}
		t.Ute += ms * used
	}
	add(&s.Linear, 1, min(load, 1))
	add(&s.Cumulated, int64(d.Slots), load)
	switch {
	case load == 0:
		s.None += ms
	case d.Load > d.Slots:
		s.Over += ms
	case d.Load == d.Slots:
		s.Full += ms
	default:
		s.Light += ms
	}
	if d.Available || load > 0 {
		s.Labour += ms
	}
	var by *inStatus
	for _, o := range s.By {
		if o.ID == d.Status && o.Since == d.Since {
			by = o
		}
	}
	if by == nil {
		if len(s.By) >= maxStatuses {
			return
		}
		by = &inStatus{ID: d.Status, Name: d.Name, Since: d.Since}
		s.By = append(s.By, by)
	}
	by.Time += ms
	by.Ute += ms * min(load, 1)
	by.Cume += ms * load
	if d.Since > 0 {
		by.Total = max(by.Total, end-d.Since)
	}
}

// agentsInOrder lists the agents by id.
func (b *Books) agentsInOrder() []string { return slices.Sorted(maps.Keys(b.Agents)) }

// accrueAgents enters what agents do up to a quarter-hour: by the source's clock, where
// that runs far behind the log's, as in a replay.
func (b *Books) accrueAgents(end int64) {
	if b.Lag > maxLag {
		end -= b.Lag
	}
	ids := b.agentsInOrder()
	for _, id := range ids {
		b.lookAtWork(b.Agents[id], nil)
	}
	b.relieve()
	for _, id := range ids {
		if g := b.Agents[id]; g.Spent > 0 && g.Spent < end {
			g.spend(b.view.t.Agent(id), end)
		}
	}
}

// maxLag is how far a live source is behind the log at most, in milliseconds.
const maxLag = 5 * 60 * 1000

// closeAgents writes what agents did in an hour.
func (b *Books) closeAgents(end int64) {
	v := &b.view
	v.at = end
	for _, id := range b.agentsInOrder() {
		g := b.Agents[id]
		v.g, v.a, v.with[0] = g, b.view.t.Agent(id), id
		for n, s := range g.Statuses {
			again := slices.ContainsFunc(g.Statuses[n+1:], func(o *status) bool { return o.Name == s.Name && o.Start == s.Start })
			if s.Dirty && !again {
				s.Dirty = false
				v.status = s
				b.put(b.sheets.admin)
			}
		}
		if n := len(g.Statuses); n > 1 {
			g.Statuses = slices.Delete(g.Statuses, 0, n-1)
		}
		for _, start := range slices.Sorted(maps.Keys(g.Slots)) {
			s := g.Slots[start]
			if s.Dirty {
				s.Dirty = false
				b.writeSlot(s)
			}
			if start+(Quarter+slotKeep).Milliseconds() <= g.Spent {
				delete(g.Slots, start)
			}
		}
		if v.a == nil && len(g.Slots) == 0 && len(g.Counts) == 0 {
			delete(b.Agents, id)
		}
	}
	v.g, v.a, v.s, v.status = nil, nil, nil, nil
}

func (b *Books) writeSlot(s *slot) {
	v := &b.view
	v.s = s
	if s.Linear.In > 0 || s.Linear.Ute > 0 {
		b.put(b.sheets.utilized)
	}
	for _, x := range s.By {
		if x.Time > 0 {
			v.in = x
			b.put(b.sheets.activity)
		}
	}
	v.in = nil
}
