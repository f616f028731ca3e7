package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/control"
	"trunkline/directory"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/feed/hub"
	"trunkline/floor"
	"trunkline/floor/follow"
)

const tenant = "acme"

// organization is what the tenant is called at the hub.
const organization = "29f6e823-b484-e611-80c9-00505689257e"

// centre is a hub on a real log, floor and directory: agents a1 (user anna) and a2 (bert) of
// the group north, a3 of none; queues q1 of a1 and q2 of a2 and a3; the supervisor sue of
// north, who is the agent s1; the administrator ada.
type centre struct {
	t       *testing.T
	log     *eventlog.Log
	state   *follow.Floor
	people  *directory.Registry
	keys    *jwt.Keys
	feed    *hub.Feed
	url     string
	secrets map[string]string
	ahead   atomic.Int64 // how far the clock of the tokens is
	number  int
}

func open(t *testing.T, change func(*hub.Options)) *centre {
	t.Helper()
	c := &centre{t: t, secrets: map[string]string{}}
	var err error
	c.log, err = eventlog.Open(t.Context(), eventlog.Config{Dir: t.TempDir(), NoSync: true, Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		t.Fatal(err)
	}
	c.state = follow.New(c.log, floor.Options{})
	if err := c.log.WaitWritable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.people, err = directory.OpenRegistry(t.Context(), control.NewMemory(), c.state, c.log, nil); err != nil {
		t.Fatal(err)
	}
	if c.keys, err = jwt.OpenKeys(t.Context(), control.NewMemory(), jwt.Options{Now: func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }}); err != nil {
		t.Fatal(err)
	}
	o := hub.Options{
		Log: c.log, State: c.state, People: c.people, Keys: c.keys, Tick: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Organization: func(id string) string {
			if id != tenant {
				return ""
			}
			return organization
		},
		SupervisionNumber: "4100",
		CallLists:         map[string][]string{"list1": {"q1"}},
		Attempts:          &auth.Attempts{Burst: 1000},
	}
	if change != nil {
		change(&o)
	}
	if c.feed, err = hub.New(o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range c.feed.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := httptest.NewServer(mux)
	c.url = srv.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.feed.Close(ctx); err != nil {
			t.Error(err)
		}
		srv.CloseClientConnections()
		srv.Close()
		c.people.Close()
		c.state.Close()
		if err := c.log.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	c.staff()
	return c
}

func (c *centre) staff() {
	c.t.Helper()
	until(c.t, func() bool { return c.state.View(tenant, func(follow.View) {}) == nil })
	for id, name := range map[string]string{"q1": "Sales", "q2": "Support"} {
		if _, err := c.people.PutQueue(c.t.Context(), tenant, directory.Queue{ID: id, QueueConfigured: event.QueueConfigured{Name: name}}, nil); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, a := range []directory.Agent{
		{ID: "a1", Login: "anna@acme", Address: "4001", Groups: []string{"north"}, Supervisors: []string{"s1"}, Queues: []event.AgentQueue{{ID: "q1"}}},
		{ID: "a2", Login: "bert@acme", Groups: []string{"north"}, Queues: []event.AgentQueue{{ID: "q2"}}},
		{ID: "a3", Login: "carl@acme", Queues: []event.AgentQueue{{ID: "q2"}}},
		{ID: "s1", Login: "sue@acme", Address: "4009"},
	} {
		if _, err := c.people.PutAgent(c.t.Context(), tenant, a, nil); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := c.people.PutGroup(c.t.Context(), tenant, directory.Group{ID: "north"}, "test", nil); err != nil {
		c.t.Fatal(err)
	}
	for _, u := range []directory.User{
		{ID: "anna", Login: "anna@acme", Role: directory.RoleAgent, Agent: "a1"}, {ID: "bert", Login: "bert@acme", Role: directory.RoleAgent, Agent: "a2"},
		{ID: "sue", Login: "sue@acme", Role: directory.RoleSupervisor, Agent: "s1", Supervises: []string{"north"}}, {ID: "ada", Login: "ada@acme", Role: directory.RoleAdmin},
	} {
		secret, _, err := c.people.PutUser(c.t.Context(), tenant, u, "test", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		c.secrets[u.ID] = secret
	}
	until(c.t, func() bool { return len(c.people.Users(tenant)) == 4 })
	until(c.t, func() bool {
		known := 0
		_ = c.state.View(tenant, func(v follow.View) {
			if v.Tenant != nil {
				known = len(v.Tenant.Agents()) + len(v.Tenant.Queues())
			}
		})
		return known == 6
	})
}

// until waits until something is so.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to be so")
		}
	}
}

func (c *centre) guid(kind event.EntityKind, id string) string {
	return c.people.GUID(tenant, directory.Ref{Kind: kind, ID: id})
}

// began is when the first fact was; what is long past would be ended by its timers.
var began = time.Now().UTC().Truncate(time.Millisecond)

// say appends facts, a millisecond apart.
func (c *centre) say(facts ...event.Fact) {
	c.t.Helper()
	for _, f := range facts {
		c.number++
		e, err := event.Encode(event.Meta{ID: fmt.Sprint("f", c.number), Source: "/test", Tenant: tenant, Time: began.Add(time.Duration(c.number) * time.Millisecond)}, f)
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := c.log.Append(c.t.Context(), tenant, []event.Event{e}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// endpoint asks for a token.
func (c *centre) endpoint(user, secret, path string) (int, hub.Endpoint, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, secret)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var e hub.Endpoint
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, &e); err != nil {
			c.t.Fatal(err)
		}
	}
	return resp.StatusCode, e, string(b)
}

// peer is a client that has connected.
type peer struct {
	t       *testing.T
	conn    *websocket.Conn
	calls   int
	rest    [][]byte         // records that were read and not looked at
	waiting []map[string]any // messages that were read and not taken
	texts   []string         // of messages, as they came
	ended   string           // the reason of a close message
}

func (c *centre) connect(user string) *peer {
	c.t.Helper()
	status, e, body := c.endpoint(user, c.secrets[user], "/token/me/rte/")
	if status != http.StatusOK {
		c.t.Fatalf("%d %s", status, body)
	}
	conn, _, err := websocket.Dial(c.t.Context(), e.WssEndpoint+"?access_token="+e.Token, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetReadLimit(16 << 20)
	p := &peer{t: c.t, conn: conn}
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	p.write(`{"protocol":"json","version":1}`)
	if got := p.record(); string(got) != "{}" {
		c.t.Fatalf("%s", got)
	}
	return p
}

func (p *peer) write(text string) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, append([]byte(text), 0x1e)); err != nil {
		p.t.Fatal(err)
	}
}

