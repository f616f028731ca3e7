package sim

import (
	"fmt"
	"slices"

	"trunkline/event"
)

// interaction is one call, chat, mail or consult line.
type interaction struct {
	event.Ref
	site      *site
	direction event.Direction
	origin    event.Origin
	cust      *caller
	topic     topic
	q         *queue // the queue it is in or was in last
	callback  *promise
	parties   bool // participants_changed was said of it

	began   int64
	visit   *visit
	legs    []*leg // that ring, talk or wrap up
	custLeg string
	onLine  bool // the customer is connected with the centre
	reached bool // both sides spoke
	left    Outcome
	closing bool // nobody talks any more
	who     event.Initiator
	why     event.EndReason
	book    *InteractionBook
}

// caller is the customer.
type caller struct {
	id, name, number, kind string
	language               string
}

// phase is how far an agent's part in an interaction is.
type phase int

const (
	ringing phase = iota
	talking
	afterwork
	done
)

// leg is one agent's part in one interaction: from the offer to the end of
// the wrap-up.
type leg struct {
	x      *interaction
	a      *agent
	q      *queue // that it came from, nil for a direct one
	id     string
	phase  phase
	direct bool  // dialled by the agent
	at     int64 // of the offer
	began  int64 // of the contact
	heldAt int64 // -1 when not on hold
	held   int64
	talked int64 // when the contact is over: without hold
	wrapAt int64
	wrapup string

	answer, end, phrase *alarm
	turn                int
	busyWith            *interaction // a consult line; nobody hangs up meanwhile
	recording           string
	recordedAt          int64
	watched             bool
}

// offer is a leg that rings for a visit.
type offer = leg

func (s *Sim) newInteraction(st *site, media string, dir event.Direction, parent *interaction) *interaction {
	x := &interaction{
		Ref:       event.Ref{Interaction: s.interactionID(media), Media: event.Media(media)},
		site:      st,
		direction: dir,
		began:     s.now,
		custLeg:   s.shortID("lc-"),
		onLine:    dir == event.DirectionIn,
	}
	if parent != nil {
		x.Parent = parent.Interaction
	}
	s.open++
	s.books.Created++
	if s.books.Interactions != nil {
		x.book = &InteractionBook{Media: media, Parent: x.Parent, Created: s.Now()}
		s.books.Interactions[x.Interaction] = x.book
	}
	return x
}

// on is the interaction's reference with a leg.
func (x *interaction) on(leg string) event.Ref {
	r := x.Ref
	r.Leg = leg
	return r
}

func (s *Sim) newCaller() *caller {
	return &caller{
		id:       "c-" + string(s.ids.token(nil, 10)),
		name:     pick(s.rnd, givenNames) + " " + pick(s.rnd, familyNames),
		number:   fmt.Sprintf("+1%03d55501%02d", 201+s.rnd.IntN(780), s.rnd.IntN(100)),
		kind:     pick(s.rnd, []string{"registered", "registered", "guest"}),
		language: pick(s.rnd, []string{"en", "en", "en", "es", "fi"}),
	}
}

func (c *caller) fact() *event.Customer {
	return &event.Customer{ID: c.id, Number: c.number, Name: c.name, Kind: c.kind}
}

// end closes an interaction for good.
func (s *Sim) endInteraction(x *interaction, who event.Initiator, why event.EndReason, last *agent) {
	f := event.InteractionEnded{Ref: x.Ref, Initiator: who, Reason: why, DurationMS: s.now - x.began}
	if last != nil {
		f.Agent = last.id
	}
	if x.q != nil {
		f.Queue = x.q.id
	}
	if x.reached && x.origin != event.OriginConsult && x.origin != event.OriginConference {
		resolved := s.rnd.chance(0.8)
		f.Resolved = &resolved
	}
	s.emit(f)
	outcome := x.left
	switch {
	case x.reached:
		outcome = Answered
	case outcome != "":
	case x.direction != event.DirectionIn:
		outcome = Unreached
	case who == event.InitiatorCustomer:
		outcome = LeftEarly
	default:
		outcome = SelfServe
	}
	s.books.Ended++
	s.books.Outcomes[outcome]++
	if x.book != nil {
		x.book.Ended, x.book.Outcome = s.Now(), outcome
	}
	s.open--
	if x.callback != nil {
		s.attempted(x.callback, x, last)
	}
}

// attach gives an agent a leg; detach takes it away.
func (s *Sim) attach(l *leg) {
	l.heldAt = -1
	l.x.legs = append(l.x.legs, l)
	l.a.legs = append(l.a.legs, l)
	l.a.load++
	s.legs++
	if l.x.Media == email {
		l.a.mails++
	}
	s.observe(l.a)
}

func (s *Sim) detach(l *leg) {
	s.clear(l.answer)
	s.clear(l.end)
	s.clear(l.phrase)
	l.phase = done
	l.x.legs = slices.DeleteFunc(l.x.legs, func(o *leg) bool { return o == l })
	l.a.legs = slices.DeleteFunc(l.a.legs, func(o *leg) bool { return o == l })
	l.a.load--
	s.legs--
	if l.x.Media == email {
		l.a.mails--
	}
	s.observe(l.a)
}

// talkers are the legs that are connected.
func (x *interaction) talkers() []*leg {
	var list []*leg
	for _, l := range x.legs {
		if l.phase == talking {
			list = append(list, l)
		}
	}
	return list
}
