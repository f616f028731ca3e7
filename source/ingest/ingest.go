// Package ingest takes events in over HTTP: POST /v1/events.
//
// A request carries CloudEvents in any of the forms that event.FromHTTP reads
// (one event, a batch, NDJSON lines, binary mode), plain or compressed with
// gzip. It belongs to the tenant of its token. A request is appended as a whole
// or refused as a whole: one bad event refuses all of them, and the answer names
// every bad one.
//
// The answer 200 comes after the log has made the events durable. Refusals are
// problem documents (RFC 9457), and the status says what to do:
//
//	400  the request is wrong; "problems" names index, field and reason of each
//	403  an event belongs to another tenant than the token
//	413  too large, or too many events; send less at once
//	415  a form or compression that is not taken; the answer says what is
//	429  come back after Retry-After: the tenant's quota, or too much waits
//	503  "outcome" is "not written": try again later; or "unknown": the events
//	     are there once or not at all, repeat them with the same ids
package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"trunkline/auth"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/problem"
)

// Appender makes events durable; *eventlog.Log is one. When Append returns
// without an error it holds none of the events' bytes any more.
type Appender interface {
	Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error)
}

// Handler answers POST /v1/events.
type Handler struct {
	log Appender
	lim event.Limits
}

// New returns a handler that appends to log what keeps to the limits. Limits
// that are zero take their defaults.
func New(log Appender, lim event.Limits) *Handler {
	return &Handler{log: log, lim: lim.WithDefaults()}
}

// Routes lists the endpoint.
func (h *Handler) Routes() []auth.Route {
	return []auth.Route{{Pattern: "POST /v1/events", Scope: auth.Ingest, Handler: h}}
}

// ServeHTTP takes the events of one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := auth.From(r.Context())
	if p == nil || p.Operator() {
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "no-tenant", Title: "Events need a tenant",
			Detail: "Events belong to the tenant of the token that sends them; this request has none."})
		return
	}
	b := newBody()
	err := b.read(w, r, h.lim.MaxBatchBytes)
	if err != nil {
		b.free()
		refuse(w, err)
		return
	}
	events, err := event.FromHTTP(r.Header, b.bytes, h.lim)
	if err == nil {
		err = ofTenant(events, p.Tenant)
	}
	if err != nil {
		b.free()
		refuse(w, err)
		return
	}
	result, err := h.log.Append(r.Context(), p.Tenant, events)
	if err != nil {
		// The log may still hold the bytes, so the body is left to the collector.
		refuse(w, err)
		return
	}
	b.bytes = appendResult(b.bytes[:0], result)
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(b.bytes)))
	header.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.bytes) // the client is gone if this fails; it will repeat with the same ids
	b.free()
}

// errTenant says that events name another tenant than the token's.
type errTenant struct {
	event.InvalidError
}

// ofTenant checks that no event names another tenant.
func ofTenant(events []event.Event, tenant string) error {
	var bad errTenant
	for i := range events {
		if t := events[i].Tenant; t != "" && t != tenant {
			if len(bad.Problems) == event.MaxProblems {
				bad.More++
				continue
			}
			bad.Problems = append(bad.Problems, event.Problem{Index: i, Field: "tenant", Reason: "is not the tenant of the token"})
		}
	}
	if len(bad.Problems) > 0 {
		return &bad
	}
	return nil
}

// appendResult writes the answer to an append.
func appendResult(dst []byte, r eventlog.Result) []byte {
	return fmt.Appendf(dst, `{"accepted":%d,"duplicates":%d,"conflicts":%d,"cursor":%q,"durability":%q}`+"\n",
		r.Accepted, r.Duplicates, r.Conflicts, r.Cursor, r.Durability)
}

