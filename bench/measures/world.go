//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"trunkline/auth/jwt"
	"trunkline/bench/crowd"
	"trunkline/control"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/feed/measures"
	"trunkline/floor"
	"trunkline/floor/follow"
)

const (
	tenant   = "acmecorp01"
	account  = "EZCLTR"
	audience = "bench"
)

// wanted are the measures of each key; a change of status moves nearly all of them.
var wanted = []string{"agentState", "timeInState", "presence", "reasonCodeName", "idleTimeDuration", "notReadyDuration", "timeIdle", "timeNotReady", "agentLogonDuration", "userStatus"}

// world is the feed on a real log and floor.
type world struct {
	log   *eventlog.Log
	state *follow.Floor
	feed  *measures.Feed
	web   *httptest.Server
	token string
	keys  int
	next  int
	stop  []func()
}

func (w *world) close() {
	for i := len(w.stop) - 1; i >= 0; i-- {
		w.stop[i]()
	}
}

// open makes a world with so many keys, in which so many bytes may wait for a client.
func open(keys, queue int) (*world, error) {
	w := &world{keys: keys}
	dir, err := os.MkdirTemp(".", ".bench-data-")
	if err != nil {
		return w, err
	}
	w.stop = append(w.stop, func() { _ = os.RemoveAll(dir) })
	ctx := context.Background()
	w.log, err = eventlog.Open(ctx, eventlog.Config{Dir: dir, Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		return w, err
	}
	w.stop = append(w.stop, func() { _ = w.log.Close(ctx) })
	if err := w.log.WaitWritable(ctx); err != nil {
		return w, err
	}
	w.state = follow.New(w.log, floor.Options{})
	w.stop = append(w.stop, w.state.Close)
	signing, err := jwt.OpenKeys(ctx, control.NewMemory(), jwt.Options{})
	if err != nil {
		return w, err
	}
	if w.token, err = signing.Sign(ctx, jwt.Claims{Audience: audience, Tenant: tenant, Subject: "bench", Expires: time.Now().Add(time.Hour)}); err != nil {
		return w, err
	}
	w.feed, err = measures.New(ctx, measures.Options{State: w.state, Tokens: signing, Audience: audience, PingInterval: time.Hour, QueueBytes: queue,
		Tenant: func(string) (string, bool) { return tenant, true }, Account: func(string) string { return account }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return w, err
	}
	w.stop = append(w.stop, func() { _ = w.feed.Close(ctx) })
	mux := http.NewServeMux()
	for _, r := range w.feed.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	w.web = httptest.NewServer(mux)
	w.stop = append(w.stop, w.web.Close)
	for n := 0; n < keys; n += 500 {
		var facts []event.Fact
		for i := n; i < min(n+500, keys); i++ {
			facts = append(facts, event.AgentProvisioned{AgentRef: event.AgentRef{Agent: "a" + strconv.Itoa(i)}, Change: event.ProvisionCreated,
				Login: strconv.Itoa(i) + "@example.com", DisplayName: "Agent " + strconv.Itoa(i)})
		}
		if err := w.append(facts); err != nil {
			return w, err
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		there := 0
		err := w.state.View(tenant, func(v follow.View) {
			if v.Tenant != nil {
				there = len(v.Tenant.Agents())
			}
		})
		if err == nil && there == keys {
			return w, nil
		}
		if time.Now().After(end) {
			return w, fmt.Errorf("the floor has %d of %d agents: %v", there, keys, err)
		}
	}
}

func (w *world) append(facts []event.Fact) error {
	events := make([]event.Event, 0, len(facts))
	for _, f := range facts {
		w.next++
		e, err := event.Encode(event.Meta{ID: strconv.Itoa(w.next), Source: "/bench", Tenant: tenant, Time: time.Now()}, f)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	_, err := w.log.Append(context.Background(), tenant, events)
	return err
}

// play lets every agent change once a second, a few every ten milliseconds.
func (w *world) play(turn time.Duration) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began, done := time.Now(), 0
	for time.Since(began) < turn {
		<-tick.C
		due := int(time.Since(began).Seconds() * float64(w.keys))
		var facts []event.Fact
		for ; done < due; done++ {
			f := event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a" + strconv.Itoa(done%w.keys)}, Presence: event.PresenceAvailable}
			if done/w.keys%2 == 1 {
				f.Presence, f.Reason = event.PresenceBreak, &event.StatusReason{Name: "Lunch"}
			}
			facts = append(facts, f)
		}
		if len(facts) > 0 {
			if err := w.append(facts); err != nil {
				return err
			}
		}
	}
	return nil
}

// subscribe makes a subscription and gives the bytes with which a client begins.
func (w *world) subscribe(extensions string) (hello []byte, err error) {
	body := `{"family":"ANALYTICS","events":["ALL"],"transport":{"type":"WEBSOCKET"},"extensions":{"measureProducerId":"Agent_itd"` + extensions + `}}`
	req, err := http.NewRequest(http.MethodPost, w.web.URL+"/api/notification/v1/accounts/"+account+"/subscriptions", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	_, rest, found := bytes.Cut(answer, []byte(`"subscriptionId":"`))
	if err != nil || !found {
		return nil, fmt.Errorf("subscribe: %s %s: %v", resp.Status, answer, err)
	}
	msg := `{"event":"authentication","subscriptionId":"` + string(rest[:36]) + `","token":"` + w.token + `"}`
	hello = binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(msg)))
	return append(append(hello, 0, 0, 0, 0), msg...), nil // the mask is of zeros
}

// path is where clients of the feed connect.
const path = "/ws/notification"

// snapshot times a snapshot for one client.
func (w *world) snapshot(keys int) (time.Duration, int, error) {
	hello, err := w.subscribe(`,"initializedMarker":"true"`)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	conn, r, err := crowd.Dial(new(net.Dialer), w.web.Listener.Addr().String(), path, hello, 256<<10)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	total, got := 0, 0
	for {
		size, err := crowd.Head(r)
		if err != nil {
			return 0, 0, err
		}
		head, err := r.Peek(min(size, 24))
		if err != nil {
			return 0, 0, err
		}
		if bytes.Contains(head, []byte(`"initialized"`)) {
			break
		}
		if bytes.HasPrefix(head, []byte(`{"accountId"`)) {
			got++
		}
		total += size
		if _, err := r.Discard(size); err != nil {
			return 0, 0, err
		}
	}
	took := time.Since(began)
	if got != keys {
		return 0, 0, fmt.Errorf("the snapshot has %d keys, not %d", got, keys)
	}
	return took, total, nil
}
