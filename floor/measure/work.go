package measure

import "trunkline/floor"

// work are the measures of what agents do with contacts.
func work() []Measure {
	return []Measure{
		{"alerts", Number, Count, ofWork, "offers made", "Offers made to agents.", counter(floor.Alerts)},
		{"alerting", Number, Count, ofWork, "offers standing now", "Offers that stand at this moment.", present(func(p floor.Present) int32 { return p.Alerting })},
		{"alertDuration", Duration, Seconds, ofWork, "Σ time from offer to its end", "How long offers stood.", counter(floor.AlertTime)},
		{"accepted", Number, Count, ofWork, "offers taken", "Offers that agents took.", counter(floor.Accepted)},
		{"notAnswered", Number, Count, ofWork, "offers that rang out", "Offers that rang out.", counter(floor.NotAnswered)},
		{"rejected", Number, Count, ofWork, "offers refused", "Offers that the agent or the device refused.", counter(floor.Rejected)},
		{"cancelled", Number, Count, ofWork, "offers withdrawn", "Offers that were withdrawn: the customer left, another agent was faster.", counter(floor.Cancelled)},
		{"abandonedFromAlerting", Number, Count, ofWork, "abandoned while an offer stood", "Visits given up while an agent was being offered them.", counter(floor.AbandonedAlerting)},
		{"contacts", Number, Count, ofWork, "contacts begun", "Contacts that began: an agent was connected.", counter(floor.Contacts)},
		{"contactsInbound", Number, Count, ofWork, "contacts begun of interactions coming in", "Contacts of interactions that came in.", counter(floor.ContactsIn)},
		{"contactsOutbound", Number, Count, ofWork, "contacts begun of interactions going out", "Contacts of interactions that went out.", counter(floor.ContactsOut)},
		{"active", Number, Count, ofWork, "contacts connected now", "Contacts that are connected at this moment, on hold or not.", present(func(p floor.Present) int32 { return p.Active })},
		{"activeDuration", Duration, Seconds, ofWork, "Σ time connected of the contacts over", "How long contacts were connected, hold included.", counter(floor.ActiveTime)},
		{"held", Number, Count, ofWork, "contacts on hold now", "Contacts that are on hold at this moment.", present(func(p floor.Present) int32 { return p.Held })},
		{"holds", Number, Count, ofWork, "holds begun", "How often somebody was put on hold.", counter(floor.Holds)},
		{"holdDuration", Duration, Seconds, ofWork, "Σ time of the holds over", "How long holds lasted.", counter(floor.HoldTime)},
		{"activeEngagementsInACW", Number, Count, ofWork, "wrap-ups running now", "Wrap-ups that run at this moment.", present(func(p floor.Present) int32 { return p.Wrapping })},
		{"acwCount", Number, Count, ofWork, "wrap-ups begun", "Wrap-ups that began.", counter(floor.WrapUps)},
		{"acwDuration", Duration, Seconds, ofWork, "Σ time of the wrap-ups over", "How long wrap-ups lasted, those that the floor derives included.", counter(floor.WrapTime)},
		{"Completed", Number, Count, ofWork, "contacts over with their wrap-up", "Contacts that are over for good, with their wrap-up. Those whose end nobody saw are not among them.", counter(floor.Handled)},
		{"lostContacts", Number, Count, ofWork, "contacts whose end nobody saw", "Contacts that were connected when their source failed or forgot them.", counter(floor.LostContacts)},
		{"handleDuration", Duration, Seconds, ofWork, "Σ talk + hold + wrap-up of the Completed", "The handling time of the contacts that are over.", func(v *View) Value {
			return whole(v.row.Get(floor.Talk) + v.row.Get(floor.Hold) + v.row.Get(floor.Wrap))
		}},
		{"talkDuration", Duration, Seconds, ofWork, "Σ time connected and not on hold of the Completed", "The talking time of the contacts that are over.", counter(floor.Talk)},
		{"transfers", Number, Count, ofWork, "transfers completed", "Transfers that agents completed.", counter(floor.Transfers)},
		{"consults", Number, Count, ofWork, "consultations begun", "Consultations that agents began.", counter(floor.Consults)},
		{"conferences", Number, Count, ofWork, "joins of lines asked for", "How often agents asked for lines to be joined.", counter(floor.Conferences)},
		{"coached", Number, Count, ofWork, "coachings of agents begun", "Coachings that agents were given: the supervisor is heard by the agent alone.", counter(floor.Coached)},
		{"coachedDuration", Duration, Seconds, ofWork, "Σ time of the coachings over", "How long agents were coached.", counter(floor.CoachedTime)},
		{"coaching", Number, Count, OfQueue | OfAgent | OfQueueChannel | OfChannel, "queue: coachings running now; agent: coachings given", "For a queue the coachings that run at this moment; for a supervisor those that were given.", func(v *View) Value {
			if v.of == OfAgent {
				return whole(v.row.Get(floor.Coaching))
			}
			return whole(int64(v.row.Present().Coaches))
		}},
		{"coachingDuration", Duration, Seconds, OfQueue | OfAgent | OfQueueChannel | OfChannel, "Σ time of the coachings over", "How long supervisors coached.", func(v *View) Value {
			if v.of == OfAgent {
				return whole(v.row.Get(floor.CoachingTime))
			}
			return whole(v.row.Get(floor.CoachedTime))
		}},
		{"monitored", Number, Count, ofWork, "monitorings and barges begun", "How often a supervisor listened in or joined.", counter(floor.Monitored)},
		{"messagesIn", Number, Count, ofVisits, "messages by customers", "Messages and phrases by customers, interim ones left out.", counter(floor.MessagesIn)},
		{"messagesOut", Number, Count, ofVisits, "messages by agents", "Messages and phrases by agents, interim ones left out.", counter(floor.MessagesOut)},
		{"dispositions", Number, Count, ofWork, "outcomes noted", "Outcomes that agents noted.", counter(floor.Dispositions)},
	}
}

