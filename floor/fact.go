package floor

import (
	"strings"

	"trunkline/event"
)

// foldInteraction folds a fact about an interaction in. What a derived fact says
// of the end of things has happened with its cause; only a wrap-up that a timer
// ends, ends by its fact.
func (t *Tenant) foldInteraction(in *input, derived bool) *Interaction {
	if derived {
		switch in.kind {
		case kindWrapupStarted:
			return t.wrapupStarted(in, true)
		case kindWrapupEnded:
			return t.wrapupEnded(in, true)
		}
		return t.find(in)
	}
	switch in.kind {
	case kindCreated:
		return t.created(in)
	case kindQueued:
		return t.queued(in)
	case kindDequeued:
		return t.dequeued(in)
	case kindOffered:
		return t.offered(in)
	case kindOfferEnded:
		return t.offerEnded(in)
	case kindAccepted:
		return t.accepted(in)
	case kindCustomerAccepted:
		it := t.begin(in)
		if it != nil {
			it.Customer = true
		}
		return it
	case kindLegConnected:
		it := t.begin(in)
		t.join(it, t.agent(in.agent), in.leg, in)
		return it
	case kindHeld, kindResumed:
		return t.held(in, in.kind == kindHeld)
	case kindParked, kindUnparked:
		it := t.find(in)
		if it != nil {
			it.Parked = in.kind == kindParked
		}
		return it
	case kindParticipants:
		return t.participants(in)
	case kindSupervision:
		return t.supervision(in)
	case kindRecordingStarted, kindRecordingReady:
		return t.recording(in)
	case kindWrapupStarted:
		return t.wrapupStarted(in, false)
	case kindWrapupEnded:
		return t.wrapupEnded(in, false)
	case kindReleased:
		return t.released(in)
	case kindLegEnded:
		return t.legEnded(in)
	case kindEnded:
		return t.over(in)
	}
	return t.told(in)
}

// told takes in the facts of an interaction that change little of the floor.
func (t *Tenant) told(in *input) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	a := t.agents[in.agent]
	switch in.kind {
	case kindTransferRequested:
		t.count(Transfers, 1, it.LastQueue, a, it.Media)
	case kindTransferStarted:
		if in.reason == string(event.TransferConsult) {
			t.count(Consults, 1, it.LastQueue, a, it.Media)
		}
	case kindJoinRequested:
		t.count(Conferences, 1, it.LastQueue, a, it.Media)
	case kindDispositioned:
		it.Disposition = strings.Clone(in.other)
		t.count(Dispositions, 1, it.LastQueue, a, it.Media)
	case kindMessage:
		t.message(it, in)
	case kindAttributes:
		it.keepAttributes(in.data)
	case kindSession:
		it.keepStatic(in.data)
	}
	return it
}

func (t *Tenant) message(it *Interaction, in *input) {
	if in.flag {
		return // an interim phrase: the final one counts
	}
	switch event.Role(in.state) {
	case event.RoleCustomer:
		it.MessagesIn++
		t.count(MessagesIn, 1, it.LastQueue, nil, it.Media)
	case event.RoleAgent:
		it.MessagesOut++
		if it.FirstReply == 0 {
			it.FirstReply = in.at
		}
		t.count(MessagesOut, 1, it.LastQueue, nil, it.Media)
	}
}

// queued takes in that an interaction began to wait. A second such fact for the
// same queue only brings its priority up to date.
func (t *Tenant) queued(in *input) *Interaction {
	it := t.begin(in)
	q := t.queue(in.queue)
	if it == nil || q == nil {
		return it
	}
	for _, v := range it.visits {
		if v.Queue == q {
			v.Priority = in.priority
			return it
		}
	}
	if len(it.visits) < maxVisits {
		it.left = false
		t.enter(it, q, in)
	}
	return it
}

// dequeued takes in the end of a visit without an answer. An end without a begin
// is counted when the interaction has never been in that queue: a full queue
// never let it in, and a begin may have been missed.
func (t *Tenant) dequeued(in *input) *Interaction {
	it := t.find(in)
	q := t.queue(in.queue)
	if q == nil {
		return it
	}
	c := outcomeOf(in.reason)
	if it != nil {
		for _, v := range it.visits {
			if v.Queue == q {
				t.leave(v, c, in.at, in.suspect)
				it.left, it.leftBy = true, c
				return it
			}
		}
	}
	switch {
	case c == Refused:
		if it == nil || it.Ended > 0 {
			if it = t.begin(in); it == nil {
				return nil
			}
		}
	case it == nil:
		it = t.begin(in)
	case it.Ended > 0 || it.LastQueue == q:
		return it // told before
	}
	if it == nil {
		return nil
	}
	if c != Refused {
		t.missing.Starts++
		t.correct("interaction/"+it.ID, "visit/"+q.ID, "", in.reason, "missing_start", in)
	}
	it.Visits++
	it.LastQueue, it.QueuedAt = q, in.at-in.ms
	it.left, it.leftBy = true, c
	t.count(Offered, 1, q, nil, it.Media)
	t.outcome(it, q, c, max(in.ms, 0), in.suspect, in.at)
	return it
}

// legEnded takes in that one party left: an agent's contact is over.
func (t *Tenant) legEnded(in *input) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	if a := t.agents[in.agent]; a != nil {
		if p := it.part(a, PartContact); p != nil && (in.leg == "" || p.Leg == "" || p.Leg == in.leg) {
			t.endContact(p, in.at)
		}
	}
	return it
}

// recording takes in that a leg is recorded, or that a recording can be fetched.
func (t *Tenant) recording(in *input) *Interaction {
	it := t.find(in)
	if it == nil {
		return nil
	}
	ready := in.kind == kindRecordingReady
	for i := range it.recordings {
		if it.recordings[i].ID == in.other {
			it.recordings[i].Ready = it.recordings[i].Ready || ready
			return it
		}
	}
	if len(it.recordings) < maxRecordings {
		it.recordings = append(it.recordings, Recording{ID: strings.Clone(in.other), Leg: strings.Clone(in.leg), At: in.at, Ready: ready})
	}
	return it
}
