package measures_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth/jwt"
	"trunkline/event"
	"trunkline/feed/measures"
	"trunkline/floor"
	"trunkline/sim"
)

func agentFacts(id, first, last string) []event.Fact {
	ref := event.AgentRef{Agent: id}
	return []event.Fact{
		event.AgentProvisioned{AgentRef: ref, Change: event.ProvisionCreated, Login: id + "@example.com", GivenName: first, FamilyName: last, DisplayName: first + " " + last},
		event.AgentStatusChanged{AgentRef: ref, Presence: event.PresenceAvailable},
	}
}

func TestMessagesAreThoseOfTheSamples(t *testing.T) {
	e := serve(t, measures.Options{})
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "Natella"})
	e.stage.say(tenant, agentFacts("9f44ed4e", "Ada", "Other")...)
	c := e.connect(t, e.subscribe(t, "agent_ITD"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := c.next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	since := fmt.Sprint(e.stage.now().UnixMilli())
	if m.AccountID != account || m.EventSourceID != "IXCC_1.0.0" || m.MeasureProducerID != "Agent_itd_1.0.0" || m.PayloadType != "INITIALIZING" ||
		m.EventAction != "UPSERT" || len(m.Keys) != 1 || m.Keys["agentId"] != "9f44ed4e" {
		t.Errorf("got %+v", m)
	}
	for name, want := range map[string]string{
		"reasonCodeName": "N/A", "timeInState": since, "agentLoginId": "9f44ed4e@example.com", "userStatus": "Live", "agentLastName": "Other",
		"agentDisplayName": "Ada Other", "timeOnHold": "0", "timeLoggedIn": since, "timeActive": "0", "idleTimeDuration": "0",
		"agentLogonDuration": "0", "timeInACW": "0", "agentState": "READY", "agentFirstName": "Ada",
	} {
		if m.Measures[name] != want {
			t.Errorf("%s is %q, want %q", name, m.Measures[name], want)
		}
	}
	e.stage.say(tenant, event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "9f44ed4e"}, Presence: event.PresenceBreak, Reason: &event.StatusReason{Name: "Lunch"}})
	if m, err = c.next(ctx); err != nil {
		t.Fatal(err)
	}
	if m.PayloadType != "LIVE" || m.Measures["agentState"] != "NOT_READY" || m.Measures["reasonCodeName"] != "Lunch" || m.Measures["idleTimeDuration"] != "1" || m.Measures["agentLoginId"] == "" {
		t.Errorf("got %+v", m)
	}

	c = e.connect(t, e.subscribe(t, "Queue_itd_1.0.0"))
	c.until(t, "the snapshot", func() bool { return c.initial == 6 })
	for _, key := range []string{"queueId=q1", "channelId=EMAIL"} {
		for name := range strings.FieldsSeq(`coached isDefaultQueue activeDuration active activeEngagementsInACW contactsQueueing Answered coachingDuration queueName
			coachedDuration activeAgentsInACW alertDuration Completed coaching Offered`) {
			if c.values[key][name] == "" {
				t.Errorf("%s has no %s", key, name)
			}
		}
	}
	if c.values["queueId=q1"]["queueName"] != "Natella" || c.values["queueId=q1"]["isDefaultQueue"] != "false" || c.values["queueId=q1"]["Offered"] != "0" {
		t.Errorf("got %v", c.values["queueId=q1"])
	}
}

func TestKeysThatLeaveAreDeleted(t *testing.T) {
	e := serve(t, measures.Options{})
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One"}, event.QueueConfigured{Queue: "q2", Name: "Two"})
	for _, id := range []string{"a1", "a2"} {
		e.stage.say(tenant, agentFacts(id, id, "x")...)
		e.stage.say(tenant, event.AgentProvisioned{AgentRef: event.AgentRef{Agent: id}, Change: event.ProvisionQueueAdded, Queue: &event.AgentQueue{ID: "q1"}})
	}
	agents, queues, both := e.connect(t, e.subscribe(t, "Agent_itd")), e.connect(t, e.subscribe(t, "Queue_itd")), e.connect(t, e.subscribe(t, "AgentByQueue_itd"))
	agents.equals(t, e, "Agent")
	queues.equals(t, e, "Queue")
	both.equals(t, e, "AgentByQueue")
	if len(both.values) != 2 {
		t.Errorf("got %v", both.values)
	}
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "First"})
	both.until(t, "the queue's new name", func() bool { return both.values["agentId=a1,queueId=q1"]["queueName"] == "First" })
	e.stage.say(tenant, event.AgentProvisioned{AgentRef: event.AgentRef{Agent: "a1"}, Change: event.ProvisionDeleted})
	agents.equals(t, e, "Agent")
	both.equals(t, e, "AgentByQueue")
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "First", Removed: true})
	queues.equals(t, e, "Queue")
	both.equals(t, e, "AgentByQueue")
	if agents.deleted != 1 || queues.deleted != 1 || both.deleted != 2 {
		t.Errorf("%d agents, %d queues, %d of both deleted", agents.deleted, queues.deleted, both.deleted)
	}
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "Again"})
	queues.equals(t, e, "Queue")
}

