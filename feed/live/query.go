package live

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/eventlog"
	"trunkline/feed/relay"
	"trunkline/nearest"
	"trunkline/problem"
)

// MaxLimit is the most events that a page of history may have.
const MaxLimit = 10_000

// The parameters of the two endpoints.
var (
	historyParameters = []string{"after", "before", "order", "types", "subject", "filter", "from", "to", "limit"}
	liveParameters    = []string{"after", "types", "subject", "filter", "consumer", "ack"}
)

// oldest is the word for the beginning in place of a cursor.
const oldest = "oldest"

// historyQuery is a request for a page of history.
type historyQuery struct {
	backwards bool
	cursor    eventlog.Cursor // zero: from the end that order names
	filter    *filter
	from, to  time.Time
	limit     int
}

// liveQuery is a request to listen.
type liveQuery struct {
	after    string // "", oldest or a cursor
	cursor   eventlog.Cursor
	given    bool // after was named, though perhaps empty
	filter   *filter
	consumer string
	explicit bool
}

// parameters reads a query strictly: each parameter is known and named once.
func parameters(raw string, known []string) (map[string]string, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: %w", err)
	}
	values := make(map[string]string, len(q))
	for _, name := range sorted(q) {
		if !slices.Contains(known, name) {
			if near, ok := nearest.Of(name, known); ok {
				return nil, fmt.Errorf("unknown parameter %q, did you mean %q?", name, near)
			}
			if len(known) == 0 {
				return nil, fmt.Errorf("unknown parameter %q; there are none here", name)
			}
			return nil, fmt.Errorf("unknown parameter %q; known are %s", name, strings.Join(known, ", "))
		}
		if len(q[name]) > 1 {
			return nil, fmt.Errorf("the parameter %q is given %d times", name, len(q[name]))
		}
		values[name] = q[name][0]
	}
	return values, nil
}

func sorted(q url.Values) []string {
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// parseHistory reads the query of GET /v1/events.
func parseHistory(raw string, page int) (historyQuery, error) {
	var h historyQuery
	p, err := parameters(raw, historyParameters)
	if err != nil {
		return h, err
	}
	switch order, given := p["order"]; {
	case !given, order == "asc":
	case order == "desc":
		h.backwards = true
	default:
		return h, fmt.Errorf("order is %q, it must be asc or desc", order)
	}
	after, hasAfter := p["after"]
	before, hasBefore := p["before"]
	switch {
	case hasAfter && hasBefore:
		return h, errors.New("after and before exclude each other: after reads forwards, before backwards")
	case hasAfter && h.backwards:
		return h, errors.New("after reads forwards; with order=desc give before")
	case hasBefore && p["order"] == "asc":
		return h, errors.New("before reads backwards; with order=asc give after")
	case hasBefore:
		h.backwards = true
		if before != "" {
			if h.cursor, err = eventlog.ParseCursor(before); err != nil {
				return h, fmt.Errorf("before: %w", err)
			}
		}
	case hasAfter && after != "" && after != oldest:
		if h.cursor, err = eventlog.ParseCursor(after); err != nil {
			return h, fmt.Errorf("after: %w", err)
		}
	}
	if h.filter, err = parseFilter(p["types"], p["subject"], p["filter"]); err != nil {
		return h, err
	}
	if h.from, err = parseTime(p, "from"); err != nil {
		return h, err
	}
	if h.to, err = parseTime(p, "to"); err != nil {
		return h, err
	}
	if !h.from.IsZero() && !h.to.IsZero() && !h.from.Before(h.to) {
		return h, errors.New("from must be before to")
	}
	h.limit = page
	if text, ok := p["limit"]; ok {
		h.limit, err = strconv.Atoi(text)
		if err != nil || h.limit < 1 || h.limit > MaxLimit {
			return h, fmt.Errorf("limit is %q, it must be a number from 1 to %d", text, MaxLimit)
		}
	}
	return h, nil
}

func parseTime(p map[string]string, name string) (time.Time, error) {
	text, ok := p[name]
	if !ok {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%s is %q, it must be a time such as 2026-05-04T09:30:00Z (a + in a query is written %%2B)", name, text)
	}
	return t, nil
}

// parseLive reads the query of GET /v1/live. lastID is the header Last-Event-ID, which
// a browser sends when it comes back and which goes before the parameter after.
func parseLive(raw, lastID string, socket bool) (liveQuery, error) {
	var l liveQuery
	p, err := parameters(raw, liveParameters)
	if err != nil {
		return l, err
	}
	l.after, l.given = p["after"]
	name := "after"
	if lastID != "" && !socket {
		l.after, l.given, name = lastID, true, "Last-Event-ID"
	}
	if l.after != "" && l.after != oldest {
		if l.cursor, err = eventlog.ParseCursor(l.after); err != nil {
			return l, fmt.Errorf("%s: %w", name, err)
		}
	}
	if l.filter, err = parseFilter(p["types"], p["subject"], p["filter"]); err != nil {
		return l, err
	}
	consumer, hasConsumer := p["consumer"]
	ack, hasAck := p["ack"]
	if (hasConsumer || hasAck) && !socket {
		return l, errors.New("consumer and ack need a WebSocket: with SSE the client keeps its place (Last-Event-ID)")
	}
	if hasConsumer {
		if err := checkConsumer(consumer); err != nil {
			return l, err
		}
		l.consumer = consumer
	}
	switch ack {
	case "explicit":
		l.explicit = true
	case "pong":
	default:
		if hasAck {
			return l, fmt.Errorf("ack is %q, it must be pong or explicit", ack)
		}
	}
	return l, nil
}

// maxConsumer is the longest name of a consumer.
const maxConsumer = 64

func checkConsumer(name string) error {
	if name == "" || len(name) > maxConsumer {
		return fmt.Errorf("a consumer's name has 1 to %d characters, not %d", maxConsumer, len(name))
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("a consumer's name consists of letters, digits, '-' and '_', not %q", c)
		}
	}
	return nil
}

