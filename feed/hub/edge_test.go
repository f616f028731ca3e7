package hub_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/directory"
	"trunkline/event"
	"trunkline/feed/hub"
	"trunkline/feed/hub/tail"
)

// Pages of the hosts that are named may ask for a token as they may connect; others may
// not, and the browser is told so before it sends a secret.
func TestPagesOfOtherHosts(t *testing.T) {
	c := open(t, func(o *hub.Options) { o.SignalR.Origins = []string{"https://wallboard.example.com"} })
	for _, tt := range []struct {
		method, origin, allowed string
		want                    int
	}{
		{"GET", "", "", 200}, {"GET", "https://wallboard.example.com", "https://wallboard.example.com", 200}, {"GET", "https://evil.example.com", "", 403},
		{"OPTIONS", "https://wallboard.example.com", "https://wallboard.example.com", 204}, {"OPTIONS", "https://evil.example.com", "", 204},
	} {
		for _, path := range []string{"/token/me/rte", "/token/me/rte/"} {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, c.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", tt.origin)
			if tt.method == "GET" {
				req.SetBasicAuth("anna", c.secrets["anna"])
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != tt.want || got != tt.allowed {
				t.Errorf("%s %s from %q: %d, %q allowed", tt.method, path, tt.origin, resp.StatusCode, got)
			}
		}
	}
}

// What happens after the answer to Subscribe is heard, also by the first one who comes.
func TestNothingIsMissedAfterTheAnswer(t *testing.T) {
	c := open(t, nil)
	user := c.guid(event.EntityUser, "anna")
	for range 20 {
		p := c.connect("anna") // the only one: its tenant's room has just been made
		if got := p.subscribe("Subscribe", [2]string{user, "UserSetting"}); got[0] != "" {
			t.Fatal(got)
		}
		c.say(event.AgentSettingChanged{AgentRef: event.AgentRef{Agent: "a1"}, Keyword: "k", Value: "v"})
		if data := p.message("UserSetting", user)["data"].(map[string]any); data["keyword"] != "k" {
			t.Errorf("%v", data)
		}
		_ = p.conn.CloseNow()
		until(t, func() bool { return c.feed.Stats().Rooms == 0 })
	}
}

// A user who is no agent has a status as well: nobody starts blind.
func TestTheStatusOfOneWhoIsNoAgent(t *testing.T) {
	c := open(t, nil)
	p := c.connect("ada")
	user := c.guid(event.EntityUser, "ada")
	p.subscribe("Subscribe", [2]string{user, "UserStatus"})
	data := p.message("UserStatus", user)["data"].(map[string]any)
	if data["userId"] != user || data["availabilityStatus"] != "OffWork" || data["canBeAllocatedTo"] != false || data["serving"] != false {
		t.Errorf("%v", data)
	}
}

// The sample client comes back by itself, with a new token, and subscribes again.
func TestTheSampleClientComesBack(t *testing.T) {
	c := open(t, func(o *hub.Options) { o.SignalR.ClientTimeout = 200 * time.Millisecond }) // it pings less often than that
	var out strings.Builder
	res, err := tail.Run(t.Context(), tail.Options{URL: c.url, User: "anna", Secret: c.secrets["anna"], Out: &out, Count: 3, Patience: time.Minute,
		Subscriptions: []tail.Subscription{{EntityID: c.guid(event.EntityQueue, "q1"), EventName: "QueueStatus"}}})
	if err != nil || res.Messages != 3 || res.Reconnects < 1 || strings.Count(out.String(), `"queueName":"Sales"`) != 3 {
		t.Errorf("%+v, %v: %s", res, err, out.String())
	}
}

// Who has subscribed to a call list because of a callback in it goes on to hear of it when
// that is closed, also when rights are looked at.
func TestACallListOutlivesItsCallbacks(t *testing.T) {
	c := open(t, nil)
	list := event.GUID(tenant, "call_list", "late")
	p := c.connect("anna")
	if got := p.subscribe("Subscribe", [2]string{list, "CallbackChanged"}); got[0] != "Unauthorized" {
		t.Fatal(got)
	}
	change := func(what event.CallbackChange, id string) {
		c.say(event.CallbackChanged{Callback: id, Change: what, List: "late", Queue: "q1"})
	}
	change(event.CallbackCreated, "cb1")
	until(t, func() bool { return p.subscribe("Subscribe", [2]string{list, "CallbackChanged"})[0] == "" })
	change(event.CallbackClosed, "cb1")
	for closed := false; !closed; { // the first one may have come so late
		closed = p.message("CallbackChanged", list)["data"].(map[string]any)["isClosed"].(bool)
	}
	queue := c.guid(event.EntityQueue, "q1")
	if got := p.subscribe("Subscribe", [2]string{queue, "QueueStatus"}); got[0] != "" {
		t.Fatal(got)
	}
	c.say(event.CallbackChanged{Callback: "cb2", Change: event.CallbackCreated, List: "late", Queue: "q2"})
	if m := p.message("CallbackChanged", list)["data"].(map[string]any); m["created"] != true {
		t.Errorf("%v", m)
	}
	// Rights are looked at, and those to the queue go; with them those to the list, but for
	// the other queue, of which she is now.
	if _, err := c.people.PutAgent(t.Context(), tenant, directory.Agent{ID: "a1", Login: "anna@acme", Queues: []event.AgentQueue{{ID: "q2"}}}, nil); err != nil {
		t.Fatal(err)
	}
	p.message("SubscriptionEnded", queue)
	if active, _ := p.invoke("ActiveSubscriptions"); len(active.([]any)) != 1 {
		t.Errorf("%v", active)
	}
}

// Clients are told how the hub is reached from where they are.
func TestTheAddressInTheAnswer(t *testing.T) {
	c := open(t, func(o *hub.Options) { o.PublicURL = "https://hub.example.com/cc/" })
	if _, e, _ := c.endpoint("anna", c.secrets["anna"], "/token/me/rte/"); e.WSSEndpoint != "https://hub.example.com/cc/rte" || e.WssEndpoint != "wss://hub.example.com/cc/rte" {
		t.Errorf("%+v", e)
	}
	c = open(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/token/me/rte/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("anna", c.secrets["anna"])
	req.Header.Set("X-Forwarded-Proto", "https") // nobody said that we come from a proxy
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var e hub.Endpoint
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || e.WSSEndpoint != c.url+"/rte" {
		t.Errorf("%+v %v", e, err)
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
}
