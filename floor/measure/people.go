package measure

import (
	"cmp"
	"slices"
	"strconv"

	"trunkline/floor"
	"trunkline/floor/wait"
)

// people are the measures of agents and of the agents of a queue.
func people() []Measure {
	in := func(states ...floor.State) func(*View) Value {
		return func(v *View) Value {
			n := int64(0)
			for _, s := range states {
				n += int64(v.Queue.InState[s])
			}
			return whole(n)
		}
	}
	return []Measure{
		{"agentsMembers", Number, Count, OfQueue, "agents who serve the queue", "Agents who serve the queue, logged in or not. An agent in several queues counts in each, so the sum over queues is more than the number of agents.", func(v *View) Value {
			return whole(int64(v.Queue.Members))
		}},
		{"agentsLoggedIn", Number, Count, OfQueue, "members logged in", "Members who are logged in.", in(floor.Away, floor.Idle, floor.Alerting, floor.Contact, floor.WrapUp)},
		{"agentsReady", Number, Count, OfQueue, "members in state idle", "Members who are ready and free.", in(floor.Idle)},
		{"agentsNotReady", Number, Count, OfQueue, "members in state away", "Members who are logged in and not ready.", in(floor.Away)},
		{"agentsAlerting", Number, Count, OfQueue, "members in state alerting", "Members who are being offered something, by whatever queue.", in(floor.Alerting)},
		{"agentsActive", Number, Count, OfQueue, "members in state contact", "Members who are on a contact, of whatever queue.", in(floor.Contact)},
		{"activeAgentsInACW", Number, Count, OfQueue | OfChannel, "members in state wrap_up; channel: agents in it after a contact of the channel", "Members who are in wrap-up, of whatever queue; for a channel all agents who are in wrap-up after one of its contacts.", func(v *View) Value {
			if v.of == OfChannel {
				return whole(int64(v.Tenant.WrappingOn(v.Medium)))
			}
			return in(floor.WrapUp)(v)
		}},

		{"timeInState", TimeInState, EpochMS, OfAgent, "start of the state", "When the agent entered the present state.", func(v *View) Value { return whole(v.Agent.Since) }},
		{"timeLoggedIn", TimeInState, EpochMS, OfAgent, "start of the log-in", "When the agent logged in, 0 when logged out.", func(v *View) Value { return whole(v.Agent.LoginSince) }},
		{"timeActive", TimeInState, EpochMS, OfAgent, "start of the state contact", "When the agent's present time on contacts began, 0 outside it.", since(floor.Contact)},
		{"timeInACW", TimeInState, EpochMS, OfAgent, "start of the state wrap_up", "When the present wrap-up began, 0 outside it.", since(floor.WrapUp)},
		{"timeAlerting", TimeInState, EpochMS, OfAgent, "start of the state alerting", "When the present offer began, 0 outside it.", since(floor.Alerting)},
		{"timeIdle", TimeInState, EpochMS, OfAgent, "start of the state idle", "Since when the agent has been ready and free, 0 otherwise.", since(floor.Idle)},
		{"timeNotReady", TimeInState, EpochMS, OfAgent, "start of the state away", "Since when the agent has not been ready, 0 otherwise.", since(floor.Away)},
		{"timeOnHold", TimeInState, EpochMS, OfAgent, "start of the oldest hold", "When the oldest hold of the agent's contacts began, 0 when none is on hold.", onHold},
		{"agentLogonDuration", Duration, Seconds, OfAgent, "Σ time in all states but offline", "How long the agent has been logged in.", timeIn(floor.Away, floor.Idle, floor.Alerting, floor.Contact, floor.WrapUp)},
		{"idleTimeDuration", Duration, Seconds, OfAgent, "Σ time in state idle", "How long the agent was ready and free.", timeIn(floor.Idle)},
		{"notReadyDuration", Duration, Seconds, OfAgent, "Σ time in state away", "How long the agent was logged in and not ready.", timeIn(floor.Away)},
		{"alertStateDuration", Duration, Seconds, OfAgent, "Σ time in state alerting", "How long the agent was being offered something and did nothing else.", timeIn(floor.Alerting)},
		{"contactStateDuration", Duration, Seconds, OfAgent, "Σ time in state contact", "How long the agent was on contacts; several at once count once.", timeIn(floor.Contact)},
		{"acwStateDuration", Duration, Seconds, OfAgent, "Σ time in state wrap_up", "How long the agent was in wrap-up and on no contact.", timeIn(floor.WrapUp)},
		{"logins", Number, Count, OfAgent, "log-ins", "How often the agent logged in.", counter(floor.Logins)},
	}
}

func since(s floor.State) func(*View) Value {
	return func(v *View) Value {
		if v.Agent.State == s {
			return whole(v.Agent.Since)
		}
		return whole(0)
	}
}