// Every failure is answered with its status and closed with its number.
func TestEveryStatus(t *testing.T) {
	e := serve(t, measures.Options{AuthTimeout: 300 * time.Millisecond})
	other := serve(t, measures.Options{AuthTimeout: time.Minute})
	good, sub := other.token(t, tenant), other.subscribe(t, "Agent_itd")
	gone := other.subscribe(t, "Agent_itd")
	if status := other.ask(t, "DELETE", subscriptions+"/"+gone.ID, good, "", nil); status != 204 {
		t.Fatal(status)
	}
	const ws = "/ws/notification/v1/analytics/realtime"
	inAddress := ws + "/" + account + "/" + sub.ID
	msg := func(event, id, token string) string {
		return `{` + event + `"subscriptionId":"` + id + `","token":"` + token + `"}`
	}
	const ev = `"event":"authentication",`
	for name, c := range map[string]struct {
		path, message, status string
		code                  websocket.StatusCode
	}{
		"confirmed":                  {ws, msg(ev, sub.ID, good), "CONFIRMED", 0},
		"on the short path":          {"/ws/notification", msg(ev, sub.ID, good), "CONFIRMED", 0},
		"without event":              {ws, msg("", sub.ID, good), "CONFIRMED", 0},
		"subscription in upper case": {ws, msg("", strings.ToUpper(sub.ID), good), "CONFIRMED", 0},
		"subscription in address":    {inAddress, `{"event":"authentication","token":"` + good + `"}`, "CONFIRMED", 0},
		"further members":            {ws, `{"x":[1],` + msg(ev, sub.ID, good)[1:], "CONFIRMED", 0},
		"no subscription":            {ws, `{"event":"authentication","token":"` + good + `"}`, "CONSTRAINT_VIOLATION", 4561},
		"no token":                   {ws, `{"event":"authentication","subscriptionId":"` + sub.ID + `"}`, "CONSTRAINT_VIOLATION", 4561},
		"another event":              {ws, msg(`"event":"hello",`, sub.ID, good), "CONSTRAINT_VIOLATION", 4561},
		"no JSON":                    {ws, `hello`, "CONSTRAINT_VIOLATION", 4561},
		"a list":                     {ws, `[]`, "CONSTRAINT_VIOLATION", 4561},
		"rubbish for a token":        {ws, msg(ev, sub.ID, "rubbish"), "INVALID_TOKEN", 3500},
		"another audience":           {ws, msg(ev, sub.ID, other.token(t, tenant, func(c *jwt.Claims) { c.Audience = "x" })), "INVALID_TOKEN", 3500},
		"not good yet":               {ws, msg(ev, sub.ID, other.token(t, tenant, func(c *jwt.Claims) { c.NotBefore = time.Now().Add(time.Minute) })), "INVALID_TOKEN", 3500},
		"of another server":          {ws, msg(ev, sub.ID, e.token(t, tenant)), "INVALID_TOKEN", 3500},
		"foreign in the address":     {inAddress, msg(ev, sub.ID, other.token(t, "globex")), "INVALID_TOKEN", 3500},
		"of a tenant that is gone":   {ws, msg(ev, sub.ID, other.token(t, "vanished")), "INVALID_TOKEN", 3500},
		"foreign":                    {ws, msg(ev, sub.ID, other.token(t, "globex")), "UNKNOWN_SUBSCRIPTION", 4560},
		"unknown":                    {ws, msg(ev, "fdbec917-e76e-4645-8120-4eac46f29488", good), "UNKNOWN_SUBSCRIPTION", 4560},
		"not even an id":             {ws, msg(ev, "../x", good), "UNKNOWN_SUBSCRIPTION", 4560},
		"deleted":                    {ws, msg(ev, gone.ID, good), "UNKNOWN_SUBSCRIPTION", 4560},
	} {
		t.Run(name, func(t *testing.T) {
			conn := other.dial(t, c.path)
			status := strings.TrimPrefix(strings.TrimPrefix(conn.authenticate(t, c.message), "CONNECTION_"), "FAILED_")
			if status != c.status {
				t.Errorf("got %s, want %s", status, c.status)
			}
			if c.code != 0 {
				if got := conn.closed(t); got != c.code {
					t.Errorf("closed with %d, want %d", got, c.code)
				}
			}
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		c := e.dial(t, ws)
		if status := c.answer(t); status != "CONNECTION_FAILED_CONSTRAINT_VIOLATION" || c.closed(t) != 4561 {
			t.Errorf("got %s", status)
		}
	})
	t.Run("the floor is not there", func(t *testing.T) {
		other.stage.mu.Lock()
		other.stage.down = true
		other.stage.mu.Unlock()
		c := other.dial(t, ws)
		if status := c.authenticate(t, msg(ev, sub.ID, good)); status != "CONNECTION_FAILED_INTERNAL_SERVER_ERROR" || c.closed(t) != 1011 {
			t.Errorf("got %s", status)
		}
	})
	t.Run("binary", func(t *testing.T) {
		c := other.dial(t, ws)
		if err := c.Write(t.Context(), websocket.MessageBinary, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if status := c.answer(t); status != "CONNECTION_FAILED_CONSTRAINT_VIOLATION" {
			t.Errorf("got %s", status)
		}
	})
}

// broken is a verifier that cannot check anything.
type broken struct{}

func (broken) Verify(context.Context, string, string) (jwt.Claims, error) {
	return jwt.Claims{}, fmt.Errorf("no keys")
}

func TestAnIssuerThatCannotBeAsked(t *testing.T) {
	e := serve(t, measures.Options{Tokens: broken{}})
	c := e.dial(t, "/ws/notification")
	if status := c.authenticate(t, `{"subscriptionId":"x","token":"y"}`); status != "CONNECTION_FAILED_INTERNAL_SERVER_ERROR" || c.closed(t) != 1011 {
		t.Errorf("got %s", status)
	}
	if status := e.ask(t, "GET", subscriptions, "y", "", nil); status != 503 {
		t.Errorf("got %d", status)
	}
}

func TestFiltersAndTheMarker(t *testing.T) {
	e := serve(t, measures.Options{})
	for i := range 5 {
		e.stage.say(tenant, agentFacts(fmt.Sprintf("a%d", i), "A", "B")...)
	}
	e.stage.say(tenant, event.QueueConfigured{Queue: "q"})
	c := e.connect(t, e.subscribe(t, "Agent_itd", "agentId", "a1, a3,nobody", "measures", "agentState,userStatus", "initializedMarker", "true", "something", "else"))
	c.until(t, "two agents", func() bool { return c.initial == 2 })
	if len(c.values["agentId=a1"]) != 2 || c.values["agentId=a3"]["agentState"] != "READY" {
		t.Errorf("got %v", c.values)
	}
	_, raw, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var marker measures.Initialized
	strict(t, raw, &marker)
	if marker.Event != "initialized" || marker.Keys != 2 || marker.AccountID != account || marker.MeasureProducerID != "Agent_itd_1.0.0" || marker.Cursor == "" {
		t.Errorf("got %+v", marker)
	}
	e.stage.say(tenant, event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a0"}, Presence: event.PresenceBreak},
		event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a3"}, Presence: event.PresenceBreak})
	m, err := c.next(t.Context())
	if err != nil || m.Keys["agentId"] != "a3" || m.Measures["agentState"] != "NOT_READY" {
		t.Errorf("got %+v, %v", m, err)
	}
	channel := e.connect(t, e.subscribe(t, "Queue_itd", "channelId", "email"))
	channel.until(t, "a channel", func() bool { return channel.initial == 1 })
	if channel.values["channelId=EMAIL"] == nil {
		t.Errorf("got %v", channel.values)
	}
}

func TestTenantsSeeTheirOwn(t *testing.T) {
	e := serve(t, measures.Options{})
	e.stage.say("globex", agentFacts("secret", "x", "y")...)
	e.stage.say(tenant, agentFacts("mine", "x", "y")...)
	c := e.connect(t, e.subscribe(t, "Agent_itd"))
	c.equals(t, e, "Agent")
	e.stage.say("globex", event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "secret"}, Presence: event.PresenceBreak})
	e.stage.say(tenant, event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "mine"}, Presence: event.PresenceBreak})
	c.until(t, "the change", func() bool { return c.live == 1 })
	if len(c.values) != 1 || c.values["agentId=mine"]["agentState"] != "NOT_READY" {
		t.Errorf("got %v", c.values)
	}
}