// record reads the next record.
func (p *peer) record() []byte {
	p.t.Helper()
	for len(p.rest) == 0 {
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
		_, b, err := p.conn.Read(ctx)
		cancel()
		if err != nil {
			p.t.Fatal(err)
		}
		for r := range bytes.SplitSeq(b, []byte{0x1e}) {
			if len(r) > 0 {
				p.rest = append(p.rest, r)
			}
		}
	}
	r := p.rest[0]
	p.rest = p.rest[1:]
	return r
}

type answer struct {
	Type      int
	ID        string `json:"invocationId"`
	Result    json.RawMessage
	Error     string
	Arguments []map[string]any
}

// next reads on until there is a message or an answer.
func (p *peer) next() answer {
	p.t.Helper()
	for {
		var a answer
		r := p.record()
		if err := json.Unmarshal(r, &a); err != nil {
			p.t.Fatalf("%s: %v", r, err)
		}
		switch a.Type {
		case 1:
			p.waiting, p.texts = append(p.waiting, a.Arguments[0]), append(p.texts, string(r))
			return a
		case 3:
			return a
		case 7:
			p.ended = a.Error
			return a
		}
	}
}

// invoke calls a method.
func (p *peer) invoke(method string, args ...any) (result any, failure string) {
	p.t.Helper()
	p.calls++
	id := fmt.Sprint(p.calls)
	b, err := json.Marshal(map[string]any{"type": 1, "invocationId": id, "target": method, "arguments": append([]any{}, args...)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(string(b))
	for {
		if a := p.next(); a.Type == 3 && a.ID == id {
			if len(a.Result) > 0 {
				if err := json.Unmarshal(a.Result, &result); err != nil {
					p.t.Fatal(err)
				}
			}
			return result, a.Error
		}
	}
}

// subscribe gives what is said of each entry: "" when it is accepted.
func (p *peer) subscribe(method string, entries ...[2]string) []string {
	p.t.Helper()
	var list []any
	for _, e := range entries {
		list = append(list, map[string]any{"EntityId": e[0], "EventName": e[1]})
	}
	result, failure := p.invoke(method, list)
	if failure != "" {
		p.t.Fatal(failure)
	}
	var out []string
	for i, r := range result.([]any) {
		m := r.(map[string]any)
		text, _ := m["message"].(string)
		if m["subscribed"] != (text == "") || m["entityId"] != entries[i][0] || m["eventName"] != strings.ToLower(entries[i][1]) || len(m) != 4 {
			p.t.Errorf("%v", m)
		}
		out = append(out, text)
	}
	return out
}

// message waits for the next message of an event about an entity; those of others stay.
func (p *peer) message(name, entity string) map[string]any {
	p.t.Helper()
	for {
		for i, m := range p.waiting {
			data := m["data"].(map[string]any)
			if data["eventType"] == name && data["entityId"] == entity {
				p.waiting = slices.Delete(p.waiting, i, i+1)
				return m
			}
		}
		if a := p.next(); a.Type == 7 {
			p.t.Fatalf("closed: %s", a.Error)
		}
	}
}