// refuse answers with the problem document that an error calls for.
func refuse(w http.ResponseWriter, err error) {
	var (
		invalid     *event.InvalidError
		tenant      *errTenant
		large       *tooLargeError
		coding      *codingError
		quota       *eventlog.QuotaError
		unavailable *eventlog.UnavailableError
	)
	header := w.Header()
	switch {
	case errors.As(err, &tenant):
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-tenant", Title: "Events of another tenant",
			Detail: "Nothing was written. Leave the attribute tenant out, or send the token's own.", Extensions: problems(&tenant.InvalidError)})
	case errors.As(err, &invalid) && invalid.TooLarge:
		problem.Write(w, problem.Detail{Status: http.StatusRequestEntityTooLarge, Type: "too-large", Title: "Over the limits",
			Detail: "Nothing was written. " + invalid.Error(), Extensions: problems(invalid)})
	case errors.As(err, &invalid):
		problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "invalid-event", Title: "Invalid events",
			Detail: "Nothing was written. " + invalid.Error(), Extensions: problems(invalid)})
	case errors.As(err, &large):
		problem.Write(w, problem.Detail{Status: http.StatusRequestEntityTooLarge, Type: "too-large", Title: "Over the limits", Detail: "Nothing was written: " + large.Error() + "."})
	case errors.Is(err, eventlog.ErrTooLarge):
		problem.Write(w, problem.Detail{Status: http.StatusRequestEntityTooLarge, Type: "too-large", Title: "Over the limits", Detail: "Nothing was written: one event is larger than the log can take in one piece."})
	case errors.As(err, &coding):
		header.Set("Accept-Encoding", "gzip, identity")
		problem.Write(w, problem.Detail{Status: http.StatusUnsupportedMediaType, Type: "content-encoding", Title: "Compression that is not taken",
			Detail: coding.Error(), Extensions: map[string]any{"accepted": []string{"gzip", "identity"}}})
	case errors.Is(err, event.ErrMediaType):
		accepted := []string{event.MediaTypeEvent, event.MediaTypeBatch, event.MediaTypeNDJSON, event.MediaTypeJSON}
		header.Set("Accept-Post", accepted[0]+", "+accepted[1]+", "+accepted[2]+", "+accepted[3])
		problem.Write(w, problem.Detail{Status: http.StatusUnsupportedMediaType, Type: "content-type", Title: "Form that is not taken",
			Detail:     err.Error() + ". Any other content type is taken in binary mode, with the attributes in ce- headers.",
			Extensions: map[string]any{"accepted": accepted}})
	case errors.As(err, &quota):
		after(w, int((quota.RetryAfter.Milliseconds()+999)/1000))
		unwritten(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "quota", Title: "Quota used up", Detail: quota.Reason}, notWritten)
	case errors.Is(err, eventlog.ErrBusy):
		after(w, 1)
		unwritten(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "busy", Title: "Too much waits to be written"}, notWritten)
	case errors.As(err, &unavailable):
		after(w, 2)
		unwritten(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The log takes no events", Detail: unavailable.Reason}, notWritten)
	case errors.Is(err, eventlog.ErrClosed):
		after(w, 2)
		unwritten(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The log takes no events", Detail: "The server is stopping."}, notWritten)
	case errors.Is(err, errBody):
		problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "body", Title: "The body cannot be read", Detail: "Nothing was written: " + err.Error() + "."})
	default: // eventlog.ErrUnknown, a context that ended, anything the log does not name
		after(w, 1)
		unwritten(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unknown", Title: "The outcome is not known",
			Detail: "The events are there once or not at all: unknown, repeat with the same ids."}, unknown)
	}
}

// The outcomes of a request that was not answered with 200 by the log.
const (
	notWritten = "not written"
	unknown    = "unknown"
)

func unwritten(w http.ResponseWriter, d problem.Detail, outcome string) {
	d.Extensions = map[string]any{"outcome": outcome}
	problem.Write(w, d)
}

func after(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, seconds)))
}

// problems lists what is wrong, for the members "problems" and "more".
func problems(e *event.InvalidError) map[string]any {
	type entry struct {
		Index  int    `json:"index"`
		Field  string `json:"field,omitempty"`
		Reason string `json:"reason"`
	}
	list := make([]entry, len(e.Problems))
	for i, p := range e.Problems {
		list[i] = entry(p)
	}
	m := map[string]any{"problems": list, "outcome": notWritten}
	if e.More > 0 {
		m["more"] = e.More
	}
	return m
}