// The new day's values come to every client, once for each key, when the tenant's midnight has passed; across the change of the clocks too.
func TestMidnight(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, eve := range map[string]time.Time{
		"a day of 24 hours": time.Date(2026, 6, 10, 12, 0, 0, 0, zone), "of 23": time.Date(2026, 3, 29, 12, 0, 0, 0, zone), "of 25": time.Date(2026, 10, 25, 12, 0, 0, 0, zone),
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(floor.Options{Settings: func(string) floor.Settings { return floor.Settings{Zone: zone} }})
			st.at = eve
			e := serveStage(t, st, measures.Options{PingInterval: time.Hour})
			e.stage.say(tenant, agentFacts("a", "x", "y")...)
			c := e.connect(t, e.subscribe(t, "Agent_itd"))
			c.until(t, "the snapshot", func() bool { return c.initial == 1 })
			midnight := time.Date(eve.Year(), eve.Month(), eve.Day()+1, 0, 0, 0, 0, zone)
			e.stage.tick(midnight.Add(-time.Second))
			e.stage.tick(midnight)
			m, err := c.next(t.Context())
			if err != nil || m.PayloadType != "LIVE" || m.Measures["logins"] != "0" || m.Measures["agentState"] != "READY" {
				t.Fatalf("got %+v, %v", m, err)
			}
			e.stage.tick(midnight.Add(time.Hour))
			e.stage.say(tenant, event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a"}, Presence: event.PresenceBreak})
			if m, err = c.next(t.Context()); err != nil || m.Measures["agentState"] != "NOT_READY" || c.live != 2 {
				t.Errorf("got %+v, %v", m, err)
			}
		})
	}
}

