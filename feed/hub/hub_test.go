package hub_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth/jwt"
	"trunkline/directory"
	"trunkline/event"
	"trunkline/feed/hub"
	"trunkline/feed/hub/tail"
)

// Who may hear of what: agents of themselves and their queues, supervisors of their
// groups as well, administrators of everything; call lists by their queues.
func TestPermissions(t *testing.T) {
	c := open(t, nil)
	list := event.GUID(tenant, "call_list", "list1")
	other := event.GUID(tenant, "call_list", "other")
	const no = "Unauthorized"
	subjects := [][2]string{
		{c.guid(event.EntityUser, "anna"), "UserStatus"}, {c.guid(event.EntityAgent, "a1"), "UserAvailability"}, {c.guid(event.EntityUser, "bert"), "UserStatus"},
		{c.guid(event.EntityAgent, "a3"), "UserStatus"}, {c.guid(event.EntityUser, "ada"), "UserAlert"},
		{c.guid(event.EntityQueue, "q1"), "QueueStatus"}, {c.guid(event.EntityQueue, "q2"), "QueueStatus"}, {list, "CallbackChanged"}, {other, "CallbackChanged"},
	}
	for user, want := range map[string][]string{
		"anna": {"", "", no, no, no, "", no, "", no},
		"bert": {no, no, "", no, no, no, "", no, no},
		"sue":  {"", "", "", no, no, "", "", "", no},
		"ada":  {"", "", "", "", "", "", "", "", ""},
	} {
		got := c.connect(user).subscribe("Subscribe", subjects...)
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%s: %q, want %q", user, got, want)
		}
	}
}

// The order in which an entry is validated, and what is said.
func TestValidation(t *testing.T) {
	c := open(t, func(o *hub.Options) { o.MaxSubscriptions = 3 })
	p := c.connect("anna")
	user, queue, unknown := c.guid(event.EntityUser, "anna"), c.guid(event.EntityQueue, "q1"), "00000000-0000-0000-0000-000000000001"
	for _, tt := range []struct{ entity, event, want string }{
		{"no guid", "no event", "Invalid EntityId"}, {"", "UserStatus", "Invalid EntityId"}, {"aa9730c4-ce86-e61180c900505689257e", "UserStatus", "Invalid EntityId"},
		{"(" + user + "}", "UserStatus", "Invalid EntityId"}, {"aa9730c4ce86e61180c900505689257", "UserStatus", "Invalid EntityId"},
		{unknown, "no event", "Invalid event name"}, {user, "", "Invalid event name"}, {user, "QueueStatus", "Invalid event name"}, {queue, "UserStatus", "Invalid event name"},
		{queue, "CallbackChanged", "Invalid event name"}, {c.guid(event.EntityGroup, "north"), "UserStatus", "Invalid event name"},
		{unknown, "UserStatus", "Unauthorized"}, {unknown, "CallbackChanged", "Unauthorized"},
		{user, "userSTATUS", ""}, {strings.ToUpper(user), "UserTerminalStatusEvent", ""}, {queue, "queuestatus", ""}, {user, "UserStatus", ""},
		{strings.ReplaceAll(user, "-", ""), "UserStatus", ""}, {"{" + user + "}", "UserStatus", ""}, {" (" + strings.ToUpper(user) + ") ", "UserStatus", ""},
		{user, "UserAlert", "Too many subscriptions"},
	} {
		if got := p.subscribe("Subscribe", [2]string{tt.entity, tt.event}); got[0] != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.event, tt.entity, got[0], tt.want)
		}
	}
	active := func() int {
		list, _ := p.invoke("ActiveSubscriptions")
		for _, s := range list.([]any) {
			m := s.(map[string]any)
			if m["id"] == "" || m["entityType"] == "" || m["organizationId"] != organization {
				t.Errorf("%v", m)
			}
		}
		return len(list.([]any))
	}
	if n := active(); n != 3 {
		t.Errorf("%d subscriptions", n)
	}
	if got := p.subscribe("Unsubscribe", [2]string{user, "UserStatus"}, [2]string{user, "UserAlert"}, [2]string{"x", "UserStatus"}); strings.Join(got, ",") != ",,Invalid EntityId" || active() != 2 {
		t.Errorf("%q, %d left", got, active())
	}
	if all, failure := p.invoke("UnsubscribeAll"); all != true || failure != "" || active() != 0 {
		t.Errorf("%v %s, %d left", all, failure, active())
	}
	for _, wrong := range [][]any{{}, {"text"}, {map[string]any{}}, {1}} {
		if _, failure := p.invoke("Subscribe", wrong...); !strings.HasPrefix(failure, "Subscribe takes an array") {
			t.Errorf("%v: %q", wrong, failure)
		}
	}
	// What is no entry, or has members of other types, is refused by itself.
	odd := []any{1, nil, []any{user}, map[string]any{"EntityId": 5, "EventName": "UserStatus"}, map[string]any{"entityid": user, "EVENTNAME": map[string]any{}},
		map[string]any{"EntityId": queue, "EventName": 140}}
	results, failure := p.invoke("Subscribe", odd)
	if want := `[{"entityId":"","eventName":"","message":"Invalid EntityId","subscribed":false},{"entityId":"","eventName":"","message":"Invalid EntityId","subscribed":false},` +
		`{"entityId":"","eventName":"","message":"Invalid EntityId","subscribed":false},{"entityId":"5","eventName":"userstatus","message":"Invalid EntityId","subscribed":false},` +
		`{"entityId":"` + user + `","eventName":"{}","message":"Invalid event name","subscribed":false},{"entityId":"` + queue + `","eventName":"queuestatus","message":null,"subscribed":true}]`; failure != "" || asText(t, results) != want {
		t.Errorf("%s %s", failure, asText(t, results))
	}
	if _, failure := p.invoke("Close"); failure != "Unknown hub method 'Close'." {
		t.Error(failure)
	}
}

