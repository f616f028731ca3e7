package live

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/auth"
	"trunkline/eventlog"
	"trunkline/feed/relay"
	"trunkline/floor"
	"trunkline/floor/explain"
	"trunkline/floor/follow"
	"trunkline/floor/measure"
	"trunkline/jsonhttp"
	"trunkline/nearest"
	"trunkline/problem"
)

// An explanation has so many events when the request names no limit, so many at
// most, and takes so long at most.
const (
	explainEvents    = 100
	explainMaxEvents = 1000
	explainTime      = 10 * time.Second
)

var explainParameters = []string{"measure", "queue", "agent", "channel", "from", "to", "after", "limit"}

// explanation is the answer of GET /v1/explain. docs/state.md says what each field means.
type explanation struct {
	Measure     string          `json:"measure"`
	Type        measure.Type    `json:"type"`
	Unit        measure.Unit    `json:"unit,omitempty"`
	Formula     string          `json:"formula"`
	Description string          `json:"description"`
	Queue       string          `json:"queue,omitempty"`
	Agent       string          `json:"agent,omitempty"`
	Channel     string          `json:"channel,omitempty"`
	From        moment          `json:"from,omitempty"`
	To          moment          `json:"to,omitempty"`
	Value       any             `json:"value"`
	Now         any             `json:"now"`
	Before      *any            `json:"before,omitempty"`
	Parts       map[string]int  `json:"parts,omitempty"`
	Events      []contributor   `json:"events"`
	More        bool            `json:"more"`
	Next        string          `json:"after,omitempty"`
	Complete    bool            `json:"complete"`
	Trimmed     bool            `json:"trimmed,omitempty"`
	Cursor      eventlog.Cursor `json:"cursor"`
}

type contributor struct {
	Sequence uint64         `json:"sequence"`
	ID       string         `json:"id"`
	Type     string         `json:"type"`
	Time     string         `json:"time,omitempty"`
	Received moment         `json:"received"`
	Derived  bool           `json:"derived,omitempty"`
	Added    map[string]int `json:"added,omitempty"`
	Before   any            `json:"before,omitempty"`
	After    any            `json:"after,omitempty"`
}

// explain serves GET /v1/explain.
func (f *Feed) explain(w http.ResponseWriter, r *http.Request) {
	tenant := auth.From(r.Context()).Tenant
	q, after, err := parseExplain(r.URL.RawQuery)
	if err != nil {
		badQuery(w, err)
		return
	}
	if !after.IsZero() {
		if err := relay.Check(f.log, tenant, after); err != nil {
			f.refuse(w, tenant, err)
			return
		}
	}
	q.Tenant, q.After, q.Budget = tenant, after.Seq, explainTime
	var now measure.Value
	var missing error
	err = f.o.State.View(tenant, func(v follow.View) {
		if missing = present(v.Tenant, q.Key); missing == nil {
			if key, ok := measure.Key(v.Tenant, q.Key); ok {
				now = q.Measure.Read(&key)
			}
			if q.From.IsZero() {
				q.From = time.UnixMilli(v.Tenant.DayBegan())
			}
		}
	})
	if err != nil {
		noState(w, err)
		return
	}
	if missing != nil {
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-key", Title: "There is nothing of that name", Detail: "The number cannot be explained: " + missing.Error()})
		return
	}
	a, err := f.explainer.Explain(r.Context(), q)
	switch {
	case errors.Is(err, explain.ErrReading):
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "reading", Title: "The log is still being read",
			Detail: "The events in front of the stretch are many. Ask again: the reading goes on from where it came to."})
		return
	case errors.Is(err, explain.ErrBusy):
		w.Header().Set("Retry-After", "5")
		problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "busy", Title: "Too many explanations are asked for at once",
			Detail: "Each folds the log anew. Ask again when those that run are answered."})
		return
	case err != nil:
		if r.Context().Err() == nil {
			f.refuse(w, tenant, err)
		}
		return
	}
	jsonhttp.Write(w, http.StatusOK, explained(&q, a, now))
}

// present says what of a key is not known.
func present(t *floor.Tenant, c floor.Change) error {
	if t == nil {
		return errors.New("nothing has been heard of this tenant yet")
	}
	look := func(what, id string, there bool, ids func() []string) error {
		if there {
			return nil
		}
		if near, ok := nearest.Of(id, ids()); ok {
			return fmt.Errorf("nothing is known of the %s %q, did you mean %q?", what, id, near)
		}
		return fmt.Errorf("nothing is known of the %s %q", what, id)
	}
	queue, agent := c.Queue, ""
	switch c.Kind {
	case floor.ChangeQueue:
		queue = c.ID
	case floor.ChangeAgent, floor.ChangeAgentQueue:
		agent = c.ID
	}
	if err := look("queue", queue, queue == "" || t.Queue(queue) != nil, func() []string { return ids(t.Queues(), func(q *floor.Queue) string { return q.ID }) }); err != nil {
		return err
	}
	return look("agent", agent, agent == "" || t.Agent(agent) != nil, func() []string { return ids(t.Agents(), func(a *floor.Agent) string { return a.ID }) })
}

// ids lists as many ids as a nearest one is worth looking for in.
func ids[T any](list []*T, id func(*T) string) []string {
	out := make([]string, 0, min(len(list), 1000))
	for _, x := range list[:min(len(list), 1000)] {
		out = append(out, id(x))
	}
	return out
}

