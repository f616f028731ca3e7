package stream

import (
	"cmp"

	"trunkline/internal/scan"
)

// status fills in the members of an AgentStatusChange from one of the statuses
// that the context of a fact lists.
func (s *Scratch) status(c *scan.JSON) {
	s.fields = s.fields[:0]
	var agent, state, before, presence, list, item string
	var direct bool
	var since int64
	if !c.Open(scan.Object) {
		c.Value()
	} else {
		for {
			k, ok := c.Member()
			if !ok {
				break
			}
			switch k {
			case "agent":
				agent = c.Str()
			case "state":
				state = c.Str()
			case "before":
				before = c.Str()
			case "presence":
				presence = c.Str()
			case "list":
				list = c.Str()
			case "item":
				item = c.Str()
			case "direct":
				direct = c.Truth()
			case "since":
				since = c.Num()
			default:
				c.Value()
			}
		}
	}
	if state == before || since <= 0 {
		since = s.fact.at
	}
	code, byPerson := agentState(state, presence, direct)
	s.text("agentId", agent)
	s.info()
	if byPerson && item != "" {
		from := len(s.arena)
		s.arena = append(append(append(s.arena, cmp.Or(list, "-1")...), '='), item...)
		s.text("newReasonCodeUser", textOf(s.arena[from:]))
	}
	s.number("newState", code)
	s.word("newSubState", "none")
	s.word("newSubStateReason", "none")
	s.number("statusEventTS", since/1000)
}

// agentState gives the vendor's number of what an agent is doing, and says
// whether it is what the person has set: only then there is a reason to it.
func agentState(state, presence string, direct bool) (code int64, byPerson bool) {
	switch state {
	case "alerting":
		return stateOffered, false
	case "contact":
		if direct {
			return stateDirectCall, false
		}
		return stateOnContact, false
	case "wrap_up":
		return stateWrapUp, false
	case "idle":
		return stateAvailable, true
	case "offline":
		return stateLoggedOut, true
	}
	switch presence {
	case "available":
		return stateAvailable, true
	case "break", "be_right_back", "away":
		return stateOnBreak, true
	case "work_offline", "do_not_disturb":
		return stateWorkOffline, true
	case "busy":
		return stateBusy, true
	case "logged_in":
		return stateLoggedIn, true
	}
	return stateLoggedOut, true
}

// provision fills in the members of an AgentProvChange.
func (s *Scratch) provision() {
	in := &s.fact
	s.fields = s.fields[:0]
	enabled := !in.inactive
	switch in.change {
	case "deleted", "disabled", "skill_removed", "queue_removed":
		enabled = false
	}
	s.text("agentId", in.agent)
	s.word("enabled", yes(enabled))
	s.word("event", word(provisionEvents, in.change, "updated"))
	s.info()
	s.text("queueId", queueNumber(in.queue))
	s.text("skillId", cmp.Or(in.assignment, in.skill))
	s.text("tenantSkillId", in.skill)
}
