package measure

import "trunkline/floor"

// visits are the measures of what came to the queues and what became of it.
func visits() []Measure {
	return []Measure{
		{"Offered", Number, Count, ofVisits, "visits begun", "Visits that began, those that a full queue refused included. It is the sum of all outcomes and of those who wait, but for those who waited across midnight.", counter(floor.Offered)},
		{"Answered", Number, Count, ofVisits, "visits ended by an agent's answer", "Visits that an agent took.", counter(floor.Answered)},
		{"answeredInTarget", Number, Count, ofVisits, "answered with wait ≤ serviceLevelThreshold", "Answered visits whose wait was within the threshold of their queue.", counter(floor.AnsweredInTarget)},
		{"abandonedFromQueue", Number, Count, ofVisits, "abandonedShort + abandonedLong", "Visits that the customer gave up.", func(v *View) Value { return whole(v.row.Abandoned()) }},
		{"abandonedShort", Number, Count, ofVisits, "abandoned with wait ≤ the short threshold", "Visits given up within the queue's short threshold (queue.configured short_abandon_ms, 5 s where it says nothing).", counter(floor.AbandonedShort)},
		{"abandonedLong", Number, Count, ofVisits, "abandoned with wait > the short threshold", "Visits given up later than that.", counter(floor.AbandonedLong)},
		{"abandonedInTarget", Number, Count, ofVisits, "abandoned with wait ≤ serviceLevelThreshold", "Visits given up within the service level threshold.", counter(floor.AbandonedInTarget)},
		{"timedOut", Number, Count, ofVisits, "visits ended by the limit", "Visits that ended because the queue's limit passed. They are not abandoned.", counter(floor.TimedOut)},
		{"overflowed", Number, Count, ofVisits, "visits moved on by a rule", "Visits that a rule moved on.", counter(floor.Overflowed)},
		{"leftByKey", Number, Count, ofVisits, "visits left by a key", "Visits that the customer left by pressing a key, for instance for a callback.", counter(floor.LeftByKey)},
		{"refused", Number, Count, ofVisits, "visits refused by a full queue", "Visits that a full queue did not take.", counter(floor.Refused)},
		{"transferred", Number, Count, ofVisits, "visits moved on by hand", "Visits that somebody moved elsewhere while they waited.", counter(floor.MovedOn)},
		{"lost", Number, Count, ofVisits, "visits whose end nobody saw", "Visits that were open when their source failed or forgot them. They are counted apart and are in no rate.", counter(floor.LostWaiting)},
		{"suspect", Number, Count, ofVisits, "ends marked suspect", "Ends within seconds of the source's own shutdown, whatever outcome they were counted as: they may be the shutdown's and not the customer's.", counter(floor.Suspect)},
		{"contactsQueueing", Number, Count, ofVisits, "visits waiting now", "Visits that wait at this moment.", present(func(p floor.Present) int32 { return p.Waiting })},
		{"oldestContact", TimeInState, EpochMS, OfQueue, "enqueue time of the visit that waits longest", "When the visit that waits longest began to wait. The longest wait is the time since then.", oldest},
		{"maxWait", Duration, Seconds, OfQueue, "max wait of the visits over", "The longest wait of all visits that are over.", func(v *View) Value {
			return whole(max(v.Queue.WaitsTaken.Max, v.Queue.WaitsOthers.Max))
		}},
		{"waitDuration", Duration, Seconds, ofVisits, "Σ wait of the answered", "The waiting time of the answered visits.", counter(floor.WaitAnswered)},
		{"waitDurationUnanswered", Duration, Seconds, ofVisits, "Σ wait of all others", "The waiting time of the visits that ended without an answer.", counter(floor.WaitLeft)},
		{"averageSpeedOfAnswer", Duration, Seconds, ofVisits, "Σ wait of the answered / Answered", "ASA: how long the answered waited on average.", func(v *View) Value {
			return quotient(v.row.Get(floor.WaitAnswered), v.row.Get(floor.Answered), 1)
		}},
		{"averageTimeToAbandon", Duration, Seconds, ofVisits, "Σ wait of the abandoned / abandonedFromQueue", "How long those who gave up waited on average.", func(v *View) Value {
			return quotient(v.row.Get(floor.WaitAbandoned), v.row.Abandoned(), 1)
		}},
		{"abandonRate", Number, Percent, ofVisits, "100 × abandonedFromQueue / Offered", "The share of the offered visits that was given up.", func(v *View) Value {
			return quotient(v.row.Abandoned(), v.row.Get(floor.Offered), 100)
		}},
		{"answerRate", Number, Percent, ofVisits, "100 × Answered / Offered", "The share of the offered visits that was answered.", func(v *View) Value {
			return quotient(v.row.Get(floor.Answered), v.row.Get(floor.Offered), 100)
		}},
	}
}

func oldest(v *View) Value {
	if o := v.Queue.Oldest(); o != nil {
		return whole(o.At)
	}
	return whole(0)
}

// levels are the five formulas of service level that are in use, under five
// names, so that none of them passes for another. A is Answered, At
// answeredInTarget, B abandonedFromQueue, Bt abandonedInTarget, Bs abandonedShort.
func levels() []Measure {
	level := func(name, formula, description string, f func(a, at, b, bt, bs int64) (int64, int64)) Measure {
		return Measure{name, Number, Percent, ofVisits, formula, description, func(v *View) Value {
			r := v.row
			x, y := f(r.Get(floor.Answered), r.Get(floor.AnsweredInTarget), r.Abandoned(), r.Get(floor.AbandonedInTarget), r.Get(floor.AbandonedShort))
			return quotient(x, y, 100)
		}}
	}
	return []Measure{
		{"serviceLevelThreshold", Duration, Seconds, OfQueue | OfQueueChannel, "configuration", "The wait within which an answer counts as in time: queue.configured service_level_ms, else the tenant's. Each visit is judged by the threshold that is in force when it ends.", func(v *View) Value {
			return whole(v.Tenant.Target(v.Queue))
		}},
		level("serviceLevelWithAbandons", "100 × (answeredInTarget + abandonedInTarget) / (Answered + abandonedFromQueue)",
			"Whoever gave up in time counts as served in time. Asterisk calls it ServicelevelPerf2.",
			func(a, at, b, bt, _ int64) (int64, int64) { return at + bt, a + b }),
		level("serviceLevelAnswered", "100 × answeredInTarget / Answered",
			"Of the answered alone. Asterisk calls it ServicelevelPerf.",
			func(a, at, _, _, _ int64) (int64, int64) { return at, a }),
		level("serviceLevelOffered", "100 × answeredInTarget / (Answered + abandonedFromQueue)",
			"Whoever gave up counts against it, however early.",
			func(a, at, b, _, _ int64) (int64, int64) { return at, a + b }),
		level("serviceLevelLessEarlyAbandons", "100 × answeredInTarget / (Answered + abandonedFromQueue − abandonedInTarget)",
			"Whoever gave up in time is left out.",
			func(a, at, b, bt, _ int64) (int64, int64) { return at, a + b - bt }),
		level("serviceLevelWithShortAbandons", "100 × (answeredInTarget + abandonedShort) / (Answered + abandonedFromQueue)",
			"Whoever gave up within the short threshold counts as served in time.",
			func(a, at, b, _, bs int64) (int64, int64) { return at + bs, a + b }),
	}
}
