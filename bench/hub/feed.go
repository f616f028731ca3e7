//go:build linux

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"trunkline/auth/jwt"
	"trunkline/bench/crowd"
	"trunkline/control"
	"trunkline/directory"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/feed/hub"
	"trunkline/feed/hub/signalr"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/sim"
)

const tenant = "acmecorp01"

// centre is a hub on a real log, floor and directory, with a simulated contact centre.
type centre struct {
	log   *eventlog.Log
	state *follow.Floor
	feed  *hub.Feed
	sim   *sim.Sim
	token string
	addr  string
	users []string // GUIDs
	lines []string
	stop  []func()
}

// spare is how many files this process may come to open beside those it has open and its
// connections.
const spare = 16

// feed measures the whole hub: many clients, each of which has subscribed to a user and two
// queues, under the simulator.
func feed(o options) (err error) {
	c, err := open(o.agents)
	defer func() {
		for i := len(c.stop) - 1; i >= 0; i-- {
			c.stop[i]()
		}
	}()
	if err != nil {
		return err
	}
	conns := o.audience
	if room := crowd.FileRoom() - spare; room < conns {
		fmt.Printf("# this process may open %d files more: %d clients in place of %d; a limit of open files of %d would do\n", room+spare, room, conns, crowd.FileLimit()+conns-room)
		conns = room
	}
	runtime.GC()
	debug.FreeOSMemory()
	before := crowd.RSS()
	a, err := audience(plan{Addr: c.addr, Token: c.token, Conns: conns, Users: c.users, Queues: c.lines})
	if err != nil {
		return err
	}
	defer a.Stop()
	runtime.GC()
	debug.FreeOSMemory()
	fmt.Printf("%-24s %.2f KB RSS per connection of %d with %d subscriptions each\n", "feed, idle", float64(crowd.RSS()-before)/1e3/float64(conns), conns, len(userEvents)+2)
	if _, err := a.take(); err != nil { // the statuses at subscribing are not of the run
		return err
	}
	sent, used, start := c.feed.Stats().Sent, crowd.CPU(), time.Now()
	events, err := c.play(o.rate, o.turn)
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // the last tick
	elapsed, cost := time.Since(start), crowd.CPU()-used
	r, err := a.take()
	if err != nil {
		return err
	}
	queued := int64(c.feed.Stats().Sent - sent)
	if got := r.Transitions.Count + r.Statuses.Count; got > queued || got < queued*99/100 { // a status may be replaced while it waits
		return fmt.Errorf("%d messages were queued, %d have come", queued, got)
	}
	report("feed", queued, elapsed, cost, fmt.Sprintf("%d events at %d/s", events, o.rate))
	fmt.Printf("%-24s from append to client %s; statuses, from their making to the client, %s\n", "feed, latency", r.Transitions, r.Statuses)
	return nil
}

// open starts everything, and lets the centre begin its day.
func open(agents int) (*centre, error) {
	c := &centre{}
	dir, err := os.MkdirTemp("", "trunkline-bench-")
	if err != nil {
		return c, err
	}
	c.stop = append(c.stop, func() { _ = os.RemoveAll(dir) })
	ctx := context.Background()
	c.log, err = eventlog.Open(ctx, eventlog.Config{Dir: dir, Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		return c, err
	}
	c.stop = append(c.stop, func() { _ = c.log.Close(ctx) })
	if err := c.log.WaitWritable(ctx); err != nil {
		return c, err
	}
	c.state = follow.New(c.log, floor.Options{})
	c.stop = append(c.stop, c.state.Close)
	c.sim, err = sim.New(sim.Config{Tenant: tenant, Seed: 1, Agents: agents, Start: time.Now().Add(-time.Hour).Truncate(time.Millisecond), Load: 1, Busy: true})
	if err != nil {
		return c, err
	}
	if _, err := c.append(20 * agents); err != nil { // everybody comes to work
		return c, err
	}
	people, err := directory.OpenRegistry(ctx, control.NewMemory(), c.state, c.log, nil)
	if err != nil {
		return c, err
	}
	c.stop = append(c.stop, people.Close)
	if _, _, err := people.PutUser(ctx, tenant, directory.User{ID: "admin", Role: directory.RoleAdmin}, "bench", nil); err != nil {
		return c, err
	}
	keys, err := jwt.OpenKeys(ctx, control.NewMemory(), jwt.Options{})
	if err != nil {
		return c, err
	}
	if c.token, err = keys.Sign(ctx, jwt.Claims{Audience: hub.Audience, Tenant: tenant, Subject: "admin", Expires: time.Now().Add(time.Hour)}); err != nil {
		return c, err
	}
	if c.feed, err = hub.New(hub.Options{Log: c.log, State: c.state, People: people, Keys: keys, Logger: slog.New(slog.DiscardHandler),
		Organization: func(id string) string { return event.GUID(id, "organization", id) },
		SignalR:      signalr.Options{ClientTimeout: time.Hour, MaxConns: 1 << 20}}); err != nil { // the clients send no pings
		return c, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return c, fmt.Errorf("listening: %w", err)
	}
	mux := http.NewServeMux()
	for _, r := range c.feed.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := &http.Server{Handler: mux}
	go func() { _ = srv.Serve(ln) }()
	c.addr = ln.Addr().String()
	c.stop = append(c.stop, func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_ = c.feed.Close(ctx)
		_ = srv.Close()
	})
	for _, p := range c.sim.People() {
		if p.Role == directory.RoleAgent {
			c.users = append(c.users, people.GUID(tenant, directory.Ref{Kind: event.EntityAgent, ID: p.ID}))
		}
	}
	for _, l := range c.sim.Lines() {
		c.lines = append(c.lines, people.GUID(tenant, directory.Ref{Kind: event.EntityQueue, ID: l.ID}))
	}
	return c, nil
}

// append writes the next facts, in commits of up to a hundred, as having happened now.
func (c *centre) append(n int) (int, error) {
	for done := 0; done < n; {
		var list []event.Event
		for len(list) < min(100, n-done) {
			item, ok := c.sim.Next()
			if !ok {
				return done, fmt.Errorf("the simulation ended")
			}
			item.Meta.Time = time.Now()
			e, err := event.Encode(item.Meta, item.Fact)
			if err != nil {
				return done, err
			}
			list = append(list, e)
		}
		if _, err := c.log.Append(context.Background(), tenant, list); err != nil {
			return done, err
		}
		done += len(list)
	}
	return n, nil
}

// play appends facts at a rate.
func (c *centre) play(rate int, length time.Duration) (events int, err error) {
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for start := time.Now(); time.Since(start) < length; <-tick.C {
		due := int(time.Since(start).Seconds()*float64(rate)) - events
		n, err := c.append(due)
		if events += n; err != nil {
			return events, err
		}
	}
	return events, nil
}