// A right that is withdrawn ends the subscription with a notice; a user who is switched
// off is disconnected.
func TestWithdrawnRights(t *testing.T) {
	c := open(t, nil)
	p := c.connect("anna")
	queue := c.guid(event.EntityQueue, "q1")
	if got := p.subscribe("Subscribe", [2]string{queue, "QueueStatus"}, [2]string{c.guid(event.EntityUser, "anna"), "UserStatus"}); got[0]+got[1] != "" {
		t.Fatal(got)
	}
	p.message("QueueStatus", queue)
	if _, err := c.people.PutAgent(t.Context(), tenant, directory.Agent{ID: "a1", Login: "anna@acme", Queues: []event.AgentQueue{{ID: "q2"}}}, nil); err != nil {
		t.Fatal(err)
	}
	m := p.message("SubscriptionEnded", queue)
	if data := m["data"].(map[string]any); data["message"] != "Unauthorized" || data["eventName"] != "QueueStatus" {
		t.Errorf("%v", data)
	}
	if list, _ := p.invoke("ActiveSubscriptions"); len(list.([]any)) != 1 {
		t.Errorf("%v", list)
	}
	if _, _, err := c.people.PutUser(t.Context(), tenant, directory.User{ID: "anna", Login: "anna@acme", Role: directory.RoleAgent, Agent: "a1", Disabled: true}, "test", nil); err != nil {
		t.Fatal(err)
	}
	for p.ended == "" {
		p.next()
	}
	if p.ended != "The user may not connect any more." {
		t.Error(p.ended)
	}
}

