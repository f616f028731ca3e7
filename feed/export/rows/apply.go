package rows

import (
	"slices"
	"strings"

	"trunkline/floor"
)

// fact takes a fact in.
func (b *Books) fact(f *fact) {
	if b.view.t == nil {
		return
	}
	kind, what := f.about()
	var mine *issue
	if kind == "interaction" {
		if mine = b.issueOf(f); mine != nil {
			b.hear(mine, f)
			b.happened(mine, what, f)
			b.sat(mine, what, f)
		} else {
			b.late(what, f)
		}
	}
	for _, c := range b.view.t.Changes() {
		switch c.Kind {
		case floor.ChangeInteraction:
			if i := b.Issues[c.ID]; i != nil && i != mine {
				b.lookAgain(i)
			}
		case floor.ChangeAgent:
			if g := b.Agents[c.ID]; g != nil {
				b.lookAtWork(g, mine)
			}
		}
	}
	b.relieve()
	for _, c := range b.view.t.Changes() {
		if c.Kind == floor.ChangeAgent {
			b.agentChanged(c.ID, f)
		}
	}
	b.happenedTo(kind, what, f)
}

// happened takes in what a fact tells of an issue beyond what the floor makes of it.
func (b *Books) happened(i *issue, what string, f *fact) {
	switch what {
	case "created":
		b.writeParams(i, f, "attributes")
		b.called(i)
	case "released", "leg_ended":
		if f.data.Get("initiator").Str == "customer" {
			b.customerLeft(i, f)
		}
	case "ended":
		if f.data.Get("initiator").Str == "customer" {
			b.customerLeft(i, f)
		}
		if v := f.data.Get("resolved"); v.Exists() {
			yes := v.Bool()
			i.Resolved = &yes
		}
		b.disconnected(i)
	case "message":
		b.message(i, f)
	case "dispositioned":
		b.noted(i, f)
	case "summarised":
		b.summarised(i, f)
	case "transfer_started", "transfer_connected", "transfer_cancelled", "transfer_requested", "redirected":
		b.transferred(i, what, f)
	case "intent_detected":
		b.wished(i, f)
	case "flow_visited":
		b.visitedStep(i, f)
	case "attributes_changed":
		b.writeParams(i, f, "attributes")
	case "survey_answered":
		b.surveyed(i, f)
	case "checked_in":
		b.checkedIn(i, f)
	}
}

// late takes in what comes of an issue that is not kept any more: rows of their own
// are written all the same.
func (b *Books) late(what string, f *fact) {
	id := strings.Clone(f.data.Get("interaction").Str)
	switch what {
	case "survey_answered", "attributes_changed", "message", "flow_visited", "dispositioned":
	default:
		return
	}
	if id == "" {
		return
	}
	i := b.Strays[id]
	if i == nil {
		i = &issue{ID: id, No: b.number(), Media: f.str("media")}
		b.Strays[id] = i
	}
	i.Latest = max(i.Latest, f.at)
	switch what {
	case "survey_answered":
		b.surveyed(i, f)
	case "attributes_changed":
		b.writeParams(i, f, "attributes")
	case "message":
		b.message(i, f)
	case "flow_visited":
		b.visitedStep(i, f)
	case "dispositioned":
		b.noted(i, f)
	}
}

// customerLeft notes that the customer ended it, with the parts that were open or had
// just ended with it.
func (b *Books) customerLeft(i *issue, f *fact) {
	for _, p := range i.Parts {
		if p.CustomerEnd == 0 && p.Connected > 0 && (p.Open || p.Over >= f.at) {
			p.CustomerEnd, p.Dirty = f.at, true
		}
	}
}

// closeIssues writes what changed in an hour, and lets go of what is over.
func (b *Books) closeIssues(end int64) {
	for _, i := range order(b.Issues, func(i *issue) bool { return i.Dirty || i.live() }) {
		b.view.f = nil
		if i.live() {
			b.lookAgain(i)
		}
		if i.Dirty {
			b.writeIssue(i)
		}
	}
	b.relieve()
	for _, i := range order(b.Strays, func(*issue) bool { return true }) {
		b.writeNotes(i)
	}
	b.view.i = nil
	clear(b.Strays)
	for id, i := range b.Issues {
		if !i.Dirty && !i.live() && i.Touched+b.o.Keep.Milliseconds() <= end {
			delete(b.Issues, id)
		}
	}
}

// writeIssue writes the rows of an issue that changed.
func (b *Books) writeIssue(i *issue) {
	i.Dirty = false
	v, s := &b.view, &b.sheets
	v.i = i
	i.Uttered = max(i.Uttered, i.firstUtterance())
	if i.Ended > 0 {
		i.Over = max(i.Over, i.Ended)
	}
	b.put(s.metadata)
	b.put(s.metrics)
	b.put(s.kind)
	over := i.Ended > 0 && !i.live()
	if over || i.Told {
		i.Told = true
		b.put(s.metadataEnded)
		b.put(s.metricsEnded)
	}
	if i.Ended > 0 && i.Lost {
		b.put(s.missed)
	}
	if i.Intent != nil {
		b.put(s.intents)
		if over || i.Told {
			b.put(s.intentsEnded)
		}
		if i.Media == "phone" {
			b.put(s.voiceIntents)
		}
	}
	if i.Flow.SuccessAt > 0 || i.Flow.NegatedAt > 0 {
		b.put(s.completions)
	}
	for _, p := range i.Parts {
		if p.Dirty && p.Visit > 0 {
			i.visitChanged(p.Visit)
		}
	}
	for _, x := range i.Visits {
		if v.v = x; x.Dirty {
			x.Dirty = false
			v.p = i.answerOf(x)
			b.put(s.queues)
			b.put(s.opportunities)
		}
	}
	v.v = nil
	for _, x := range i.Parts {
		if v.p = x; x.Dirty && x.Connected > 0 {
			x.Dirty = false
			b.put(s.convos)
			if x.Visit == 0 {
				b.put(s.direct)
			}
		}
	}
	v.p = nil
	for _, x := range i.Transfers {
		if v.x = x; x.Dirty {
			x.Dirty = false
			b.put(s.transfers)
		}
	}
	v.x = nil
	for _, x := range i.CheckIns {
		if v.c = x; x.Dirty {
			x.Dirty = false
			b.put(s.checkIns)
		}
	}
	v.c = nil
	b.writeNotes(i)
	v.i = nil
}

// visitChanged marks the visit that a part answered: its rows tell of the part, too.
func (i *issue) visitChanged(enter int64) {
	for _, v := range i.Visits {
		if v.EnterUS == enter {
			v.Dirty = true
		}
	}
}

// answerOf gives the part that answered a visit, nil for none.
func (i *issue) answerOf(v *visit) *part {
	if v.How != "answered" {
		return nil
	}
	n := slices.IndexFunc(i.Parts, func(p *part) bool { return p.Connected > 0 && p.Visit == v.EnterUS && p.Agent == v.Agent })
	if n < 0 {
		return nil
	}
	return i.Parts[n]
}