// parseExplain reads the query of GET /v1/explain.
func parseExplain(raw string) (q explain.Query, after eventlog.Cursor, err error) {
	p, err := parameters(raw, explainParameters)
	if err != nil {
		return q, after, err
	}
	if q.Measure = measure.Named(p["measure"]); q.Measure == nil {
		return q, after, unknownMeasure(p["measure"])
	}
	kind, err := explainKey(p, &q.Key)
	if err != nil {
		return q, after, err
	}
	if q.Measure.Of&kind == 0 {
		var kinds []string
		for _, k := range measure.Kinds() {
			if q.Measure.Of&k != 0 {
				kinds = append(kinds, k.String())
			}
		}
		return q, after, fmt.Errorf("measure: %s is not there by %s, but by %s", q.Measure.Name, kind, strings.Join(kinds, "; by "))
	}
	if q.From, err = parseTime(p, "from"); err != nil {
		return q, after, err
	}
	if q.To, err = parseTime(p, "to"); err != nil {
		return q, after, err
	}
	if !q.To.IsZero() && !q.From.Before(q.To) {
		return q, after, errors.New("from must be before to")
	}
	if v := p["after"]; v != "" {
		if after, err = eventlog.ParseCursor(v); err != nil {
			return q, after, fmt.Errorf("after: %w", err)
		}
	}
	q.Limit = explainEvents
	if v, given := p["limit"]; given {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 || q.Limit > explainMaxEvents {
			return q, after, fmt.Errorf("limit is %q, it must be 1 to %d", v, explainMaxEvents)
		}
	}
	return q, after, nil
}

func unknownMeasure(name string) error {
	if name == "" {
		return errors.New("measure is missing: the name of a measure of the catalogue, as in measure=Offered")
	}
	var names []string
	for _, m := range measure.Catalogue() {
		names = append(names, m.Name)
	}
	if near, ok := nearest.Of(name, names); ok {
		return fmt.Errorf("measure: unknown %q, did you mean %q?", name, near)
	}
	return fmt.Errorf("measure: unknown %q; docs/measures.md lists all", name)
}

// explainKey reads which key is meant.
func explainKey(p map[string]string, c *floor.Change) (measure.Of, error) {
	queue, agent, channel := p["queue"], p["agent"], p["channel"]
	if _, known := floor.MediumNamed(channel); channel != "" && !known {
		return 0, fmt.Errorf("channel: unknown %q; known are phone, chat, email, sms, video", channel)
	}
	switch {
	case agent != "" && channel != "":
		return 0, errors.New("agent and channel exclude each other: nothing is counted by both")
	case agent != "" && queue != "":
		*c = floor.Change{Kind: floor.ChangeAgentQueue, ID: agent, Queue: queue}
		return measure.OfAgentQueue, nil
	case agent != "":
		*c = floor.Change{Kind: floor.ChangeAgent, ID: agent}
		return measure.OfAgent, nil
	case channel != "" && queue != "":
		*c = floor.Change{Kind: floor.ChangeQueueChannel, ID: channel, Queue: queue}
		return measure.OfQueueChannel, nil
	case channel != "":
		*c = floor.Change{Kind: floor.ChangeChannel, ID: channel}
		return measure.OfChannel, nil
	case queue != "":
		*c = floor.Change{Kind: floor.ChangeQueue, ID: queue}
		return measure.OfQueue, nil
	}
	return 0, errors.New("whose number is missing: queue, agent or channel, queue and agent, or queue and channel")
}

func explained(q *explain.Query, a *explain.Answer, now measure.Value) *explanation {
	m := q.Measure
	out := &explanation{
		Measure: m.Name, Type: m.Type, Unit: m.Unit, Formula: m.Formula, Description: m.Description,
		Value: shown(m, a.Value), Now: shown(m, now), Parts: numbers(a.Parts), Events: make([]contributor, 0, len(a.Events)),
		More: a.More, Complete: a.Complete, Trimmed: a.Trimmed, Cursor: a.At,
	}
	switch q.Key.Kind {
	case floor.ChangeQueue:
		out.Queue = q.Key.ID
	case floor.ChangeAgent, floor.ChangeAgentQueue:
		out.Agent, out.Queue = q.Key.ID, q.Key.Queue
	default:
		out.Channel, out.Queue = q.Key.ID, q.Key.Queue
	}
	if !q.From.IsZero() {
		out.From = moment(q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		out.To = moment(q.To.UnixMilli())
	}
	if !a.Counted {
		before := shown(m, a.Before)
		out.Before = &before
	}
	if a.More {
		out.Next = eventlog.Cursor{Epoch: a.At.Epoch, Seq: a.Next}.String()
	}
	for _, e := range a.Events {
		c := contributor{Sequence: e.Sequence, ID: e.ID, Type: e.Type, Time: e.Time, Received: moment(e.Received.UnixMilli()),
			Derived: e.Derived, Added: numbers(e.Parts)}
		if !a.Counted {
			c.Before, c.After = shown(m, e.Before), shown(m, e.After)
		}
		out.Events = append(out.Events, c)
	}
	return out
}

func numbers(parts []measure.Part) map[string]int {
	if parts == nil {
		return nil
	}
	out := make(map[string]int, len(parts))
	for _, p := range parts {
		out[p.Name] = int(p.Value)
	}
	return out
}

// shown gives a value as JSON has it: a text, a number in the measure's unit, or null.
func shown(m *measure.Measure, v measure.Value) any {
	switch {
	case !v.There:
		return nil
	case m.Type == measure.String:
		return v.Text
	}
	return v.Float()
}