// Statuses come at once to who subscribes, when something changes, and no sooner than a
// tick; the growth of a wait is no change.
func TestStatuses(t *testing.T) {
	c := open(t, nil)
	p := c.connect("ada")
	user, queue := c.guid(event.EntityUser, "anna"), c.guid(event.EntityQueue, "q1")
	p.subscribe("Subscribe", [2]string{queue, "QueueStatus"}, [2]string{user, "UserStatus"})
	first := p.message("QueueStatus", queue)["data"].(map[string]any)
	if first["queueName"] != "Sales" || first["nbrOfProviders"] != 1.0 || first["nbrOfQueuingRequesters"] != 0.0 || first["openStatus"] != 5.0 {
		t.Errorf("%v", first)
	}
	if s := p.message("UserStatus", user)["data"].(map[string]any); s["available"] != false || s["availabilityStatus"] != "OffWork" || s["userId"] != user {
		t.Errorf("%v", s)
	}
	wait := func(name, entity string, ok func(map[string]any) bool) map[string]any {
		t.Helper()
		for {
			if data := p.message(name, entity)["data"].(map[string]any); ok(data) {
				return data
			}
		}
	}
	c.say(event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a1"}, Presence: event.PresenceAvailable})
	s := wait("UserStatus", user, func(m map[string]any) bool { return m["available"] == true })
	if s["canBeAllocatedTo"] != true || s["serving"] != true || s["activeQueues"] != 1.0 || s["talking"] != false {
		t.Errorf("%v", s)
	}
	ref := event.Ref{Interaction: "c1", Media: event.MediaPhone}
	c.say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn}, event.InteractionQueued{Ref: ref, Queue: "q1"})
	wait("QueueStatus", queue, func(m map[string]any) bool {
		return m["nbrOfQueuingRequesters"] == 1.0 && m["nbrOfNotServedRequesters"] == 1.0 && m["nbrOfAgentsImmediatelyFree"] == 1.0
	})
	c.say(event.InteractionOffered{Ref: ref, Agent: "a1", Queue: "q1"})
	s = wait("UserStatus", user, func(m map[string]any) bool { return m["talking"] == true })
	if s["activeQueueId"] != queue || s["canBeAllocatedTo"] != false || s["talkingStatusChanged"] == nil {
		t.Errorf("%v", s)
	}
	c.say(event.InteractionAccepted{Ref: ref, Agent: "a1", Queue: "q1"})
	wait("QueueStatus", queue, func(m map[string]any) bool {
		return m["nbrOfConnected"] == 1.0 && m["nbrOfNotServedRequesters"] == 0.0 && m["nbrOfRequesters"] == 1.0 && m["nbrOfAgentsShortTermAway"] == 1.0
	})
	c.say(event.AgentModeChanged{AgentRef: event.AgentRef{Agent: "a1"}, Fetch: true, Serving: true})
	wait("QueueStatus", queue, func(m map[string]any) bool { return m["nbrOfAgentsOnFetchMode"] == 1.0 })
	wait("UserStatus", user, func(m map[string]any) bool { return m["fetchMode"] == true })
	c.say(event.InteractionReleased{Ref: ref, Agent: "a1", Queue: "q1"}, event.InteractionWrapupStarted{Ref: ref, Agent: "a1", Queue: "q1", LimitMS: 30000})
	s = wait("UserStatus", user, func(m map[string]any) bool { return m["wrapUpEnd"] != nil })
	if s["wrapUpStart"] == nil || s["talking"] != false {
		t.Errorf("%v", s)
	}
}

