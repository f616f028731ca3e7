package live_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/feed/live"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/sim"
	"trunkline/ws"
)

var collections = []string{"queues", "agents", "interactions", "sources"}

// hall is a feed with its floor on a real log, and simulated centres to fill it.
type hall struct {
	*edge
	t       *testing.T
	log     *eventlog.Log
	centres map[string]*sim.Sim
	asked   int // for quiet
	close   func()
}

func openHall(t *testing.T, dir string, o live.Options) *hall {
	t.Helper()
	log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: dir, NoSync: true, SnapshotEach: 3000,
		Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		t.Fatal(err)
	}
	state := follow.New(log, floor.Options{})
	h := &hall{t: t, log: log, centres: map[string]*sim.Sim{}}
	h.close = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		if err := h.feed.Close(ctx); err != nil {
			t.Errorf("closing the feed: %v", err)
		}
		state.Close()
		if err := log.Close(ctx); err != nil {
			t.Errorf("closing the log: %v", err)
		}
	})
	t.Cleanup(h.close)
	if err := log.WaitWritable(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.State = state
	h.edge = serveLog(t, log, nil, o, false)
	return h
}

// work appends the next facts of a tenant's centre, some at a time.
func (h *hall) work(tenant string, seed uint64, facts, each int) {
	h.t.Helper()
	s := h.centres[tenant]
	if s == nil {
		c := sim.DefaultConfig()
		c.Tenant, c.Seed, c.Agents = tenant, seed, 40
		c.Start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
		var err error
		if s, err = sim.New(c); err != nil {
			h.t.Fatal(err)
		}
		h.centres[tenant] = s
	}
	for facts > 0 {
		var batch []event.Event
		for ; facts > 0 && len(batch) < each; facts-- {
			n, ok := s.Next()
			if !ok {
				h.t.Fatal("the simulation is over")
			}
			e, err := event.Encode(n.Meta, n.Fact)
			if err != nil {
				h.t.Fatal(err)
			}
			batch = append(batch, e)
		}
		if _, err := h.log.Append(h.t.Context(), tenant, batch); err != nil {
			h.t.Fatal(err)
		}
	}
}

// state gives a collection, its cursor and its tag.
func (h *hall) state(tenant, kind string) (items, cursor string) {
	h.t.Helper()
	status, body := h.get(h.t, "/v1/state/"+kind, tenant)
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		h.t.Fatalf("%d %v: %s", status, err, body)
	}
	return string(got[kind]), strings.Trim(string(got["cursor"]), `"`)
}

// settled waits until the state has caught up with the log.
func (h *hall) settled(tenant string) {
	h.t.Helper()
	eventually(h.t, "the state catches up", func() bool {
		status, body := h.get(h.t, "/v1/state/queues", tenant)
		return status == http.StatusOK && strings.Contains(body, `"`+h.log.Head(tenant).String()+`"`)
	})
}

// quiet is settled when the past has happened as well: the simulated day lies in it, so that wrap-ups end by timers a
// moment after the facts. Those that are due go before the next record.
func (h *hall) quiet(tenant string) {
	h.t.Helper()
	h.asked++
	id := strconv.Itoa(h.asked)
	foreign := event.Event{ID: id, Source: "/t", Type: "com.example.x", Raw: []byte(`{"specversion":"1.0","id":"` + id + `","source":"/t","type":"com.example.x","data":{}}`)}
	if _, err := h.log.Append(h.t.Context(), tenant, []event.Event{foreign}); err != nil {
		h.t.Fatal(err)
	}
	h.settled(tenant)
}

// items takes a collection apart.
func items(t testing.TB, kind, list string, into map[string]string) {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		t.Fatal(err)
	}
	for _, item := range all {
		var e struct{ ID string }
		if err := json.Unmarshal(item, &e); err != nil {
			t.Fatal(err)
		}
		into[strings.TrimSuffix(kind, "s")+" "+e.ID] = string(item)
	}
}

