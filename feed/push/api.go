package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/eventlog"
	"trunkline/jsonhttp"
	"trunkline/problem"
	"trunkline/webhook"
)

// Errors of requests about destinations.
var (
	ErrNone   = errors.New("there is no such destination")
	ErrStatic = errors.New("the destination stands in the configuration")
	errRaw    = fmt.Errorf("%w: feeds: another destination has the feed raw, which goes to one endpoint of a tenant", ErrInvalid)
	errMany   = fmt.Errorf("%w: a tenant has at most %d destinations", ErrInvalid, maxDestinations)
)

// maxDestinations bounds the destinations of one tenant.
const maxDestinations = 2000

// Routes lists the endpoints.
func (f *Feed) Routes() []auth.Route {
	route := func(pattern string, h http.HandlerFunc) auth.Route {
		return auth.Route{Pattern: pattern, Scope: auth.Admin, Handler: tenantOnly(h)}
	}
	return []auth.Route{
		route("GET /v1/webhooks", f.list),
		route("POST /v1/webhooks", f.create),
		route("GET /v1/webhooks/{id}", f.get),
		route("PATCH /v1/webhooks/{id}", f.update),
		route("DELETE /v1/webhooks/{id}", f.remove),
		route("POST /v1/webhooks/{id}/pause", f.pauseIt),
		route("POST /v1/webhooks/{id}/resume", f.resumeIt),
		route("POST /v1/webhooks/{id}/test", f.test),
		route("POST /v1/webhooks/{id}/rotate", f.rotate),
		route("GET /v1/webhooks/{id}/attempts", f.attempts),
		route("GET /v1/webhooks/{id}/parked", f.listParked),
		route("POST /v1/webhooks/{id}/replay", f.replayIt),
	}
}

// tenantOnly refuses the operator, who has no destinations.
func tenantOnly(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth.From(r.Context()).Operator() {
			problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "no-tenant", Title: "Destinations need a tenant",
				Detail: "Destinations belong to the tenant of the token; the operator has none."})
			return
		}
		next(w, r)
	})
}

// lane gives the running lane of a destination; nil when another node has it or it cannot be begun.
func (f *Feed) lane(key string) *lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lanes[key]
}

func (f *Feed) show(d Destination) view {
	st := Status{State: "elsewhere"}
	if l := f.lane(d.key()); l != nil {
		st = l.status()
	} else if reason := f.pauseOf(d.key()); reason != "" {
		st = Status{State: StatePaused, Reason: reason}
	}
	return d.view(st)
}

// of gives the destination that a request is about, and answers when there is none.
func (f *Feed) of(w http.ResponseWriter, r *http.Request) (Destination, bool) {
	d, err := f.find(auth.From(r.Context()).Tenant, r.PathValue("id"))
	if err != nil {
		failed(w, err)
		return d, false
	}
	return d, true
}

func (f *Feed) find(tenant, id string) (Destination, error) {
	for _, d := range *f.static.Load() {
		if d.Tenant == tenant && d.ID == id {
			return d, nil
		}
	}
	if s, ok := f.store.Get(destinationKey(tenant, id)); ok && s.Destination != nil {
		return *s.Destination, nil
	}
	return Destination{}, ErrNone
}

