package push

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"trunkline/eventlog"
	"trunkline/jsonhttp"
	"trunkline/problem"
)

// test sends one event that stands for nothing, at once, past the queue.
func (f *Feed) test(w http.ResponseWriter, r *http.Request) {
	d, ok := f.of(w, r)
	if !ok {
		return
	}
	c, err := newClient(&d, f.o.Guard)
	if err != nil {
		failed(w, err)
		return
	}
	defer c.Close()
	now := time.Now().UTC()
	it := &item{msg: Message{ID: uuid.NewString(), Feed: d.Feeds[0], Type: "test", Key: "test"}}
	o := body{}
	o.begin("")
	if it.msg.Feed == Raw {
		o.text("specversion", "1.0")
		o.text("id", it.msg.ID)
		o.text("source", "/trunkline/push")
		o.text("type", "net.trunkline.test")
	} else {
		o.text("api_version", APIVersion)
		o.text("name", it.msg.Feed.Name())
		o.begin("meta_data")
		o.at("create_time", now.UnixMilli())
		o.at("event_time", now.UnixMilli())
		o.text("company_id", d.Tenant)
		o.end("meta_data")
		o.text("event_id", it.msg.ID)
		o.text("event_type", "test")
	}
	o.end("")
	it.msg.Body = o.done()
	res := c.send(r.Context(), &it.msg, 1)
	it.sent = 1
	a := attemptOf(it, res, time.Now())
	a.Outcome = OutcomeDelivered
	if !res.OK {
		a.Outcome = OutcomeFailed
	}
	if l := f.lane(d.key()); l != nil {
		l.mu.Lock()
		l.journal.add(a)
		l.mu.Unlock()
	}
	jsonhttp.Write(w, http.StatusOK, a)
}

// running gives the lane that a request is about, and answers when it is not here.
func (f *Feed) running(w http.ResponseWriter, r *http.Request) *lane {
	d, ok := f.of(w, r)
	if !ok {
		return nil
	}
	l := f.lane(d.key())
	if l == nil {
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "elsewhere", Title: "Another node delivers to this destination",
			Detail: "Ask again in a moment, or ask the node that writes the tenant's shard."})
	}
	return l
}

func (f *Feed) attempts(w http.ResponseWriter, r *http.Request) {
	l := f.running(w, r)
	if l == nil {
		return
	}
	q := r.URL.Query()
	limit, failures := 100, false
	var err error
	for k := range q {
		v := q.Get(k)
		switch k {
		case "event":
		case "limit":
			if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > 2*journalSize {
				err = fmt.Errorf("limit %q: 1 to %d", v, 2*journalSize)
			}
		case "failed":
			if failures, err = strconv.ParseBool(v); err != nil {
				err = fmt.Errorf("failed %q: true or false", v)
			}
		default:
			err = fmt.Errorf("unknown parameter %q: event, failed, limit", k)
		}
		if err != nil {
			jsonhttp.Invalid(w, err)
			return
		}
	}
	l.mu.Lock()
	found := l.journal.find(q.Get("event"), failures, limit)
	l.mu.Unlock()
	jsonhttp.Write(w, http.StatusOK, map[string]any{"attempts": found})
}

func (f *Feed) listParked(w http.ResponseWriter, r *http.Request) {
	l := f.running(w, r)
	if l == nil {
		return
	}
	l.mu.Lock()
	list := append([]Parked{}, l.parked.list[:min(1000, len(l.parked.list))]...)
	total := len(l.parked.list)
	l.mu.Unlock()
	jsonhttp.Write(w, http.StatusOK, map[string]any{"parked": list, "total": total})
}

// again is what is to be sent once more: an event, a stretch of the log, or what is parked.
type again struct {
	Event  string `json:"event"`  // the id of one that is among the attempts or parked
	After  string `json:"after"`  // a cursor, or "oldest"
	Until  string `json:"until"`  // a cursor; none: the end of the log
	Parked bool   `json:"parked"` // all that is parked
}

func (f *Feed) replayIt(w http.ResponseWriter, r *http.Request) {
	l := f.running(w, r)
	if l == nil {
		return
	}
	var in again
	if err := jsonhttp.Read(w, r, &in); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	var st ReplayStatus
	var err error
	switch {
	case in.Parked && in.Event == "" && in.After == "" && in.Until == "":
		st, err = l.replayParked()
	case in.Event != "" && !in.Parked && in.After == "" && in.Until == "":
		st, err = l.again(in.Event)
	case in.After != "" && in.Event == "" && !in.Parked:
		st, err = l.span(in.After, in.Until)
	default:
		err = fmt.Errorf("%w: give one of event, after (with until or without), parked: true", errSpan)
	}
	if err != nil {
		failed(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusAccepted, st)
}

// errSpan says that a request does not tell what to replay.
var errSpan = errors.New("the replay is not valid")

// errEvent says that nothing is known of an event.
var errEvent = errors.New("the event is neither parked nor among the attempts that are kept")

// again replays one event.
func (l *lane) again(id string) (ReplayStatus, error) {
	l.mu.Lock()
	at, held, known := place{epoch: l.epoch}, false, false
	for _, e := range l.parked.list {
		if e.Event == id {
			at, held, known = e.place(), e.Held, true
		}
	}
	if !known {
		for _, a := range l.journal.find(id, false, 1) {
			at.seq, at.event, known = a.Sequence, a.Event, a.Sequence > 0
		}
	}
	l.mu.Unlock()
	if !known {
		return ReplayStatus{}, errEvent
	}
	return l.replayOne(at, held)
}

// span replays what lies between two cursors.
func (l *lane) span(after, until string) (ReplayStatus, error) {
	from, to := l.f.log.Oldest(l.d.Tenant), l.f.log.Head(l.d.Tenant)
	var err error
	if after != "oldest" {
		from, err = eventlog.ParseCursor(after)
	}
	if err == nil && until != "" {
		to, err = eventlog.ParseCursor(until)
	}
	if err != nil {
		return ReplayStatus{}, fmt.Errorf("%w: %w", errSpan, err)
	}
	if from.Epoch != to.Epoch || from.Seq > to.Seq {
		return ReplayStatus{}, fmt.Errorf("%w: until lies before after, or is of another numbering", errSpan)
	}
	return l.replayRange(from, to.Seq)
}
