package rows

import "strings"

// transfer is one that was asked for, from the request to what came of it.
type transfer struct {
	Agent              string // who asked; "" for a rule
	US                 int64  // when, microseconds, unlike any other of the agent in the issue
	At                 int64
	Reply              int64
	Kind               string
	Target, TargetKind string
	FromQueue          string
	ToAgent            string // who answered
	Accepted           bool
	Auto               bool
	Exit               string // the event that ended it
	Over               bool
	Dirty              bool
}

// transferred takes in how far a transfer is.
func (b *Books) transferred(i *issue, what string, f *fact) {
	agent := f.str("agent")
	if what == "redirected" {
		b.newTransfer(i, f, "").Auto = true
		x := i.Transfers[len(i.Transfers)-1]
		x.FromQueue, x.Kind = f.str("queue"), "redirect"
		x.Reply, x.Exit, x.Over, x.Accepted = f.at, "REDIRECTED", true, true
		return
	}
	x := i.transferOf(agent)
	if x != nil && x.Over && (what == "transfer_started" || what == "transfer_requested" || x.Exit != kindName("interaction.transfer_requested") || x.Target != f.str("target")) {
		x = nil // another one; of one that was on its way it is told what came of it
	}
	if what == "transfer_started" && x != nil { // given up for another one without a word
		x.Over, x.Dirty = true, true
		x = nil
	}
	if x == nil {
		x = b.newTransfer(i, f, agent)
	}
	x.Dirty = true
	switch what {
	case "transfer_connected":
		x.Reply, x.Accepted, x.Exit = f.at, true, kindName(f.typ)
		if x.ToAgent = f.str("connected"); x.ToAgent == "" && x.TargetKind == "agent" {
			x.ToAgent = x.Target
		}
	case "transfer_cancelled":
		x.Reply, x.Exit, x.Over, x.Accepted, x.ToAgent = f.at, kindName(f.typ), true, false, ""
	case "transfer_requested":
		if x.Reply == 0 {
			x.Reply, x.Accepted = f.at, true
		}
		if x.ToAgent == "" && x.TargetKind == "agent" {
			x.ToAgent = x.Target
		}
		x.Exit, x.Over = kindName(f.typ), true
	}
}

func (b *Books) newTransfer(i *issue, f *fact, agent string) *transfer {
	x := &transfer{
		Agent: agent, At: f.at, US: i.stamp("transfer "+agent, f.at), Kind: f.str("kind"), Target: f.str("target"),
		TargetKind: f.str("target_kind"), Dirty: true,
	}
	if p := i.partOf(agent); p != nil {
		x.FromQueue = p.Queue
	}
	i.Transfers = keep(i.Transfers, x)
	return x
}

// transferOf gives the latest transfer that an agent asked for, nil for none.
func (i *issue) transferOf(agent string) *transfer {
	for n := len(i.Transfers) - 1; n >= 0; n-- {
		if x := i.Transfers[n]; x.Agent == agent {
			return x
		}
	}
	return nil
}

// sentOn notes that an agent who was sending the customer to a queue has let go: no other
// word of such a transfer need come, for who waits there may be a new interaction.
func (i *issue) sentOn(p *part) {
	if x := i.transferOf(p.Agent); x != nil && !x.Over && x.queue() != "" {
		x.Reply, x.Exit, x.Over, x.Accepted, x.Dirty = p.Over, "QUEUED", true, true, true
	}
}

// queue gives the queue to which it goes, "" for none.
func (x *transfer) queue() string {
	if x.TargetKind == "queue" || x.TargetKind == "" && strings.EqualFold(x.Kind, "queue") {
		return x.Target
	}
	return ""
}
