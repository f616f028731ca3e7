package rows_test

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
	"trunkline/floor"
	"trunkline/floor/interval"
	"trunkline/sim"
)

// hours is how long the simulated day is: eighty minutes, or as many hours as
// TRUNKLINE_EXPORT_HOURS says.
func hours(t *testing.T) time.Duration {
	v := os.Getenv("TRUNKLINE_EXPORT_HOURS")
	if v == "" {
		return 80 * time.Minute
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Hour
}

// latest removes the duplicates of a table's rows.
func latest(t *testing.T, x *exporter, name string, o schema.Ordering) []written {
	t.Helper()
	tb, ok := schema.Find(name)
	if !ok {
		t.Fatal("no table " + name)
	}
	d := schema.NewDedupe(tb, o)
	at := map[string]int{}
	var out []written
	for _, w := range x.of(name) {
		k := string(d.AppendKey(nil, w.row))
		i, ok := at[k]
		switch {
		case !ok:
			at[k] = len(out)
			out = append(out, w)
		case d.Newer(w.row, w.window, out[i].row, out[i].window):
			out[i] = w
		}
	}
	return out
}

// day is a simulated day with its rows.
type day struct {
	x     *exporter
	books *sim.Books
	floor *floor.Tenant
	sent  int // transfers that were asked for, by agents and by rules
}

func newDay(t *testing.T) day {
	j := newJournal(t)
	s := j.simulate(centre(11, 40, hours(t)))
	d := day{x: export(j, 26*time.Hour), books: s.Books(), floor: j.fold.Tenant(tenant)}
	for i := range j.records {
		for _, what := range []string{"transfer_started", "redirected"} {
			if bytes.Contains(j.records[i].Raw, []byte(`"type":"interaction.`+what+`"`)) {
				d.sent++
			}
		}
	}
	return d
}

func ms(v schema.Value) int64 { return int64(math.Round(v.Float() * 1000)) }

func TestTheTablesEqualTheBooks(t *testing.T) {
	d := newDay(t)
	t.Run("one row for a key in a window", func(t *testing.T) { oneRow(t, d.x) })
	t.Run("counts", func(t *testing.T) { rowCounts(t, d.x) })
	for _, o := range []schema.Ordering{schema.ByLogical, schema.ByGuide} {
		t.Run("issues by "+o.String(), func(t *testing.T) { issues(t, d, o) })
		t.Run("queues by "+o.String(), func(t *testing.T) { queues(t, d, o) })
		t.Run("transfers by "+o.String(), func(t *testing.T) {
			if n := len(latest(t, d.x, "transfers", o)); n != d.sent || n == 0 {
				t.Errorf("%d rows of %d transfers", n, d.sent)
			}
		})
		t.Run("contacts by "+o.String(), func(t *testing.T) { contacts(t, d, o) })
		t.Run("quarters by "+o.String(), func(t *testing.T) { quarters(t, d, o) })
	}
	t.Run("agents", func(t *testing.T) { agents(t, d) })
}

func oneRow(t *testing.T, x *exporter) {
	seen := map[string]bool{}
	keys := map[string]*schema.Dedupe{}
	for _, w := range x.out {
		d := keys[w.table.Name]
		if d == nil {
			d = schema.NewDedupe(w.table, schema.ByLogical)
			keys[w.table.Name] = d
		}
		k := w.table.Name + w.window.String() + string(d.AppendKey(nil, w.row))
		if seen[k] {
			t.Fatalf("%s has two rows for one key in the window of %v: %s", w.table.Name, w.window, w.json)
		}
		seen[k] = true
		for i, c := range w.table.Columns {
			if !w.row[i].Fits(c.Kind) || c.Null && !w.row[i].IsNull() {
				t.Fatalf("%s.%s is %v, of kind %v", w.table.Name, c.Name, w.row[i], c.Kind)
			}
		}
	}
}

// rowCounts holds export_row_counts against the rows there are.
func rowCounts(t *testing.T, x *exporter) {
	type window struct{ table, date, interval string }
	want := map[window]int64{}
	for _, w := range x.out {
		at, in := w.window, "day"
		switch {
		case w.table.Every < time.Hour:
			in = at.Format("hr=15/mi=04")
		case w.table.Every < 24*time.Hour:
			in = at.Format("hr=15")
		}
		want[window{w.table.Name, at.Format(time.DateOnly), in}]++
	}
	n := 0
	for _, w := range x.of("export_row_counts") {
		k := window{w.get("export_job").Str(), w.get("export_date").Str(), w.get("export_interval").Str()}
		if got := w.get("exported_rows").Integer(); k.table != "events" && got != want[k] {
			t.Errorf("%v has %d rows, %d are told of", k, want[k], got)
		}
		if want[k] > 0 {
			n++
		}
	}
	if n < 60 {
		t.Errorf("only %d windows with rows", n)
	}
}

func issues(t *testing.T, d day, o schema.Ordering) {
	if got := len(latest(t, d.x, "convos_metadata", o)); got != d.books.Created {
		t.Errorf("%d issues, the books have %d", got, d.books.Created)
	}
	if got := len(latest(t, d.x, "convos_metadata_ended", o)); got != d.books.Ended {
		t.Errorf("%d issues are over, in the books %d", got, d.books.Ended)
	}
	said := 0
	for role, n := range d.books.Messages {
		if role != "" {
			said += n
		}
	}
	if got := len(latest(t, d.x, "utterances", o)); got != said || said == 0 {
		t.Errorf("%d utterances, the books have %d", got, said)
	}
	assisted, handle := 0, int64(0)
	for _, w := range latest(t, d.x, "convos_metrics_ended", o) {
		assisted += int(w.get("assisted").Integer())
		handle += ms(w.get("total_handle_time"))
	}
	parts := int64(0)
	for _, w := range latest(t, d.x, "rep_convos", o) {
		parts += ms(w.get("handle_time_seconds"))
	}
	if handle != parts || handle == 0 {
		t.Errorf("the issues took %d ms, their contacts %d", handle, parts)
	}
	chances := int64(0)
	for _, w := range latest(t, d.x, "live_agent_opportunities", o) {
		chances += ms(w.get("handle_time_seconds"))
	}
	if chances != parts {
		t.Errorf("the chances took %d ms, the contacts %d", chances, parts)
	}
	if want := d.books.Outcomes[sim.Answered]; assisted < want {
		t.Errorf("%d issues were assisted, the books have %d answered", assisted, want)
	}
	if n := len(latest(t, d.x, "fact_convos_missed_ends", o)); n != 0 {
		t.Errorf("%d ends were missed", n)
	}
}

func queues(t *testing.T, d day, o schema.Ordering) {
	got := map[string]*sim.QueueBook{}
	for _, w := range latest(t, d.x, "issue_queues", o) {
		id := queueOf(t, d, w.get("queue_id"))
		q := got[id]
		if q == nil {
			q = &sim.QueueBook{}
			got[id] = q
		}
		q.Offered++
		wait := ms(w.get("enqueue_time"))
		switch how := w.get("exit_queue_eventtype").Str(); how {
		case "ASSIGNED":
			q.Answered++
			q.WaitAnswered.Sum += wait
		case "QUEUE_ABANDONED":
			q.AbandonedLong++
		case "TIMED_OUT":
			q.Timeout++
		case "OVERFLOW":
			q.Overflow++
		case "KEY":
			q.Key++
		case "FULL":
			q.Full++
		case "TRANSFERRED":
			q.Transferred++
		default:
			t.Errorf("a visit ended with %q", how)
		}
		if w.get("abandoned").Bool() != (w.get("exit_queue_eventtype").Str() == "QUEUE_ABANDONED") {
			t.Errorf("%s", w.json)
		}
	}
	for id, want := range d.books.Queues {
		g := got[id]
		if g == nil {
			g = &sim.QueueBook{}
		}
		if g.Offered != want.Offered || g.Answered != want.Answered || g.AbandonedLong != want.AbandonedShort+want.AbandonedLong || g.Timeout != want.Timeout ||
			g.Overflow != want.Overflow || g.Key != want.Key || g.Full != want.Full || g.Transferred != want.Transferred || g.WaitAnswered.Sum != want.WaitAnswered.Sum {
			t.Errorf("queue %s: %+v, the books say %+v", id, *g, *want)
		}
		q := d.floor.Queue(id)
		if d.floor.DayBegan() > start.UnixMilli() {
			continue // the floor counts since midnight
		}
		if int64(g.Answered) != q.Get(floor.Answered) || int64(g.AbandonedLong) != q.Get(floor.AbandonedLong)+q.Get(floor.AbandonedShort) {
			t.Errorf("queue %s: %+v, the floor has %d answered", id, *g, q.Get(floor.Answered))
		}
	}
	chances := 0
	for _, w := range latest(t, d.x, "live_agent_opportunities", o) {
		if !w.get("enqueued_ts").IsNull() {
			chances++
		}
	}
	if want := d.books.Sum().Offered; chances != want {
		t.Errorf("%d chances in queues, %d visits", chances, want)
	}
}

// queueOf gives the queue of a number.
func queueOf(t *testing.T, d day, v schema.Value) string {
	t.Helper()
	if v.IsNull() {
		return ""
	}
	for _, q := range d.floor.Queues() {
		if rows.QueueNumber(q.ID) == v.Integer() {
			return q.ID
		}
	}
	t.Fatalf("no queue has the number %v", v)
	return ""
}

func contacts(t *testing.T, d day, o schema.Ordering) {
	type work struct{ n, lead, hold, wrap int64 }
	got := map[string]*work{}
	byAgent := map[string]*work{}
	for _, w := range latest(t, d.x, "rep_convos", o) {
		for m, k := range map[*map[string]*work]string{&got: queueOf(t, d, w.get("queue_id")), &byAgent: w.get("rep_id").Str()} {
			if (*m)[k] == nil {
				(*m)[k] = &work{}
			}
			g := (*m)[k]
			g.n++
			g.lead += ms(w.get("lead_time_seconds"))
			g.hold += ms(w.get("cume_hold_time_seconds"))
			g.wrap += ms(w.get("wrap_up_time_seconds"))
		}
	}
	for id, want := range d.books.Queues {
		if g := got[id]; g == nil && want.Handled > 0 || g != nil && *g != (work{int64(want.Handled), want.Talk + want.Hold, want.Hold, want.Wrap}) {
			t.Errorf("queue %s: %+v, the books say %+v", id, g, *want)
		}
	}
	for id, want := range d.books.Agents {
		if g := byAgent[id]; g == nil && want.Handled > 0 || g != nil && *g != (work{int64(want.Handled), want.Talk + want.Hold, want.Hold, want.Wrap}) {
			t.Errorf("agent %s: %+v, the books say %+v", id, g, *want)
		}
	}
}

// quarters holds the 15-minute rows against the floor, and against what the other
// tables say of the same quarters.
func quarters(t *testing.T, d day, o schema.Ordering) {
	type counted struct{ answered, abandoned, wait, handled, handle, wrap int64 }
	from := map[int64]map[string]*counted{}
	in := func(at time.Time, queue string) *counted {
		s := at.Truncate(rows.Quarter).UnixMilli()
		if from[s] == nil {
			from[s] = map[string]*counted{}
		}
		if from[s][queue] == nil {
			from[s][queue] = &counted{}
		}
		return from[s][queue]
	}
	for _, w := range latest(t, d.x, "issue_queues", o) {
		c := in(w.get("exit_queue_ts").Time(), queueOf(t, d, w.get("queue_id")))
		if w.get("abandoned").Bool() {
			c.abandoned++
		}
		if w.get("exit_queue_eventtype").Str() == "ASSIGNED" {
			c.answered++
			c.wait += ms(w.get("enqueue_time"))
		}
	}
	for _, w := range latest(t, d.x, "rep_convos", o) {
		c := in(w.get("dispositioned_ts").Time(), queueOf(t, d, w.get("queue_id")))
		c.handled++
		c.handle += ms(w.get("handle_time_seconds"))
		c.wrap += ms(w.get("wrap_up_time_seconds"))
	}
	slices := map[int64]*interval.Slice{}
	for _, s := range d.x.fold.Tenant(tenant).Intervals() {
		slices[s.Start] = s
	}
	n := 0
	var sum counted
	for _, w := range latest(t, d.x, "queue_wfm", o) {
		at, id := w.get("instance_ts").Time(), queueOf(t, d, w.get("queue_id"))
		got := counted{
			w.get("assignments").Integer(), w.get("abandons").Integer(), ms(w.get("wait_time_seconds")), w.get("handled").Integer(),
			ms(w.get("handle_time_seconds")), ms(w.get("wrap_up_time_seconds")),
		}
		sum.answered, sum.abandoned, sum.handled, sum.handle = sum.answered+got.answered, sum.abandoned+got.abandoned, sum.handled+got.handled, sum.handle+got.handle
		want := from[at.UnixMilli()][id]
		if want == nil {
			want = &counted{}
		}
		if got != *want {
			t.Errorf("queue %s at %v: %+v, by the other tables %+v", id, at, got, *want)
		}
		if s := slices[at.UnixMilli()]; s != nil {
			if q := s.Queues[id]; q == nil || q.Assignments != got.answered || q.Abandons != got.abandoned || q.Handle != got.handle || q.Handled != got.handled {
				t.Errorf("queue %s at %v: %+v, the floor says %+v", id, at, got, q)
			}
		}
		if d := w.window.Sub(at); d != rows.Quarter {
			t.Errorf("the quarter of %v is written in the window of %v", at, w.window)
		}
		n++
	}
	b := d.books.Sum()
	if sum.answered != int64(b.Answered) || sum.abandoned != int64(b.AbandonedLong+b.AbandonedShort) || sum.handled != int64(b.Handled) || sum.handle != b.Talk+b.Hold+b.Wrap || n < 50 {
		t.Errorf("%d quarters: %+v, the books say %+v", n, sum, b)
	}
}