// quotients are the averages and shares of work.
func quotients() []Measure {
	average := func(name, formula, description string, parts ...floor.Counter) Measure {
		return Measure{name, Duration, Seconds, ofWork, formula, description, func(v *View) Value {
			n := int64(0)
			for _, c := range parts {
				n += v.row.Get(c)
			}
			return quotient(n, v.row.Get(floor.Handled), 1)
		}}
	}
	return []Measure{
		average("averageHandleTime", "handleDuration / Completed", "AHT: talk, hold and wrap-up of a contact on average.", floor.Talk, floor.Hold, floor.Wrap),
		average("averageTalkTime", "talkDuration / Completed", "The talking time of a contact on average.", floor.Talk),
		average("averageHoldTime", "Σ hold of the Completed / Completed", "The time on hold of a contact on average.", floor.Hold),
		average("averageAcwTime", "Σ wrap-up of the Completed / Completed", "The wrap-up of a contact on average.", floor.Wrap),
		{"acceptRate", Number, Percent, OfAgent | OfAgentQueue | OfAgentChannel, "100 × accepted / alerts", "The share of the offers that the agent took.", func(v *View) Value {
			return quotient(v.row.Get(floor.Accepted), v.row.Get(floor.Alerts), 100)
		}},
		{"occupancy", Number, Percent, OfAgent, "100 × (contact + wrap-up + alerting) / (contact + wrap-up + alerting + idle)", "The share of the time in which the agent was taken, of that time and the idle time together. Time away or logged out is in neither.", func(v *View) Value {
			busy := timeIn(floor.Contact, floor.WrapUp, floor.Alerting)(v).Whole
			return quotient(busy, busy+v.timeIn(floor.Idle), 100)
		}},
		{"utilisation", Number, Percent, OfAgent, "100 × (contact + wrap-up + alerting) / logged in", "The share of the logged-in time in which the agent was taken.", func(v *View) Value {
			busy := timeIn(floor.Contact, floor.WrapUp, floor.Alerting)(v).Whole
			return quotient(busy, busy+timeIn(floor.Idle, floor.Away)(v).Whole, 100)
		}},
	}
}