// Clients of all producers that are cut and come back at random, while the simulated centre works as fast as it can, end
// with the floor's own values.
func TestSnapshotAndLiveAreTheFloor(t *testing.T) {
	facts, clients := 15_000, 30
	if testing.Short() {
		facts, clients = 4000, 12
	}
	e := serve(t, measures.Options{Tick: 5 * time.Millisecond, QueueBytes: 48 << 10})
	centre, err := sim.New(sim.Config{Tenant: tenant, Seed: 3, Agents: 60, Start: morning, Load: 1.1, Busy: true})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"Agent", "AgentByQueue", "AgentByChannel", "Queue", "QueueByChannel"}
	subs := map[string]measures.Subscription{}
	for _, name := range names {
		subs[name] = e.subscribe(t, name+"_itd")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range facts {
			item, ok := centre.Next()
			if !ok {
				return
			}
			e.stage.fact(tenant, &item.Meta, item.Fact)
		}
	}()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			name := names[i%len(names)]
			for {
				c := e.connect(t, subs[name])
				for left := rnd.IntN(2000); ; left-- {
					select {
					case <-done:
						c.equals(t, e, name)
						return
					default:
					}
					if left <= 0 {
						break
					}
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					_, err := c.next(ctx)
					late := ctx.Err() != nil // the library closes a connection whose read was given up
					cancel()
					if late {
						break
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
				_ = c.CloseNow()
			}
		})
	}
	wg.Wait()
}