func (f *Feed) ofTenant(tenant string) []Destination {
	var out []Destination
	for _, d := range f.wanted() {
		if d.Tenant == tenant {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Destination) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (f *Feed) list(w http.ResponseWriter, r *http.Request) {
	all := []view{}
	for _, d := range f.ofTenant(auth.From(r.Context()).Tenant) {
		all = append(all, f.show(d))
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"webhooks": all})
}

func (f *Feed) get(w http.ResponseWriter, r *http.Request) {
	if d, ok := f.of(w, r); ok {
		jsonhttp.Write(w, http.StatusOK, f.show(d))
	}
}

// answer shows a destination, and a secret that was made for it: the only time that it is seen.
type answer struct {
	view
	Secret string `json:"signing_secret,omitempty"` // one that was made, in this answer alone
}

func (f *Feed) shown(w http.ResponseWriter, status int, d Destination, secret string) {
	jsonhttp.Write(w, status, answer{f.show(d), secret})
}

func (f *Feed) create(w http.ResponseWriter, r *http.Request) {
	var s settings
	if err := jsonhttp.Read(w, r, &s); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	tenant, now := auth.From(r.Context()).Tenant, time.Now()
	d := Destination{ID: "wh-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16], Tenant: tenant, Retries: 5, Created: now.UTC().Truncate(time.Millisecond)}
	set(&d.ID, s.ID)
	secret := s.onto(&d, now)
	d = d.withDefaults()
	start, err := f.start(tenant, s.After)
	if err == nil {
		err = d.check(f.o.PlainHTTP)
	}
	if err == nil {
		err = f.add(r.Context(), d, start)
	}
	if err != nil {
		failed(w, err)
		return
	}
	slog.Info("webhook made", "destination", d.key(), "by", auth.From(r.Context()).TokenID)
	f.reconcile()
	f.shown(w, http.StatusCreated, d, secret)
}

func (f *Feed) add(ctx context.Context, d Destination, start eventlog.Cursor) error {
	f.making.Lock()
	defer f.making.Unlock()
	if err := f.beside(&d); err != nil {
		return err
	}
	return f.store.Create(ctx, destinationKey(d.Tenant, d.ID), stored{Destination: &d, Start: &start})
}

// start reads where a new destination begins: behind everything, unless something else is asked for.
func (f *Feed) start(tenant string, after *string) (eventlog.Cursor, error) {
	switch {
	case after == nil || *after == "":
		return f.log.Head(tenant), nil
	case *after == "oldest":
		return f.log.Oldest(tenant), nil
	}
	c, err := eventlog.ParseCursor(*after)
	if err != nil {
		return c, fmt.Errorf("%w: after: %w", ErrInvalid, err)
	}
	return c, nil
}

// beside checks what a destination must not share with the others of its tenant.
func (f *Feed) beside(d *Destination) error {
	others := f.ofTenant(d.Tenant)
	if len(others) >= maxDestinations {
		return errMany
	}
	for _, o := range others {
		if o.ID != d.ID && slices.Contains(o.Feeds, Raw) && slices.Contains(d.Feeds, Raw) {
			return errRaw
		}
		if o.ID == d.ID && o.static {
			return control.ErrExists
		}
	}
	return nil
}

// change makes of a stored destination what fn makes of it.
func (f *Feed) change(ctx context.Context, d Destination, fn func(*Destination)) (Destination, error) {
	if d.static {
		return d, ErrStatic
	}
	f.making.Lock()
	defer f.making.Unlock()
	s, err := f.store.Change(ctx, destinationKey(d.Tenant, d.ID), func(s stored) (stored, error) {
		if s.Destination == nil {
			return s, ErrNone
		}
		next := *s.Destination
		fn(&next)
		next = next.withDefaults()
		s.Destination = &next
		if err := next.check(f.o.PlainHTTP); err != nil {
			return s, err
		}
		return s, f.beside(&next)
	})
	if err != nil {
		return d, err
	}
	f.reconcile()
	return *s.Destination, nil
}

func (f *Feed) update(w http.ResponseWriter, r *http.Request) {
	d, ok := f.of(w, r)
	if !ok {
		return
	}
	var s settings
	if err := jsonhttp.Read(w, r, &s); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	if s.ID != nil && *s.ID != d.ID || s.After != nil {
		jsonhttp.Invalid(w, errors.New("id and after cannot be changed"))
		return
	}
	secret := ""
	d, err := f.change(r.Context(), d, func(d *Destination) { secret = s.onto(d, time.Now()) })
	if err != nil {
		failed(w, err)
		return
	}
	slog.Info("webhook changed", "destination", d.key(), "by", auth.From(r.Context()).TokenID)
	f.shown(w, http.StatusOK, d, secret)
}

func (f *Feed) remove(w http.ResponseWriter, r *http.Request) {
	d, ok := f.of(w, r)
	if !ok {
		return
	}
	if d.static {
		failed(w, ErrStatic)
		return
	}
	if err := f.store.Delete(r.Context(), destinationKey(d.Tenant, d.ID)); err != nil {
		failed(w, err)
		return
	}
	if err := f.store.Delete(r.Context(), pauseKey(d.Tenant, d.ID)); err != nil && !errors.Is(err, control.ErrNotFound) {
		slog.Warn("the pause of a webhook that is gone cannot be removed", "destination", d.key(), "error", err)
	}
	slog.Info("webhook deleted", "destination", d.key(), "by", auth.From(r.Context()).TokenID)
	f.reconcile()
	w.WriteHeader(http.StatusNoContent)
}

// pausing is what a request to send nothing may say.
type pausing struct {
	Reason string `json:"reason"` // for people
}

func (f *Feed) pauseIt(w http.ResponseWriter, r *http.Request) {
	d, ok := f.of(w, r)
	if !ok {
		return
	}
	var in pausing
	if r.ContentLength != 0 {
		if err := jsonhttp.Read(w, r, &in); err != nil {
			jsonhttp.Invalid(w, err)
			return
		}
	}
	if in.Reason == "" {
		in.Reason = "on request"
	}
	if err := f.store.Put(r.Context(), pauseKey(d.Tenant, d.ID), stored{Pause: &pause{Reason: in.Reason, At: time.Now().UTC().Truncate(time.Second)}}); err != nil {
		failed(w, err)
		return
	}
	f.reconcile()
	jsonhttp.Write(w, http.StatusOK, f.show(d))
}

func (f *Feed) resumeIt(w http.ResponseWriter, r *http.Request) {
	d, ok := f.of(w, r)
	if !ok {
		return
	}
	if err := f.store.Delete(r.Context(), pauseKey(d.Tenant, d.ID)); err != nil && !errors.Is(err, control.ErrNotFound) {
		failed(w, err)
		return
	}
	if l := f.lane(d.key()); l != nil {
		l.mu.Lock()
		l.gone410 = false
		l.mu.Unlock()
	}
	f.reconcile()
	jsonhttp.Write(w, http.StatusOK, f.show(d))
}

// rotation is what a request for a new secret may say.
type rotation struct {
	Overlap *int `json:"overlap_seconds"` // how long the old secret signs beside the new one, a day unless it is given
}

func (f *Feed) rotate(w http.ResponseWriter, r *http.Request) {
	d, ok := f.of(w, r)
	if !ok {
		return
	}
	var in rotation
	if r.ContentLength != 0 {
		if err := jsonhttp.Read(w, r, &in); err != nil {
			jsonhttp.Invalid(w, err)
			return
		}
	}
	overlap := webhook.Overlap
	if in.Overlap != nil {
		if *in.Overlap < 0 || *in.Overlap > 7*24*3600 {
			jsonhttp.Invalid(w, fmt.Errorf("overlap_seconds %d: 0 to 604800", *in.Overlap))
			return
		}
		overlap = time.Duration(*in.Overlap) * time.Second
	}
	now := time.Now()
	list, made := webhook.Given(webhook.Made, now)
	d, err := f.change(r.Context(), d, func(d *Destination) { d.Secrets = list.Beside(d.Secrets, now, overlap) })
	if err != nil {
		failed(w, err)
		return
	}
	f.shown(w, http.StatusOK, d, made)
}

func failed(w http.ResponseWriter, err error) {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, ErrInvalid), errors.Is(err, errSpan), errors.As(err, &syntax):
		jsonhttp.Invalid(w, err)
	case errors.Is(err, ErrNone), errors.Is(err, control.ErrNotFound):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-webhook", Title: "There is no such destination"})
	case errors.Is(err, errEvent):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-event", Title: "The event is not known", Detail: err.Error()})
	case errors.Is(err, ErrStatic):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "static-webhook", Title: "The destination stands in the configuration",
			Detail: "Change it in the configuration file and restart."})
	case errors.Is(err, control.ErrExists):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "webhook-exists", Title: "There is a destination with this id"})
	case errors.Is(err, ErrReplay):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "replay-running", Title: "A replay is running already"})
	default:
		slog.Error("webhooks", "error", err)
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "control-state", Title: "The destinations cannot be written",
			Detail: "Nothing was changed as far as is known. Look before repeating."})
	}
}
