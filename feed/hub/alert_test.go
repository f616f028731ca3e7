package hub_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/event"
	"trunkline/feed/hub"
)

// A condition fires once when it begins to hold, and is told to whom it is for.
func TestAlerts(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	for _, wrong := range []hub.Alert{
		{ID: "", Agents: []string{"a1"}, Expression: "waiting > 1"}, {ID: "x", Expression: "waiting > 1"}, {ID: "x", Agents: []string{"a1"}, Expression: "nothing > 1"},
		{ID: "x", Agents: []string{"a1"}, Expression: "longest_wait"}, {ID: "x", Agents: []string{"a1"}, Expression: "longest_wait > "}, {ID: "x", Agents: []string{"a1"}, Expression: "longest_wait > 1.0", Value: "nothing"},
	} {
		if err := hub.CheckAlert(wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
	for _, right := range []string{"longest_wait > 120", "contactsQueueing >= 3 && longest_wait > 60.5"} {
		if err := hub.CheckAlert(hub.Alert{ID: "x", Agents: []string{"a1"}, Expression: right}); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
	alerts, err := hub.NewAlerts(c.log, c.state, control.NewMemory(), []hub.Alert{
		{ID: "full", Tenant: tenant, Agents: []string{"a1"}, Name: "Somebody waits", Expression: "contactsQueueing > 1.0"},
		{ID: "other", Tenant: tenant, Agents: []string{"a1"}, Queues: []string{"q2"}, Expression: "contactsQueueing > 0.0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer alerts.Close()
	p := c.connect("anna")
	user := c.guid(event.EntityUser, "anna")
	p.subscribe("Subscribe", [2]string{user, "UserAlert"})
	wait := func(n string) event.Ref {
		ref := event.Ref{Interaction: n, Media: event.MediaPhone}
		c.say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn}, event.InteractionQueued{Ref: ref, Queue: "q1"})
		return ref
	}
	wait("c1")
	second := wait("c2")
	data := p.message("UserAlert", user)["data"].(map[string]any)
	if data["conditionName"] != "Somebody waits" || data["conditionExpression"] != "contactsQueueing > 1.0" || data["conditionValue"] != "1.0" || data["value"] != "2" {
		t.Errorf("%v", data)
	}
	c.say(event.InteractionDequeued{Ref: second, Queue: "q1", Reason: event.DequeueAbandoned})
	// It ceases to hold and begins to again, until a look has seen both.
	again := make(chan map[string]any)
	go func() { again <- p.message("UserAlert", user)["data"].(map[string]any) }()
	for i := 3; i < 30; i++ {
		time.Sleep(1500 * time.Millisecond) // a look or two
		ref := wait(fmt.Sprint("c", i))
		select {
		case more := <-again:
			if more["id"] == data["id"] {
				t.Errorf("%v", more)
			}
		case <-time.After(1500 * time.Millisecond):
			c.say(event.InteractionDequeued{Ref: ref, Queue: "q1", Reason: event.DequeueAbandoned})
			continue
		}
		return
	}
	t.Error("it fired once only")
}

// flaky is a bucket of which a few requests fail.
type flaky struct {
	control.KV
	left int // requests that fail; they come one after the other
}

var errFlaky = errors.New("the bucket is away")

func (f *flaky) Get(ctx context.Context, key string) (control.Entry, error) {
	if f.left--; f.left >= 0 {
		return control.Entry{}, errFlaky
	}
	return f.KV.Get(ctx, key)
}

func (f *flaky) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	if f.left--; f.left >= 0 {
		return 0, errFlaky
	}
	return f.KV.Put(ctx, key, value)
}

// What holds when a server stops is not told again by the next one, unless it is another
// condition by then.
func TestAlertsAreNotToldAgainAfterARestart(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p := c.connect("anna")
	user := c.guid(event.EntityUser, "anna")
	p.subscribe("Subscribe", [2]string{user, "UserAlert"})
	for i := range 2 {
		ref := event.Ref{Interaction: fmt.Sprint("c", i), Media: event.MediaPhone}
		c.say(event.InteractionCreated{Ref: ref, Direction: event.DirectionIn}, event.InteractionQueued{Ref: ref, Queue: "q1"})
	}
	store := &flaky{KV: control.NewMemory()}
	run := func(fails int, list ...hub.Alert) {
		t.Helper()
		store.left = fails
		alerts, err := hub.NewAlerts(c.log, c.state, store, list)
		if err != nil {
			t.Fatal(err)
		}
		name := list[len(list)-1].Name // what those before it have to tell comes in front
		if data := p.message("UserAlert", user)["data"].(map[string]any); data["conditionName"] != name {
			t.Errorf("%v is told in place of %s", data["conditionName"], name)
		}
		alerts.Close()
	}
	alert := func(name, expression string) hub.Alert {
		return hub.Alert{ID: name, Tenant: tenant, Agents: []string{"a1"}, Queues: []string{"q1"}, Name: name, Expression: expression}
	}
	run(0, alert("full", "contactsQueueing > 1.0"))
	run(1, alert("full", "contactsQueueing > 1.0"), alert("second", "contactsQueueing > 0.0"))
	run(0, alert("second", "contactsQueueing > 0.0"), alert("full", "contactsQueueing >= 2.0"))
	if _, err := store.Put(t.Context(), tenant, []byte("nonsense")); err != nil {
		t.Fatal(err)
	}
	run(0, alert("full", "contactsQueueing >= 2.0")) // better twice than never
}