func TestProducersAndDictionaries(t *testing.T) {
	e := serve(t, measures.Options{})
	const base = "/api/analytics/producer-management/v1/accounts/" + account + "/measure-producers"
	token := e.token(t, tenant)
	var list []measures.Producer
	if status := e.ask(t, "GET", base+"?processorType=itd", token, "", &list); status != 200 || len(list) != 5 {
		t.Fatalf("%d %d", status, len(list))
	}
	keys := map[string][]string{"Agent_itd_1.0.0": {"agentId"}, "AgentByQueue_itd_1.0.0": {"agentId,queueId"}, "AgentByChannel_itd_1.0.0": {"agentId,channelId"},
		"Queue_itd_1.0.0": {"queueId", "channelId"}, "QueueByChannel_itd_1.0.0": {"channelId,queueId"}}
	for _, p := range list {
		var got []string
		for _, set := range p.MeasureSets {
			got = append(got, strings.Join(set.Keys, ","))
			if len(set.Measures) < 20 {
				t.Errorf("%s has %d measures", p.ID, len(set.Measures))
			}
			for _, m := range set.Measures {
				if !slices.Contains([]string{"STRING", "NUMBER", "DURATION", "DATE", "TIME_IN_STATE"}, m.Type) || m.DisplayName == "" || m.Description == "" || !m.Active {
					t.Errorf("%s: %+v", p.ID, m)
				}
			}
		}
		if !slices.Equal(got, keys[p.ID]) || p.ProcessorType != "ITD" || p.Version != "1.0.0" {
			t.Errorf("%s is keyed by %v", p.ID, got)
		}
		var one measures.Producer
		if status := e.ask(t, "GET", base+"/"+strings.ToUpper(strings.TrimSuffix(p.ID, "_1.0.0")), token, "", &one); status != 200 || one.ID != p.ID {
			t.Errorf("%d %+v", status, one)
		}
		var locales struct{ Locales []string }
		if e.ask(t, "GET", base+"/"+p.ID+"/locales", token, "", &locales); !slices.Equal(locales.Locales, []string{"en", "fr", "pt", "ko"}) {
			t.Errorf("got %v", locales)
		}
		names := map[string]bool{}
		english := map[string]string{} // descriptions
		for _, locale := range append(locales.Locales, "pt-BR") {
			var d measures.Dictionary
			if status := e.ask(t, "GET", base+"/"+p.ID+"/dictionaries/"+locale, token, "", &d); status != 200 || len(d.Entries) < 20 {
				t.Fatalf("%d %+v", status, d)
			}
			for _, entry := range d.Entries {
				if entry.DisplayName == "" || entry.DisplayName == entry.Name && locale != "en" && strings.ToLower(entry.Name[:1]) == entry.Name[:1] && len(entry.Name) > 12 {
					t.Errorf("%s: %s is not translated", locale, entry.Name)
				}
				if locale == "en" {
					english[entry.Name] = entry.Description
				} else if entry.Description == "" || entry.Description == english[entry.Name] {
					t.Errorf("%s: the description of %s is not translated", locale, entry.Name)
				}
			}
			names[d.Entries[0].DisplayName] = true
		}
		if len(names) < 3 {
			t.Errorf("%s: the dictionaries are alike", p.ID)
		}
	}
	for path, want := range map[string]int{"/nothing": 404, "/Agent_itd_2.0.0": 404, "/Agent_itd/dictionaries/de": 404, "?processorType=CDR": 200, "?processorType=x": 400} {
		if status := e.ask(t, "GET", base+path, token, "", nil); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	if status := e.ask(t, "GET", base, e.token(t, "globex"), "", nil); status != 403 {
		t.Errorf("a foreign token: %d", status)
	}
	if status := e.ask(t, "GET", base, "", "", nil); status != 401 {
		t.Errorf("no token: %d", status)
	}
}

func TestValuesWithStrangeCharacters(t *testing.T) {
	e := serve(t, measures.Options{EventSource: `I"X`})
	name := "A \"quoted\" \\ <name> & é 한 \u2028 \x01"
	e.stage.say(tenant, event.QueueConfigured{Queue: `q"1`, Name: name})
	c := e.connect(t, e.subscribe(t, "Queue_itd"))
	c.until(t, "the snapshot", func() bool { return c.initial == 6 })
	if c.values[`queueId=q"1`]["queueName"] != name {
		t.Errorf("got %q", c.values[`queueId=q"1`]["queueName"])
	}
	raw, err := json.Marshal(c.values)
	if err != nil || len(raw) == 0 {
		t.Error(err)
	}
}