func onHold(v *View) Value {
	first := int64(0)
	for _, p := range v.Agent.Work() {
		if p.HeldSince > 0 && (first == 0 || p.HeldSince < first) {
			first = p.HeldSince
		}
	}
	return whole(first)
}

// estimates are the measures of the wait to come, and how wrong they were.
func estimates() []Measure {
	var out []Measure
	for m, x := range map[wait.Method][3]string{
		wait.QueueLength:        {"QueueLength", "(waiting + 1) × mean handling time / members at work", "0 while a member is free for each who waits; none without members at work or before five contacts."},
		wait.LastToEnterService: {"LastToEnterService", "wait of the visit answered last", "None before five answers."},
		wait.HeadOfLine:         {"HeadOfLine", "time since the oldest visit began to wait", "0 while nobody waits."},
		wait.ExponentialMean:    {"ExponentialMean", "with each answer (3 × mean + wait) / 4", "Asterisk's hold time. None before five answers."},
	} {
		out = append(out,
			Measure{"estimatedWait" + x[0], Duration, Seconds, OfQueue, x[1], "How long one who enters the queue now will wait, by this method. " + x[2], func(v *View) Value {
				at := v.Now
				if at == 0 {
					at = v.Tenant.At()
				}
				ms, why := v.Tenant.EstimatedWait(v.Queue, m, at)
				if why != "" {
					return Value{}
				}
				return whole(ms)
			}},
			Measure{"estimateError" + x[0], Duration, Seconds, OfQueue, "Σ |estimate on entry − wait| / answered visits with an estimate", "How wrong the method was on average, on the visits that were answered since midnight.", func(v *View) Value {
				e := &v.Queue.Estimates.Errors[m]
				return quotient(e.Absolute, e.Count, 1)
			}})
	}
	slices.SortFunc(out, func(a, b Measure) int { return cmp.Compare(a.Name, b.Name) })
	return append(out, Measure{"isOpen", String, NoUnit, OfQueue, "hours, holidays, caps, brake and stage", "true while the queue takes interactions, by the log's clock.", func(v *View) Value {
		return texts(strconv.FormatBool(v.Tenant.Availability(v.Queue, v.Tenant.Now()).Open))
	}})
}

// names are the measures that are texts.
func names() []Measure {
	agent := OfAgent | OfAgentQueue | OfAgentChannel
	queue := OfQueue | OfQueueChannel | OfAgentQueue | OfChannel
	return []Measure{
		{"agentState", String, NoUnit, OfAgent, "state", "LOGGED_OUT, NOT_READY, READY, ALERTING, ACTIVE or ACW: the most engaging thing that is true.", func(v *View) Value {
			return texts([...]string{"LOGGED_OUT", "NOT_READY", "READY", "ALERTING", "ACTIVE", "ACW"}[v.Agent.State])
		}},
		{"userStatus", String, NoUnit, OfAgent, "logged in or not", "Live while the agent is logged in, else Offline.", func(v *View) Value {
			if v.Agent.LoginSince > 0 {
				return texts("Live")
			}
			return texts("Offline")
		}},
		{"presence", String, NoUnit, OfAgent, "presence", "What the agent has set, in the word of the vocabulary.", func(v *View) Value { return texts(string(v.Agent.Presence)) }},
		{"reasonCodeName", String, NoUnit, OfAgent, "name of the reason", "The name of the reason that the agent gave for the presence, N/A without one.", func(v *View) Value {
			return texts(cmp.Or(v.Agent.Reason.Name, "N/A"))
		}},
		{"agentLoginId", String, NoUnit, agent, "login", "The agent's login.", func(v *View) Value { return texts(v.Agent.Login) }},
		{"agentDisplayName", String, NoUnit, agent, "display name, else name, else id", "The name to show.", func(v *View) Value {
			return texts(cmp.Or(v.Agent.DisplayName, v.Agent.Name, v.Agent.ID))
		}},
		{"agentFirstName", String, NoUnit, agent, "given name", "The agent's given name.", func(v *View) Value { return texts(v.Agent.GivenName) }},
		{"agentLastName", String, NoUnit, agent, "family name", "The agent's family name.", func(v *View) Value { return texts(v.Agent.FamilyName) }},
		{"queueName", String, NoUnit, queue, "name, else id", "The queue's name; N/A for a channel, which is of all queues.", func(v *View) Value {
			if v.of == OfChannel {
				return texts("N/A")
			}
			return texts(cmp.Or(v.Queue.Name, v.Queue.ID))
		}},
		{"isDefaultQueue", String, NoUnit, OfQueue | OfQueueChannel | OfChannel, "configuration", "true for the queue to which interactions without a queue of their own come; false for a channel.", func(v *View) Value {
			if v.of != OfChannel && v.Queue.Config.Default {
				return texts("true")
			}
			return texts("false")
		}},
	}
}
