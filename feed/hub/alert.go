package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/floor/measure"
)

// ErrAlert is what the complaints about alerts wrap.
var ErrAlert = errors.New("not an alert")

// Alert is a condition over the measures of queues that is watched for some users.
type Alert struct {
	ID     string   // of the alert, unique in its tenant
	Tenant string   //
	Agents []string // whom it is for, by the ids of agents
	Queues []string // which queues; empty: all
	Name   string   // of the condition, as the page's ConditionName
	// Expression is CEL over the measures of a queue by their names (docs/measures.md), and
	// longest_wait, the seconds that the oldest visit waits: waiting > 10 && longest_wait > 60.
	Expression string
	Threshold  string // as the page's ConditionValue; empty: the number behind the last comparison
	Value      string // what to tell of: a measure, or longest_wait; empty: the first one named
}

// Alarm is the source of the facts that alerts fire.
const Alarm = "/trunkline/alerts"

// maxAlertCost bounds one evaluation.
const maxAlertCost = 10_000

// alertEvery is how often conditions are looked at.
const alertEvery = time.Second

// condition is an alert that was compiled.
type condition struct {
	Alert
	queues map[string]bool
	names  []string // of the measures that it reads
	what   cel.Program
	fired  map[string]bool // the queues of which it holds
}

// AlertLog is what alerts need of the event log.
type AlertLog interface {
	Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error)
	ShardOf(tenant string) int
	Owns(shard int) bool
}

// Alerts watches conditions and appends agent.alerted when one begins to hold, once for
// each queue until it has ceased to. Of several nodes the one that owns the tenant's shard
// does so.
type Alerts struct {
	log   AlertLog
	state State
	store AlertStore
	list  map[string][]*condition // by tenant
	end   context.CancelFunc
	wg    sync.WaitGroup
}

// longestWait is the name of what no measure of the catalogue gives: it grows with time.
const longestWait = "longest_wait"

// NewAlerts compiles the conditions and starts watching them. Close ends it.
func NewAlerts(log AlertLog, state State, store AlertStore, list []Alert) (*Alerts, error) {
	a := &Alerts{log: log, state: state, store: store, list: map[string][]*condition{}}
	for _, one := range list {
		c, err := compile(one)
		if err != nil {
			return nil, err
		}
		a.list[one.Tenant] = append(a.list[one.Tenant], c)
	}
	ctx, end := context.WithCancel(context.Background())
	a.end = end
	for tenant, conditions := range a.list {
		a.wg.Go(func() { a.watch(ctx, watching{tenant: tenant, conditions: conditions}) })
	}
	return a, nil
}

// CheckAlert says what is wrong with an alert.
func CheckAlert(a Alert) error {
	_, err := compile(a)
	return err
}

func compile(a Alert) (*condition, error) {
	wrong := func(format string, args ...any) (*condition, error) {
		return nil, fmt.Errorf("%w: %q: %s", ErrAlert, a.ID, fmt.Sprintf(format, args...))
	}
	if a.ID == "" || len(a.Agents) == 0 || len(a.Expression) > 2000 {
		return wrong("it has an id, at least one agent, and an expression of at most 2000 bytes")
	}
	vars := []cel.EnvOption{cel.CrossTypeNumericComparisons(true), cel.ParserRecursionLimit(50), cel.Variable(longestWait, cel.DoubleType)}
	known := map[string]bool{longestWait: true}
	for _, m := range measure.For(measure.OfQueue) {
		typ := cel.DoubleType
		if m.Type == measure.String {
			typ = cel.StringType
		}
		vars = append(vars, cel.Variable(m.Name, typ))
		known[m.Name] = true
	}
	env, err := cel.NewEnv(vars...)
	if err != nil {
		return wrong("make the environment: %v", err)
	}
	parsed, issues := env.Compile(a.Expression)
	if err := issues.Err(); err != nil {
		first, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "ERROR: <input>:"), "\n")
		return wrong("at %s; it may name longest_wait and the measures of queues", first)
	}
	if !parsed.OutputType().IsExactType(cel.BoolType) {
		return wrong("its value is %s, and must be true or false", parsed.OutputType())
	}
	c := &condition{Alert: a, queues: map[string]bool{}, fired: map[string]bool{}}
	if c.what, err = env.Program(parsed, cel.CostLimit(maxAlertCost)); err != nil {
		return wrong("%v", err)
	}
	for _, ref := range parsed.NativeRep().ReferenceMap() {
		if known[ref.Name] {
			c.names = append(c.names, ref.Name)
		}
	}
	for _, word := range strings.FieldsFunc(a.Expression, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '.'
	}) {
		if c.Value == "" && known[word] {
			c.Value = word
		}
		if a.Threshold == "" && word[0] >= '0' && word[0] <= '9' {
			c.Threshold = word
		}
	}
	if !known[c.Value] {
		return wrong("value names a measure of queues, or longest_wait")
	}
	for _, q := range a.Queues {
		c.queues[q] = true
	}
	return c, nil
}