// badQuery answers a request that cannot be understood.
func badQuery(w http.ResponseWriter, err error) {
	d := problem.Detail{Status: http.StatusBadRequest, Type: "query", Title: "The query cannot be served", Detail: err.Error() + "."}
	if errors.Is(err, eventlog.ErrCursor) {
		d.Type, d.Title = "cursor", "Not a cursor"
	}
	if strings.HasSuffix(err.Error(), "?") {
		d.Detail = err.Error()
	}
	problem.Write(w, d)
}

// refuse answers a request that the log cannot serve.
func (f *Feed) refuse(w http.ResponseWriter, tenant string, err error) {
	var gone *eventlog.GoneError
	var broken *eventlog.BreakError
	switch {
	case errors.As(err, &gone):
		ext := map[string]any{"reason": gone.Reason, "oldest": gone.Oldest.String(), "newest": gone.Newest.String()}
		if gone.Reason == eventlog.GoneTrimmed {
			ext["lost_from"], ext["lost_to"] = gone.LostFrom, gone.LostTo
		}
		problem.Write(w, problem.Detail{Status: http.StatusGone, Type: "cursor-gone", Title: "The cursor cannot be gone on from",
			Detail: "The " + gone.Error() + ".", Extensions: ext})
	case errors.As(err, &broken):
		problem.Write(w, problem.Detail{Status: http.StatusInternalServerError, Type: "log-broken", Title: "Events cannot be read",
			Detail:     fmt.Sprintf("The events %d to %d cannot be read. Reading goes on after the given cursor.", broken.From, broken.To),
			Extensions: map[string]any{"lost_from": broken.From, "lost_to": broken.To, "after": broken.After.String()}})
	case errors.Is(err, relay.ErrClosed):
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The server is stopping"})
	default:
		f.o.Logger.Error("reading the log failed", "tenant", tenant, "err", err)
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The log cannot be read at the moment"})
	}
}
