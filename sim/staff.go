package sim

import (
	"fmt"
	"time"

	"trunkline/event"
)

// throttle tells that fewer people are sent to a queue, or as many as before. It is only told: who rings, rings.
func (s *Sim) throttle(q *queue, on bool) {
	if q.throttled != on {
		q.throttled = on
		s.announceQueue(q.site, q)
	}
}

// holidays are the dates of the years around the start on which a centre is closed that does not run all days, as this
// one does: none of them is close enough to be simulated.
func (s *Sim) holidays() (list []event.Holiday) {
	for year := s.cfg.Start.Year(); year <= s.cfg.Start.Year()+1; year++ {
		for _, h := range [...]struct {
			name  string
			month time.Month
			day   int
		}{{"New Year's Day", time.January, 1}, {"Labour Day", time.May, 1}, {"Christmas Day", time.December, 25}} {
			date := time.Date(year, h.month, h.day, 0, 0, 0, 0, time.UTC)
			if away := date.Sub(s.cfg.Start).Abs(); away > 30*24*time.Hour {
				list = append(list, event.Holiday{Date: date.Format(time.DateOnly), Name: h.name})
			}
		}
	}
	return list
}

func (s *Sim) announceQueue(st *site, q *queue) {
	q.site = st
	f := event.QueueConfigured{
		Queue: q.id, Name: q.name, GUID: q.guid, Media: event.Media(q.media), Direction: event.DirectionIn,
		Default: q == st.general, Group: st.name, Skills: []string{q.skill}, Zone: zoneName(s.cfg.Offset),
		ServiceLevelMS: q.target, ShortAbandonMS: q.short, MaxWaitMS: q.limit, MaxLength: q.cap,
		RingLimitMS: q.ring, WrapupLimitMS: q.wrap, Stage: event.StageLive,
	}
	if q.outbound {
		f.Direction = event.DirectionOut
	}
	if q.keyShare > 0 {
		f.CallList = "cb-" + q.id
	}
	if q.cap > 0 {
		f.Caps = &event.QueueCaps{Size: q.cap}
	}
	f.Holidays = s.holidays()
	if f.Mitigation = (&event.Mitigation{Status: "NORMAL"}); q.throttled {
		f.Mitigation.Status, f.Mitigation.Message = "THROTTLED", "All lines are busy"
	}
	for _, d := range []event.Day{event.Monday, event.Tuesday, event.Wednesday, event.Thursday, event.Friday, event.Saturday, event.Sunday} {
		f.Hours = append(f.Hours, event.OpenHours{Day: d, From: "00:00", To: "24:00"})
	}
	s.emit(f)
}

func (s *Sim) announceSupervisor(st *site, b *supervisor) {
	name := b.given + " " + b.family
	s.emit(event.AgentProvisioned{
		AgentRef: event.AgentRef{Agent: b.id}, Change: s.provision(event.ProvisionCreated, event.ProvisionUpdated),
		GUID: b.guid, Name: name, GivenName: b.given, FamilyName: b.family, DisplayName: b.given, Role: "supervisor", Groups: groups(st),
	})
}

// provision is first in the first run and again in the later ones, in which
// everybody is known already.
func (s *Sim) provision(first, again event.ProvisionChange) event.ProvisionChange {
	if s.cfg.Run == 0 {
		return first
	}
	return again
}

func (s *Sim) announceAgent(a *agent) {
	f := event.AgentProvisioned{
		AgentRef: a.ref(), Change: s.provision(event.ProvisionCreated, event.ProvisionUpdated),
		GUID: a.guid, External: fmt.Sprintf("E%05d", a.num+1), Login: a.login, Email: a.login,
		Name: a.name(), GivenName: a.given, FamilyName: a.family, DisplayName: a.given,
		Address: a.address, Role: "agent", DeskMode: "voice", Groups: groups(a.site),
		Supervisors: []string{a.boss.id}, Slots: a.slotMap(),
	}
	if a.role == digital {
		f.DeskMode = "chat"
	}
	s.emit(f)
	for _, sk := range a.skills {
		s.emit(a.skillFact(s.provision(event.ProvisionSkillAdded, event.ProvisionSkillChanged), sk))
		s.emit(a.queueFact(s.provision(event.ProvisionQueueAdded, event.ProvisionQueueChanged), sk))
	}
}

