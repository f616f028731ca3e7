package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/feed/live"
)

// model is what a viewer knows.
type model struct {
	entities map[string]string
	cursor   string
}

// take applies a message.
func (m *model) take(t testing.TB, msg []byte) {
	t.Helper()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(msg, &got); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	m.cursor = strings.Trim(string(got["cursor"]), `"`)
	delete(got, "cursor")
	for name, value := range got {
		var e struct{ ID, State string }
		switch name {
		case "snapshot":
			var lists map[string]json.RawMessage
			if err := json.Unmarshal(value, &lists); err != nil {
				t.Fatal(err)
			}
			m.entities = map[string]string{}
			for kind, list := range lists {
				items(t, kind, string(list), m.entities)
			}
			continue
		case "gone":
			var gone map[string]string
			if err := json.Unmarshal(value, &gone); err != nil {
				t.Fatal(err)
			}
			for kind, id := range gone {
				delete(m.entities, kind+" "+id)
			}
			continue
		}
		if err := json.Unmarshal(value, &e); err != nil {
			t.Fatal(err)
		}
		if m.entities == nil {
			t.Fatalf("a change came before the snapshot: %s", msg)
		}
		if name == "interaction" && e.State == "ended" {
			delete(m.entities, name+" "+e.ID)
		} else {
			m.entities[name+" "+e.ID] = string(value)
		}
	}
}

// until reads until the model is the wanted one.
func (m *model) until(t testing.TB, want map[string]string, next func() ([]byte, error)) {
	t.Helper()
	for {
		if m.entities != nil && m.diff(want) == "" {
			return
		}
		msg, err := next()
		if err != nil {
			t.Fatalf("%v; it differs: %s", err, m.diff(want))
		}
		m.take(t, msg)
	}
}

func (m *model) diff(want map[string]string) string {
	for k, v := range want {
		if m.entities[k] != v {
			return fmt.Sprintf("%s is\n%s\nand should be\n%s", k, m.entities[k], v)
		}
	}
	for k := range m.entities {
		if _, ok := want[k]; !ok {
			return k + " should have gone"
		}
	}
	return ""
}

func (h *hall) stateSocket(tenant, query string) func() ([]byte, error) {
	h.t.Helper()
	s := h.socket(h.t, tenant, query)
	s.SetReadLimit(64 << 20)
	return func() ([]byte, error) {
		ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
		defer cancel()
		_, msg, err := s.Read(ctx)
		return msg, err
	}
}

func (h *hall) stateStream(tenant, query string) func() ([]byte, error) {
	h.t.Helper()
	s := h.stream(h.t, tenant, query, "")
	return func() ([]byte, error) {
		e, err := s.event()
		if err == nil && !strings.Contains(e.data, `"`+e.kind+`":`) {
			err = errors.New("the event " + e.kind + " has " + e.data)
		}
		if e.id != "" {
			err = errors.New("the event has an id")
		}
		return []byte(e.data), err
	}
}

// A snapshot and the changes behind it give, whenever one comes and however slowly
// one reads, what is asked for later; and nothing of another tenant.
func TestSnapshotAndChangesJoin(t *testing.T) {
	// Queues are small: those who do not read fall behind at once.
	h := openHall(t, t.TempDir(), live.Options{QueueBytes: 16 << 10})
	h.work("beta", 3, 300, 50)
	h.work("alpha", 7, 500, 50)
	type viewer struct {
		model
		tenant string
		kinds  []string
		next   func() ([]byte, error)
	}
	var viewers []*viewer
	enter := func(tenant string, socket bool, kinds ...string) *viewer {
		v := &viewer{tenant: tenant, kinds: kinds}
		query := "state=" + strings.Join(kinds, ",")
		if socket {
			v.next = h.stateSocket(tenant, query)
		} else {
			v.next = h.stateStream(tenant, query)
		}
		viewers = append(viewers, v)
		return v
	}
	read := func(v *viewer, messages int) {
		for range messages {
			msg, err := v.next()
			if err != nil {
				t.Fatal(err)
			}
			v.take(t, msg)
		}
	}
	for range 8 {
		for _, tenant := range []string{"alpha", "beta"} {
			read(enter(tenant, true, collections...), 1)
			read(enter(tenant, false, collections...), 1)
			enter(tenant, true, "queues")
			enter(tenant, false, "agents", "queues")
		}
		h.work("alpha", 7, 400, 20)
		h.work("beta", 3, 200, 20)
		for i, v := range viewers {
			if i%3 == 0 {
				read(v, 1)
			}
		}
	}
	want := map[string]map[string]string{}
	for _, tenant := range []string{"alpha", "beta"} {
		h.quiet(tenant)
	}
	for _, v := range viewers {
		key := v.tenant + strings.Join(v.kinds, ",")
		if want[key] == nil {
			want[key] = map[string]string{}
			for _, kind := range v.kinds {
				list, _ := h.state(v.tenant, kind)
				items(t, kind, list, want[key])
			}
		}
		v.until(t, want[key], v.next)
	}
	if n := h.feed.Stats().Viewers; n != len(viewers) {
		t.Errorf("%d viewers are counted, there are %d", n, len(viewers))
	}
}