func TestTokens(t *testing.T) {
	c := open(t, nil)
	anna := c.guid(event.EntityUser, "anna")
	for _, tt := range []struct {
		user, secret, path string
		want               int
	}{
		{"anna", c.secrets["anna"], "/token/me/rte/", 200}, {"anna@acme", c.secrets["anna"], "/token/me/rte", 200}, {anna, c.secrets["anna"], "/token/" + anna + "/rte/", 200},
		{"anna", c.secrets["anna"], "/token/anna/rte/", 200}, {"anna", c.secrets["anna"], "/token/bert/rte/", 403}, {"anna", c.secrets["bert"], "/token/me/rte/", 401},
		{"nobody", "x", "/token/me/rte/", 401}, {"", "", "/token/me/rte/", 401},
	} {
		status, e, body := c.endpoint(tt.user, tt.secret, tt.path)
		if status != tt.want {
			t.Errorf("%+v: %d %s", tt, status, body)
		}
		if status == 200 && (e.WSSEndpoint != c.url+"/rte" || e.WssEndpoint != strings.Replace(c.url, "http", "ws", 1)+"/rte" || e.Token == "") {
			t.Errorf("%+v", e)
		}
	}
	_, e, _ := c.endpoint("anna", c.secrets["anna"], "/token/me/rte/")
	dial := func(token string) int {
		conn, resp, err := websocket.Dial(t.Context(), e.WssEndpoint+"?access_token="+token, nil)
		if err == nil {
			_ = conn.CloseNow()
			return 101
		}
		if resp == nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	sign := func(claims jwt.Claims) string {
		text, err := c.keys.Sign(context.Background(), claims)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	soon := time.Now().Add(time.Minute)
	parts := strings.Split(e.Token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	_, stranger, _ := ed25519.GenerateKey(nil)
	forged := parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(stranger, []byte(parts[0]+"."+parts[1])))
	for name, tt := range map[string]struct {
		token string
		want  int
	}{
		"good":              {e.Token, 101},
		"none":              {"", 401},
		"nonsense":          {"a.b.c", 401},
		"alg none":          {none, 401},
		"forged":            {forged, 401},
		"another audience":  {sign(jwt.Claims{Audience: "trunkline-measures", Tenant: tenant, Subject: "anna", Expires: soon}), 401},
		"another tenant":    {sign(jwt.Claims{Audience: hub.Audience, Tenant: "other", Subject: "anna", Expires: soon}), 401},
		"no such user":      {sign(jwt.Claims{Audience: hub.Audience, Tenant: tenant, Subject: "nobody", Expires: soon}), 401},
		"signed by ourself": {sign(jwt.Claims{Audience: hub.Audience, Tenant: tenant, Subject: "anna", Expires: soon}), 101},
	} {
		if got := dial(tt.token); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	c.ahead.Store(int64(time.Hour))
	if got := dial(e.Token); got != 401 {
		t.Errorf("expired: %d", got)
	}
	c.ahead.Store(0)
	// The one who connects is the one who negotiated.
	resp, err := http.Post(e.WSSEndpoint+"/negotiate?negotiateVersion=1&access_token="+e.Token, "", nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	// A token, which browsers send in the address, is not good for another one.
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/token/me/rte/", nil)
	req.Header.Set("Authorization", "Bearer "+e.Token)
	if resp, err = http.DefaultClient.Do(req); err != nil || resp.StatusCode != 401 {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// The sample client subscribes to all that there is, and comes back when it is cut.
func TestSampleClient(t *testing.T) {
	c := open(t, nil)
	user := c.guid(event.EntityUser, "anna")
	var out strings.Builder
	done := make(chan error, 1)
	var res tail.Result
	go func() {
		var err error
		res, err = tail.Run(t.Context(), tail.Options{URL: c.url, User: "anna", Secret: c.secrets["anna"], Out: &out, Count: 3, Patience: time.Minute,
			Subscriptions: []tail.Subscription{{EntityID: user, EventName: "*"}}})
		done <- err
	}()
	for i := 0; ; i++ {
		presence := []event.Presence{event.PresenceAvailable, event.PresenceBreak}[i%2]
		c.say(event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a1"}, Presence: presence})
		select {
		case err := <-done:
			if err != nil || res.Messages != 3 || res.Subscribed != 34 || strings.Count(out.String(), "\n") != 3 {
				t.Errorf("%+v, %v: %s", res, err, out.String())
			}
		case <-time.After(50 * time.Millisecond):
			continue
		}
		break
	}
	_, err := tail.Run(t.Context(), tail.Options{URL: c.url, User: "anna", Secret: "wrong", Subscriptions: []tail.Subscription{{EntityID: user, EventName: "UserStatus"}}})
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