func groups(st *site) []string {
	if st.name == "" {
		return nil
	}
	return []string{st.name}
}

func (a *agent) ref() event.AgentRef { return event.AgentRef{Agent: a.id} }

func (a *agent) slotMap() map[string]int {
	if a.role == digital {
		return map[string]int{chat: a.slots, email: 1}
	}
	return map[string]int{phone: 1}
}

func (a *agent) skillFact(change event.ProvisionChange, sk skill) event.AgentProvisioned {
	return event.AgentProvisioned{AgentRef: a.ref(), Change: change, Skill: &event.AgentSkill{
		ID: sk.q.skill, Name: sk.q.name, Assignment: a.id + "-" + sk.q.id, Media: event.Media(sk.q.media), Level: sk.level,
	}}
}

func (a *agent) queueFact(change event.ProvisionChange, sk skill) event.AgentProvisioned {
	return event.AgentProvisioned{AgentRef: a.ref(), Change: change, Queue: &event.AgentQueue{
		ID: sk.q.id, Name: sk.q.name, Priority: sk.level, Address: a.address,
	}}
}

// observe books the time up to now under the state that a was in, and takes
// the new state. Everything that may change a state ends with it.
func (s *Sim) observe(a *agent) {
	a.book.Time[a.state] += s.now - a.since
	a.since = s.now
	state := a.doing()
	if state == Idle && a.state != Idle {
		a.idleSince = s.now
	}
	a.state = state
}

// firstShift logs in who is at work at the start, and sets the alarm clock of
// everybody else.
func (s *Sim) firstShift(a *agent) {
	if left, on := a.shift.covers(s.clock()); on {
		s.after(s.rnd.between(0, 3*second), func() { s.login(a, left) })
		return
	}
	s.nextShift(a)
}

func (s *Sim) nextShift(a *agent) {
	wait := floorMod(a.shift.from-s.clock(), day) + s.rnd.between(-4*minute, 4*minute)
	s.after(max(wait, 0), func() { s.login(a, a.shift.length) })
}

// login brings an agent to work for left milliseconds.
func (s *Sim) login(a *agent, left int64) {
	if a.presence != offline {
		return
	}
	a.book.Logins++
	a.session = s.ids.uuid()
	s.emit(event.AgentTerminalChanged{AgentRef: a.ref(), Session: a.session, Terminal: a.address, Kind: "softphone",
		Status: event.TerminalOnline, Expires: event.At(s.at(s.now + left + hour))})
	if s.rnd.chance(0.1) {
		s.emit(event.AgentSettingChanged{AgentRef: a.ref(), Keyword: "AutoAnswer", Value: pick(s.rnd, []string{"on", "off"}),
			Allowed: map[string]string{"on": "Answer calls by itself", "off": "Ring"}, Level: "user"})
	}
	s.emit(event.AgentModeChanged{AgentRef: a.ref(), Serving: true, ServingCallbacks: a.role != digital, Slots: a.slotMap()})
	a.presence, a.leaving, a.due = available, false, nil
	s.status(a, event.PresenceAvailable, nil, 0)
	s.observe(a)
	s.planDay(a, left)
	s.serve(a)
}

// planDay sets the alarms of a shift: breaks and the way home.
func (s *Sim) planDay(a *agent, left int64) {
	if s.draining {
		return
	}
	plan := func(at int64, p *pause) {
		if at > 2*minute && at < left-p.median {
			s.after(at, func() { s.wantBreak(a, p) })
		}
	}
	full := a.shift.length
	gone := full - left
	plan(full*50/100-gone+s.rnd.between(-40*minute, 40*minute), lunch)
	plan(full*25/100-gone+s.rnd.between(-30*minute, 30*minute), rest)
	plan(full*75/100-gone+s.rnd.between(-30*minute, 30*minute), rest)
	if s.rnd.chance(0.4) {
		plan(s.rnd.between(0, full)-gone, pick(s.rnd, []*pause{meeting, training, coaching}))
	}
	for range 2 {
		plan(s.rnd.between(0, full)-gone, personal)
	}
	s.after(left+s.rnd.between(-3*minute, 3*minute), func() { s.goHome(a) })
}