// What is shown at a cursor is the fold of the events up to it, as anybody can read
// them with GET /v1/events; and a restart, from a snapshot, changes nothing of it.
func TestStateIsTheFoldOfTheHistory(t *testing.T) {
	dir := t.TempDir()
	h := openHall(t, dir, live.Options{})
	check := func() {
		t.Helper()
		for _, kind := range collections {
			got, cursor := h.state("alpha", kind)
			fold := floor.NewFold(floor.Options{})
			for after, seen := "", ""; seen != cursor; {
				status, body := h.get(t, "/v1/events?limit=1000&after="+url.QueryEscape(after), "alpha")
				var page struct {
					Events []json.RawMessage
					Cursor string
				}
				if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || len(page.Events) == 0 {
					t.Fatalf("%d %v %s", status, err, body)
				}
				for _, e := range page.Events {
					var added struct {
						Sequence uint64
						Received time.Time
						Derived  bool
					}
					if err := json.Unmarshal(e, &added); err != nil {
						t.Fatal(err)
					}
					fold.Fold("alpha", &eventlog.Record{Seq: added.Sequence, Received: added.Received, Derived: added.Derived, Raw: e})
					epoch := h.log.Head("alpha").Epoch
					if seen = (eventlog.Cursor{Epoch: epoch, Seq: added.Sequence}).String(); seen == cursor {
						break
					}
				}
				after = page.Cursor
			}
			if want := live.StateOf(fold.Tenant("alpha"), kind); got != want {
				t.Fatalf("%s at %s:\n%.2000s\nthe fold of the history is\n%.2000s", kind, cursor, got, want)
			}
		}
	}
	facts := 2500
	if testing.Short() {
		facts = 700
	}
	for range 3 {
		h.work("alpha", 7, facts, 100)
		check()
	}
	h.quiet("alpha")
	before := map[string]string{}
	for _, kind := range collections {
		before[kind], _ = h.state("alpha", kind)
	}
	centres := h.centres
	h.close()
	h = openHall(t, dir, live.Options{})
	h.centres = centres
	h.settled("alpha")
	for _, kind := range collections {
		if after, _ := h.state("alpha", kind); after != before[kind] {
			t.Errorf("%s after a restart:\n%.2000s\nbefore\n%.2000s", kind, after, before[kind])
		}
	}
	h.work("alpha", 7, 500, 100)
	check()
}

func TestStateAnswers(t *testing.T) {
	h := openHall(t, t.TempDir(), live.Options{})
	h.work("alpha", 7, 1000, 100)
	h.quiet("alpha")
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/v1/state/queues/none", 404, `:no-queue"`},
		{"/v1/state/agents/none", 404, `:no-agent"`},
		{"/v1/state/interactions/none", 404, `:no-interaction"`},
		{"/v1/state/queues?limit=1", 400, `unknown parameter \"limit\"`},
		{"/v1/live?state=", 400, `state: unknown \"\"`},
		{"/v1/live?state=queue", 400, `did you mean \"queues\"?`},
		{"/v1/live?state=queues&after=oldest", 400, `the parameter \"after\" is for events`},
		{"/v1/live?state=queues&state=agents", 400, `given 2 times`},
	} {
		if status, body := h.get(t, c.path, "alpha"); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.path, status, body)
		}
	}
	// What is in a collection is found by its id, and nothing of it by another tenant.
	for _, kind := range collections {
		list, _ := h.state("alpha", kind)
		all := map[string]string{}
		items(t, kind, list, all)
		if len(all) == 0 {
			t.Fatalf("no %s", kind)
		}
		for key, want := range all {
			singular, id, _ := strings.Cut(key, " ")
			path := "/v1/state/" + kind + "/" + url.PathEscape(id)
			for tries := 0; ; tries++ {
				status, body := h.get(t, path, "alpha")
				if status == 200 && strings.Contains(body, `"`+singular+`":`+want+"}") {
					break
				}
				if status != 200 || tries == 10 {
					t.Fatalf("%s: %d %s", path, status, body)
				}
				// A timer of the floor, such as that of a wrap-up, may have gone off since.
				again, _ := h.state("alpha", kind)
				items(t, kind, again, all)
				want = all[key]
			}
			if status, _ := h.get(t, path, "beta"); status != 404 {
				t.Fatalf("%s is shown to another tenant: %d", path, status)
			}
		}
		if list, _ := h.state("beta", kind); list != "[]" {
			t.Errorf("another tenant has %s", list)
		}
	}
	// The tag stays while the state does, though events come that change nothing.
	tag := func() string {
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.URL+"/v1/state/queues", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Tenant", "alpha")
		resp, err := h.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.Header.Get("ETag")
	}
	was := tag()
	if status, body := h.get(t, "/v1/state/queues", "alpha", "If-None-Match", `"x", `+was); status != 304 || body != "" {
		t.Errorf("the same state: %d %s", status, body)
	}
	h.quiet("alpha")
	if now := tag(); now != was {
		t.Errorf("the tag was %s and is %s", was, now)
	}
	h.work("alpha", 7, 500, 100)
	h.settled("alpha")
	if status, _ := h.get(t, "/v1/state/queues", "alpha", "If-None-Match", was); status != 200 {
		t.Errorf("another state: %d", status)
	}
}

// A viewer is told when the server stops, and may not say anything itself.
func TestViewersAreTold(t *testing.T) {
	h := openHall(t, t.TempDir(), live.Options{})
	h.work("alpha", 7, 100, 50)
	s := h.socket(t, "alpha", "state=queues")
	if err := s.Write(t.Context(), websocket.MessageText, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if code, reason := s.closed(t); code != ws.CodePolicy || !strings.Contains(reason, "no messages") {
		t.Errorf("closed with %v: %s", code, reason)
	}
	s = h.socket(t, "alpha", "state=queues")
	stream := h.stateStream("alpha", "state=queues")
	if _, err := stream(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are registered", func() bool { return h.feed.Stats().Viewers == 2 })
	go h.close()
	if code, reason := s.closed(t); code != ws.CodeShutdown {
		t.Errorf("closed with %v: %s", code, reason)
	}
	h.close()
}