// Close ends the watching.
func (a *Alerts) Close() {
	a.end()
	a.wg.Wait()
}

// watching is what there is to do for a tenant. It belongs to one goroutine.
type watching struct {
	tenant     string
	conditions []*condition
	owed       []event.Event // of which it is not known that they are in the log
	kept       bool          // of which queues the conditions hold is in the store
	mine       bool          // it is this node's to watch, and what was kept is read
}

func (a *Alerts) watch(ctx context.Context, w watching) {
	tick := time.NewTicker(alertEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !a.log.Owns(a.log.ShardOf(w.tenant)) {
			w.mine, w.owed = false, nil
			continue
		}
		if err := a.step(ctx, &w); err != nil && ctx.Err() == nil {
			slog.Warn("alerts are tried again", "tenant", w.tenant, "error", err)
		}
	}
}

// stepTime bounds the writing of a step. It is ended also when the server is stopping: what
// is told is to be kept.
const stepTime = 5 * time.Second

// step looks at the conditions, and tells what has begun to hold.
func (a *Alerts) step(ctx context.Context, w *watching) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTime)
	defer cancel()
	if !w.mine {
		if err := a.recall(ctx, w); err != nil {
			return fmt.Errorf("read what alerts have told: %w", err)
		}
		w.mine, w.kept = true, true
	}
	_ = a.state.View(w.tenant, func(v follow.View) {
		if v.Tenant != nil {
			for _, c := range w.conditions {
				facts, changed := c.look(v)
				w.owed, w.kept = append(w.owed, facts...), w.kept && !changed
			}
		}
	})
	if len(w.owed) > 0 {
		if _, err := a.log.Append(ctx, w.tenant, w.owed); err != nil {
			return fmt.Errorf("append alerts: %w", err)
		}
		w.owed = nil
	}
	if w.kept {
		return nil
	}
	if err := a.keep(ctx, w); err != nil {
		return fmt.Errorf("keep what alerts have told: %w", err)
	}
	w.kept = true
	return nil
}

// look evaluates a condition of all its queues and gives the facts of those of which it
// has begun to hold; changed says that of some it has begun or ceased to.
func (c *condition) look(v follow.View) (facts []event.Event, changed bool) {
	now := time.Now().UnixMilli()
	for _, q := range v.Tenant.Queues() {
		if q.Removed || len(c.queues) > 0 && !c.queues[q.ID] {
			continue
		}
		read := measuresOf(v.Tenant, q, now)
		vars := map[string]any{}
		for _, name := range c.names {
			vars[name], _ = read(name)
		}
		out, _, err := c.what.Eval(vars)
		holds := err == nil && out.Value() == true
		if holds == c.fired[q.ID] {
			continue
		}
		changed = true
		if !holds {
			delete(c.fired, q.ID)
			continue
		}
		c.fired[q.ID] = true
		_, shown := read(c.Value)
		for _, agent := range c.Agents {
			e, err := event.Encode(event.Meta{
				ID: event.UUIDv5(idSpace, c.Tenant, c.ID, q.ID, agent, v.At.String()), Source: Alarm, Tenant: c.Tenant, Time: time.UnixMilli(now).UTC(),
			}, event.AgentAlerted{AgentRef: event.AgentRef{Agent: agent}, Alert: c.ID, Condition: c.Name, Expression: c.Expression, Threshold: c.Threshold,
				Value: shown, Entity: "queue/" + q.ID})
			if err == nil {
				facts = append(facts, e)
			}
		}
	}
	return facts, changed
}

// measuresOf reads measures of a queue by name: as CEL takes them, and as people do.
func measuresOf(t *floor.Tenant, q *floor.Queue, now int64) func(name string) (any, string) {
	view := measure.Queue(t, q)
	view.Now = now
	return func(name string) (any, string) {
		if name == longestWait {
			var wait float64
			if oldest := q.Oldest(); oldest != nil {
				wait = max(0, float64(now-oldest.At)/1000)
			}
			return wait, fmt.Sprintf("%.0f", wait)
		}
		m := measure.Named(name)
		value := m.Read(&view)
		if m.Type == measure.String {
			return value.Text, value.Text
		}
		return value.Float(), value.String()
	}
}