func (s *Sim) status(a *agent, p event.Presence, why *pause, until int64) {
	f := event.AgentStatusChanged{AgentRef: a.ref(), Presence: p, Source: "agent"}
	if why != nil {
		f.Reason = &event.StatusReason{List: why.list, Item: why.item, Name: why.name}
		if why == missed {
			f.Source = "rule:missed-call"
		}
	}
	if until > 0 {
		f.Until = event.At(s.at(until))
	}
	s.emit(f)
}

// wantBreak begins a break, at once when the agent is free, otherwise after
// the work in hand; a few set the status while they still talk.
func (s *Sim) wantBreak(a *agent, p *pause) {
	if s.draining || a.presence != available || a.leaving || a.due != nil {
		return
	}
	if len(a.legs) > 0 && !s.rnd.chance(0.2) {
		a.due = p
		return
	}
	s.takeBreak(a, p)
}

func (s *Sim) takeBreak(a *agent, p *pause) {
	length := s.rnd.lognormal(p.median, 0.25)
	a.presence, a.due = away, nil
	a.book.Away[p.name]++
	presence := event.PresenceBreak
	switch p {
	case meeting, training, coaching:
		presence = event.PresenceWorkOffline
	case missed:
		presence = event.PresenceAway
	}
	var until int64
	if p == lunch {
		until = s.now + p.median
	}
	s.status(a, presence, p, until)
	s.observe(a)
	a.breakEnd = s.after(length, func() { s.endBreak(a) })
}

func (s *Sim) endBreak(a *agent) {
	if a.presence != away {
		return
	}
	s.clear(a.breakEnd)
	a.presence = available
	s.status(a, event.PresenceAvailable, nil, 0)
	s.observe(a)
	s.forgive(a)
	s.serve(a)
}

func (s *Sim) goHome(a *agent) {
	if s.draining || a.presence == offline {
		return
	}
	a.leaving = true
	s.serve(a)
}

func (s *Sim) logout(a *agent) {
	if a.presence == offline {
		return
	}
	s.clear(a.breakEnd)
	a.presence, a.leaving, a.due = offline, false, nil
	s.emit(event.AgentStatusChanged{AgentRef: a.ref(), Presence: event.PresenceLoggedOut, Source: "agent"})
	s.emit(event.AgentTerminalChanged{AgentRef: a.ref(), Session: a.session, Terminal: a.address, Kind: "softphone", Status: event.TerminalOffline})
	s.observe(a)
	if !s.draining {
		s.nextShift(a)
	}
}

// serve gives an agent who has a free slot what comes next: the way home, a
// due break, or the next one who waits.
func (s *Sim) serve(a *agent) {
	if len(a.legs) == 0 {
		switch {
		case a.leaving:
			s.logout(a)
			return
		case a.due != nil && a.presence == available:
			s.takeBreak(a, a.due)
			return
		}
	}
	for {
		v := a.next()
		if v == nil {
			return
		}
		s.offer(v, a)
	}
}

// callEverybodyIn is the beginning of a drain: nobody goes home or on a break
// before everything is done.
func (s *Sim) callEverybodyIn() {
	for _, st := range s.sites {
		for _, a := range st.agents {
			a.leaving, a.due = false, nil
			switch a.presence {
			case offline:
				s.login(a, day)
			case away:
				s.endBreak(a)
			default:
				s.serve(a)
			}
		}
	}
}

// retrain gives an agent of the site one more queue, or one less.
func (s *Sim) retrain(st *site) {
	a := pick(s.rnd, st.agents)
	if a.role == digital {
		return
	}
	q := pick(s.rnd, st.inbound)
	if level := a.level(q); level > 0 {
		if a.inboundSkills() > 1 {
			sk := skill{q, level}
			a.dropSkill(q)
			s.emit(a.skillFact(event.ProvisionSkillRemoved, sk))
			s.emit(a.queueFact(event.ProvisionQueueRemoved, sk))
		}
		return
	}
	sk := skill{q, 1 + s.rnd.IntN(9)}
	a.addSkill(q, sk.level)
	s.emit(a.skillFact(event.ProvisionSkillAdded, sk))
	s.emit(a.queueFact(event.ProvisionQueueAdded, sk))
	s.serve(a)
}

// zoneName is the IANA zone of a whole number of hours; its sign is the other
// way round than one writes an offset.
func zoneName(offset time.Duration) string {
	h := int(offset / time.Hour)
	if h == 0 {
		return "Etc/UTC"
	}
	return fmt.Sprintf("Etc/GMT%+d", -h)
}
