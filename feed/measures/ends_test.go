package measures_test

import (
	"context"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/feed/measures"
)

func TestPings(t *testing.T) {
	t.Parallel() // it waits for time to pass
	e := serve(t, measures.Options{PingInterval: 4 * time.Second})
	sub := e.subscribe(t, "Agent_itd")
	silent, texts, control := e.connect(t, sub), e.connect(t, e.subscribe(t, "Agent_itd")), e.connect(t, e.subscribe(t, "Agent_itd"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond)
			_ = texts.Write(ctx, websocket.MessageText, []byte("ping"))
		}
	}()
	controlRead := control.CloseRead(ctx)
	go func() {
		for ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond)
			_ = control.Ping(ctx)
		}
	}()
	if code := silent.closed(t); code != 4563 {
		t.Errorf("closed with %d", code)
	}
	for range 5 {
		if _, raw, err := texts.Read(ctx); err != nil || string(raw) != "pong" {
			t.Fatalf("got %s, %v", raw, err)
		}
	}
	if controlRead.Err() != nil {
		t.Error("a client that pings was closed")
	}
	var s measures.Subscription
	deadline := time.Now().Add(30 * time.Second)
	for s.Status != "INACTIVE" && time.Now().Before(deadline) {
		e.ask(t, "GET", subscriptions+"/"+sub.ID, e.token(t, tenant), "", &s)
	}
	if s.Status != "INACTIVE" {
		t.Errorf("got %+v", s)
	}
	// Renewing revives it.
	if status := e.ask(t, "POST", subscriptions+"/"+sub.ID+":renew", e.token(t, tenant), "", &s); status != 200 || s.Status != "ACTIVE" {
		t.Errorf("got %d %+v", status, s)
	}
	e.connect(t, sub)
}

// A connection that was closed for its silence, and lingers because its client does not read, leaves the renewed subscription alone.
func TestRenewingBehindAClientThatIsGone(t *testing.T) {
	t.Parallel() // it waits for time to pass
	e := serve(t, measures.Options{PingInterval: time.Second})
	sub := e.subscribe(t, "Agent_itd")
	e.connect(t, sub)
	token, path := e.token(t, tenant), subscriptions+"/"+sub.ID
	var s measures.Subscription
	for end := time.Now().Add(time.Minute); s.Status != "INACTIVE"; time.Sleep(5 * time.Millisecond) {
		if e.ask(t, "GET", path, token, "", &s); time.Now().After(end) {
			t.Fatalf("got %+v", s)
		}
	}
	e.ask(t, "POST", path+":renew", token, "", nil)
	for range 20 { // several looks at the connections
		if e.ask(t, "GET", path, token, "", &s); s.Status != "ACTIVE" {
			t.Fatalf("got %+v", s)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestWhatEndsAConnection(t *testing.T) {
	t.Parallel() // it waits for time to pass
	e := serve(t, measures.Options{PingInterval: time.Hour})
	patched, deleted, expired, renewed := e.subscribe(t, "Agent_itd"), e.subscribe(t, "Agent_itd"), e.subscribe(t, "Agent_itd"), e.subscribe(t, "Agent_itd")
	a, b, c, d := e.connect(t, patched), e.connect(t, deleted), e.connect(t, expired), e.connect(t, renewed)
	token := e.token(t, tenant)
	if status := e.ask(t, "PATCH", subscriptions+"/"+patched.ID, token, `{"extensions":{"measureProducerId":"Queue_itd"}}`, nil); status != 200 {
		t.Fatal(status)
	}
	if code := a.closed(t); code != 4060 {
		t.Errorf("patched: %d", code)
	}
	if status := e.ask(t, "DELETE", subscriptions+"/"+deleted.ID, token, "", nil); status != 204 {
		t.Fatal(status)
	}
	if code := b.closed(t); code != 4562 {
		t.Errorf("deleted: %d", code)
	}
	e.forward(14 * time.Minute)
	if status := e.ask(t, "POST", subscriptions+"/"+renewed.ID+":renew", e.token(t, tenant), `{"transport":{"authToken":"x"}}`, nil); status != 200 {
		t.Fatal(status)
	}
	e.forward(2 * time.Minute)
	if code := c.closed(t); code != 4562 {
		t.Errorf("expired: %d", code)
	}
	e.stage.say(tenant, agentFacts("a", "a", "a")...)
	d.equals(t, e, "Agent") // lives on
	if err := d.Write(t.Context(), websocket.MessageText, []byte(`{"event":"authentication"}`)); err != nil {
		t.Fatal(err)
	}
	if code := d.closed(t); code != 1008 {
		t.Errorf("a second authentication: %d", code)
	}
}
