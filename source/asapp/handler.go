package asapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/problem"
)

// Path is where payloads are posted.
const Path = "/v1/receive/asapp"

// Appender makes events durable; the server is one.
type Appender interface {
	Append(ctx context.Context, tenant string, events []event.Event) (eventlog.Result, error)
}

// The outcomes of a request, as they are counted.
const (
	Accepted  = "accepted"
	Duplicate = "duplicate"
	Filtered  = "filtered" // left out by the configuration
	Refused   = "refused"
	Failed    = "failed" // the log could not take it: it will come again
)

// Options are the terms of the receiver.
type Options struct {
	Log   Appender
	Allow *Allow
	// Known says whether a tenant is there. nil: all are.
	Known func(tenant string) bool
	// Names and Types are the feeds and event types that are taken; none: all.
	Names, Types []string
	// Bytes bounds a payload. 0 means 256 KiB.
	Bytes int64
	// Count is told of each outcome.
	Count func(outcome string)
}

// Handler answers POST /v1/receive/asapp.
type Handler struct{ o Options }

// New returns a handler. It must stand behind a listener that verifies client certificates.
func New(o Options) *Handler {
	if o.Bytes == 0 {
		o.Bytes = 256 << 10
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	return &Handler{o: o}
}

// ServeHTTP takes one payload.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	outcome := h.take(w, r)
	h.o.Count(outcome)
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request) string {
	if r.URL.Path != Path {
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-endpoint", Title: "There is nothing at this path", Detail: "Payloads are posted to " + Path + "."})
		return Refused
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		problem.Write(w, problem.Detail{Status: http.StatusMethodNotAllowed, Type: "method", Title: "The path does not take this method", Detail: "It takes POST."})
		return Refused
	}
	tenant := ""
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		tenant = h.o.Allow.Tenant(r.TLS.VerifiedChains[0][0])
	}
	if tenant == "" || h.o.Known != nil && !h.o.Known(tenant) {
		w.Header().Set("Connection", "close") // the client is not welcome any more
		problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "client", Title: "The client is not on the list",
			Detail: "The subject of the client certificate belongs to no tenant here."})
		return Refused
	}
	size := r.ContentLength
	if size > h.o.Bytes {
		return h.refuse(w, &http.MaxBytesError{Limit: h.o.Bytes})
	}
	raw := make([]byte, 0, max(size, 512)+1)
	raw, err := readAll(http.MaxBytesReader(w, r.Body, h.o.Bytes), raw)
	if err != nil {
		return h.refuse(w, err)
	}
	e, err := Parse(raw)
	if err != nil {
		return h.refuse(w, err)
	}
	if len(h.o.Names) > 0 && !slices.Contains(h.o.Names, e.Name) || len(h.o.Types) > 0 && !slices.Contains(h.o.Types, e.Type) {
		answer(w, Filtered)
		return Filtered
	}
	events, err := Translate(&e)
	if err != nil {
		return h.refuse(w, err)
	}
	res, err := h.o.Log.Append(r.Context(), tenant, events)
	if err != nil {
		return h.refuse(w, err)
	}
	outcome := Accepted
	if res.Accepted == 0 {
		outcome = Duplicate
	}
	answer(w, outcome)
	return outcome
}

func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the body: %w", err)
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

func answer(w http.ResponseWriter, outcome string) {
	body := `{"outcome":"` + outcome + `"}`
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = io.WriteString(w, body) // the sender is gone if this fails, and will come again
}

// refuse answers with the problem document that an error calls for. 5xx and 429 ask the sender to come again.
func (h *Handler) refuse(w http.ResponseWriter, err error) string {
	var (
		big   *http.MaxBytesError
		quota *eventlog.QuotaError
	)
	switch {
	case errors.As(err, &big):
		problem.Write(w, problem.Detail{Status: http.StatusRequestEntityTooLarge, Type: "too-large", Title: "The payload is too large",
			Detail: fmt.Sprintf("At most %d bytes are taken.", h.o.Bytes)})
		return Refused
	case errors.Is(err, ErrVersion):
		problem.Write(w, problem.Detail{Status: http.StatusUnprocessableEntity, Type: "api-version", Title: "The major version is not known", Detail: err.Error()})
		return Refused
	case errors.Is(err, ErrPayload):
		problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "invalid-payload", Title: "The payload is not valid", Detail: err.Error()})
		return Refused
	case errors.As(err, &quota), errors.Is(err, eventlog.ErrBusy):
		w.Header().Set("Retry-After", "2")
		problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "busy", Title: "Too much comes at once", Detail: "Send it again."})
	default:
		w.Header().Set("Retry-After", "2")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The log takes no events", Detail: "Send it again: what is there already is dropped by its event_id."})
	}
	return Failed
}
