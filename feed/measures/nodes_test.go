package measures_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"trunkline/control"
	"trunkline/feed/measures"
)

// lateKV is a bucket as another node sees it that has not heard yet of what was written. broken: it cannot be read.
type lateKV struct {
	control.KV
	broken atomic.Bool
}

func (k *lateKV) Watch(ctx context.Context, _ func(control.Entry), ready func()) error {
	ready()
	<-ctx.Done()
	return ctx.Err()
}

func (k *lateKV) Get(ctx context.Context, key string) (control.Entry, error) {
	if k.broken.Load() {
		return control.Entry{}, errors.New("no leader")
	}
	return k.KV.Get(ctx, key)
}

// A subscription is good at every node as soon as its client has the answer.
func TestASubscriptionThatAnotherNodeHasJustMade(t *testing.T) {
	kv := &lateKV{KV: control.NewMemory()}
	one, other := serve(t, measures.Options{Subscriptions: kv.KV}), serve(t, measures.Options{Subscriptions: kv})
	token := other.token(t, tenant)
	other.connect(t, one.subscribe(t, "Agent_itd"))
	for _, tc := range []struct {
		method, more, body string
		want               int
	}{
		{"GET", "", "", 200}, {"PATCH", "", `{"events":["ALL"]}`, 200}, {"POST", ":renew", "", 200}, {"DELETE", "", "", 204},
	} {
		sub := one.subscribe(t, "Agent_itd")
		if status := other.ask(t, tc.method, subscriptions+"/"+sub.ID+tc.more, token, tc.body, nil); status != tc.want {
			t.Errorf("%s: %d, want %d", tc.method, status, tc.want)
		}
	}
	deleted := one.subscribe(t, "Agent_itd")
	if status := other.ask(t, "GET", subscriptions+"/"+deleted.ID, token, "", nil); status != 200 {
		t.Fatal(status)
	}
	for _, want := range []int{204, 404} {
		if status := other.ask(t, "DELETE", subscriptions+"/"+deleted.ID, token, "", nil); status != want {
			t.Errorf("%d, want %d", status, want)
		}
	}
	if status := other.ask(t, "GET", subscriptions+"/"+deleted.ID, token, "", nil); status != 404 {
		t.Errorf("what was deleted is there: %d", status)
	}
	// What cannot be read is not said to be unknown: a client would give it up.
	sub := one.subscribe(t, "Agent_itd")
	kv.broken.Store(true)
	if status := other.ask(t, "GET", subscriptions+"/"+sub.ID, token, "", nil); status != 503 {
		t.Errorf("got %d", status)
	}
	c := other.dial(t, "/ws/notification")
	if status := c.authenticate(t, `{"subscriptionId":"`+sub.ID+`","token":"`+token+`"}`); status != "CONNECTION_FAILED_INTERNAL_SERVER_ERROR" || c.closed(t) != 1011 {
		t.Errorf("got %s", status)
	}
}
