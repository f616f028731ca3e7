package measures_test

import (
	"strconv"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/measures"
	"trunkline/sim"
)

// Every measure of both samples of the vendor's page arrives under its name, with the value that the books of the simulator
// have, or, where they do not keep it, a recount of the facts.
func TestMeasuresOfTheSamplesAreTheBooks(t *testing.T) {
	e := serve(t, measures.Options{})
	s, err := sim.New(sim.Config{Tenant: tenant, Seed: 11, Agents: 40, Start: morning, Offset: sim.OffsetFor(morning, 10*time.Hour), Load: 1.2, Busy: true})
	if err != nil {
		t.Fatal(err)
	}
	queues, agents := e.connect(t, e.subscribe(t, "Queue_itd_1.0.0")), e.connect(t, e.subscribe(t, "Agent_itd_1.0.0"))
	facts := newRecount()
	seen := map[string]int{} // how often a measure was other than nothing
	// The books are looked at where nothing of their instant is left to tell.
	books := s.Books()
	for i, checks := 0, 0; checks < 12; i++ {
		item, ok := s.Next()
		if !ok {
			t.Fatal("the simulation is over")
		}
		if i >= (checks+1)*2000 && item.Meta.Time.After(books.At) {
			queues.equals(t, e, "Queue")
			agents.equals(t, e, "Agent")
			compareQueues(t, queues, books, facts, seen)
			compareChannels(t, queues, books)
			compareAgents(t, agents, books, facts, seen)
			checks++
		}
		facts.add(item.Meta.Time, item.Fact)
		e.stage.fact(tenant, &item.Meta, item.Fact)
		if i >= (checks+1)*2000-1 {
			books = s.Books()
		}
	}
	for _, name := range []string{"coached", "isDefaultQueue", "activeDuration", "active", "activeEngagementsInACW", "contactsQueueing", "Answered", "coachingDuration",
		"queueName", "coachedDuration", "activeAgentsInACW", "alertDuration", "Completed", "Offered", "reasonCodeName", "timeInState", "agentLoginId", "userStatus",
		"agentLastName", "agentDisplayName", "timeOnHold", "timeLoggedIn", "timeActive", "idleTimeDuration", "agentLogonDuration", "timeInACW", "agentState", "agentFirstName"} {
		if seen[name] == 0 {
			t.Errorf("%s was never more than nothing, so that the comparison says nothing", name)
		}
	}
}

func compare(t *testing.T, c *client, key string, want map[string]any, seen map[string]int) {
	t.Helper()
	for name, v := range want {
		text := ""
		switch v := v.(type) {
		case string:
			text = v
		case int:
			text = strconv.Itoa(v)
		case int64: // milliseconds, shown in seconds
			text = strconv.FormatInt(v/1000, 10)
		case time.Duration:
			text = strconv.FormatInt(int64(v/time.Second), 10)
		case bool:
			text = strconv.FormatBool(v)
		case time.Time:
			if text = "0"; !v.IsZero() {
				text = strconv.FormatInt(v.UnixMilli(), 10)
			}
		}
		if got := c.values[key][name]; got != text {
			t.Errorf("%s: %s is %q, want %q", key, name, got, text)
		}
		if text != "0" && text != "N/A" && text != "" {
			seen[name]++
		}
	}
}

func compareQueues(t *testing.T, c *client, books *sim.Books, facts *recount, seen map[string]int) {
	t.Helper()
	for id, b := range books.Queues {
		q := facts.queues[id]
		wrapping := 0
		for a := range q.members {
			if facts.agents[a].state == sim.WrapUp {
				wrapping++
			}
		}
		compare(t, c, "queueId="+id, map[string]any{
			"queueName": q.conf.Name, "isDefaultQueue": q.conf.Default, "Offered": b.Offered, "Answered": b.Answered, "Completed": b.Handled, "contactsQueueing": b.Waiting,
			"active": q.active, "activeDuration": q.activeTime, "alertDuration": q.alertTime, "activeEngagementsInACW": q.wrapping, "activeAgentsInACW": wrapping,
			"coached": q.coached, "coachedDuration": q.coachedTime, "coaching": q.coaching, "coachingDuration": q.coachedTime,
		}, seen)
	}
}

func compareAgents(t *testing.T, c *client, books *sim.Books, facts *recount, seen map[string]int) {
	t.Helper()
	states := map[sim.State]string{sim.Offline: "LOGGED_OUT", sim.Away: "NOT_READY", sim.Idle: "READY", sim.Offered: "ALERTING", sim.Contact: "ACTIVE", sim.WrapUp: "ACW"}
	for id, b := range books.Agents {
		a := facts.agents[id]
		// What runs is not counted before it ends.
		accrued := b.Time
		accrued[a.state] -= books.At.Sub(a.since).Milliseconds()
		status, login, reason := "Live", a.login, "N/A"
		if a.presence == event.PresenceLoggedOut {
			status, login = "Offline", time.Time{}
		}
		if a.reason != "" {
			reason = a.reason
		}
		in := func(s sim.State) time.Time {
			if a.state == s {
				return a.since
			}
			return time.Time{}
		}
		held := time.Time{}
		for _, at := range a.held {
			if held.IsZero() || at.Before(held) {
				held = at
			}
		}
		compare(t, c, "agentId="+id, map[string]any{
			"reasonCodeName": reason, "timeInState": a.since, "agentLoginId": a.Login, "userStatus": status, "agentLastName": a.FamilyName, "agentFirstName": a.GivenName,
			"agentDisplayName": a.DisplayName, "timeOnHold": held, "timeLoggedIn": login, "timeActive": in(sim.Contact), "timeInACW": in(sim.WrapUp),
			"idleTimeDuration":   accrued[sim.Idle],
			"agentLogonDuration": accrued[sim.Away] + accrued[sim.Idle] + accrued[sim.Offered] + accrued[sim.Contact] + accrued[sim.WrapUp], "agentState": states[a.state],
		}, seen)
	}
}

// compareChannels holds the other keys of the queues, by which the sample has them, against the sum of the books.
func compareChannels(t *testing.T, c *client, books *sim.Books) {
	t.Helper()
	sum := books.Sum()
	for name, want := range map[string]int{"Offered": sum.Offered, "Answered": sum.Answered, "contactsQueueing": sum.Waiting} {
		got := 0
		for _, channel := range []string{"PHONE", "CHAT", "EMAIL", "SMS", "VIDEO"} {
			n, err := strconv.Atoi(c.values["channelId="+channel][name])
			if err != nil {
				t.Errorf("%s of %s: %v", name, channel, err)
			}
			got += n
		}
		if got != want {
			t.Errorf("%s of all channels is %d, the books say %d", name, got, want)
		}
	}
}
