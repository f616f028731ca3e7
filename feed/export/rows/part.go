package rows

import (
	"cmp"
	"slices"

	"trunkline/floor"
)

// part is an agent's part in an issue, from the offer to the end of the wrap-up. It
// follows the floor's, which goes when it is over. Times are milliseconds.
type part struct {
	Agent, Queue string
	Began        int64 // when it was offered or dialled
	Stage        floor.Stage
	Since        int64
	Connected    int64 // 0: not yet
	AssignedUS   int64 // the same in microseconds, unlike any other of the agent in the issue
	ChanceUS     int64 // the same, unlike any other chance of the issue; 0: it came of a visit
	Held         bool
	Holds        int
	HeldFor      int64
	Talked       int64
	Wrapped      int64
	Over         int64 // when the contact ended
	Done         int64 // when it was over with its wrap-up
	Open         bool  // the floor has it
	Ending       string
	CustomerEnd  int64
	Visit        int64 // EnterUS of the visit it answered; 0: none
	Talk         talk
	Dirty        bool

	live *floor.Part
}

// lookAtParts takes over what the floor made of the agents' parts.
func (b *Books) lookAtParts(i *issue, it *floor.Interaction, f *fact) {
	live := it.Parts()
	for _, p := range slices.Clone(i.Parts) {
		if p.live != nil && !slices.Contains(live, p.live) {
			b.partOver(i, p, f)
		}
	}
	for _, l := range live {
		n := slices.IndexFunc(i.Parts, func(p *part) bool { return p.live == l })
		if n < 0 {
			i.Parts = keep(i.Parts, &part{live: l, Open: true, Began: l.Since})
			n = len(i.Parts) - 1
		}
		b.partNow(i, i.Parts[n], f)
	}
}

// relink finds the floor's parts again after a restart: there were as many, in the
// same order, when the snapshot was taken.
func (i *issue) relink(it *floor.Interaction) {
	var live []*floor.Part
	if it != nil {
		live = it.Parts()
	}
	for _, p := range i.Parts {
		if !p.Open {
			continue
		}
		n := slices.IndexFunc(live, func(l *floor.Part) bool {
			return l.Agent.ID == p.Agent && l.Connected == p.Connected
		})
		if n < 0 {
			p.Open = false
			continue
		}
		p.live = live[n]
		live = slices.Concat(live[:n], live[n+1:])
	}
}

// partNow takes over how far a part is.
func (b *Books) partNow(i *issue, p *part, f *fact) {
	l := p.live
	if l.Stage != p.Stage || l.Since != p.Since || (l.HeldSince > 0) != p.Held {
		p.Dirty = true
	}
	p.Agent, p.Stage, p.Since = l.Agent.ID, l.Stage, l.Since
	if l.Queue != nil {
		p.Queue = l.Queue.ID
	}
	if p.Connected == 0 && l.Connected > 0 {
		p.Connected = l.Connected
		p.AssignedUS = i.stamp("rep "+p.Agent, l.Connected)
		for n := len(i.Visits) - 1; n >= 0; n-- {
			if v := i.Visits[n]; v.How == "answered" && v.Agent == p.Agent && v.AcceptedUS == 0 {
				v.AcceptedUS, v.Dirty = p.AssignedUS, true
				p.Visit = v.EnterUS
				break
			}
		}
		if p.Visit == 0 {
			p.ChanceUS = i.stamp("chance", l.Connected)
		}
	}
	if held := l.HeldSince > 0; held != p.Held {
		if p.Held = held; held {
			p.Holds++
		}
	}
	p.HeldFor, p.Talked, p.Wrapped = l.HeldFor, l.Talked, l.Wrapped
	if p.Connected > 0 && p.Over == 0 && (l.Stage == floor.PartOver || l.Stage == floor.PartWrapUp) {
		p.Over = l.Since
		if f != nil {
			p.Ending = kindName(f.typ)
		}
		i.sentOn(p)
	}
}

// partOver takes over the end of a part that the floor has let go.
func (b *Books) partOver(i *issue, p *part, f *fact) {
	was := p.Stage
	b.partNow(i, p, f)
	p.live, p.Open, p.Dirty = nil, false, true
	p.Done = p.Since
	if f != nil && (f.typ == "interaction.released" || f.typ == "interaction.wrapup_ended") && f.data.Get("agent").Str == p.Agent {
		p.Done = max(p.Done, f.at)
	}
	if was == floor.PartContact || was == floor.PartWrapUp {
		b.over = append(b.over, p)
	}
	if p.Connected > 0 {
		if p.Over == 0 {
			p.Over = p.Done
			i.sentOn(p)
		}
		return
	}
	// An offer that was not taken, or a wrap-up that came behind the release.
	i.Parts = slices.DeleteFunc(i.Parts, func(o *part) bool { return o == p })
	if p.Wrapped == 0 {
		return
	}
	for n := len(i.Parts) - 1; n >= 0; n-- {
		if o := i.Parts[n]; o.Agent == p.Agent && !o.Open {
			o.Wrapped += p.Wrapped
			o.Done, o.Dirty = max(o.Done, p.Done), true
			return
		}
	}
}

// relieve takes the parts that are over off what their agents do, each from its end on.
// They are taken in the order in which they ended, whatever was looked at first.
func (b *Books) relieve() {
	slices.SortStableFunc(b.over, func(x, y *part) int { return cmp.Compare(x.Since, y.Since) })
	for _, p := range b.over {
		g, a := b.Agents[p.Agent], b.view.t.Agent(p.Agent)
		if g == nil || a == nil || g.Now.Load == 0 {
			continue
		}
		d := g.Now
		d.Load--
		g.turn(a, p.Since, d)
	}
	clear(b.over)
	b.over = b.over[:0]
}

// lead is how long agent and customer had to do with each other, hold included.
func (p *part) lead() int64 { return p.Talked + p.HeldFor }

// handle is the same with the wrap-up.
func (p *part) handle() int64 { return p.lead() + p.Wrapped }

// partOf gives the latest part of an agent that was connected, nil for none.
func (i *issue) partOf(agent string) *part {
	for n := len(i.Parts) - 1; n >= 0; n-- {
		if p := i.Parts[n]; p.Connected > 0 && (agent == "" || p.Agent == agent) {
			return p
		}
	}
	return nil
}

// firstPart gives the first part that was connected, nil for none.
func (i *issue) firstPart() *part {
	for _, p := range i.Parts {
		if p.Connected > 0 {
			return p
		}
	}
	return nil
}

// agents gives the agents who were connected first and last, "" for none.
func (i *issue) agents() (first, last string) {
	if p := i.firstPart(); p != nil {
		first = p.Agent
	}
	var latest *part
	for _, p := range i.Parts {
		if p.Connected > 0 && (latest == nil || p.AssignedUS >= latest.AssignedUS) {
			latest = p
		}
	}
	if latest != nil {
		last = latest.Agent
	}
	return first, last
}
