package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"time"

	"trunkline/auth"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
	"trunkline/jsonhttp"
	"trunkline/problem"
)

// Routes lists the endpoints.
func (f *Feed) Routes() []auth.Route {
	read := func(pattern string, h http.HandlerFunc) auth.Route {
		return auth.Route{Pattern: pattern, Scope: auth.Read, Operator: true, Handler: f.tenantOf(h)}
	}
	admin := func(pattern string, h http.HandlerFunc) auth.Route {
		return auth.Route{Pattern: pattern, Scope: auth.Admin, Handler: f.tenantOf(h)}
	}
	return []auth.Route{
		read("GET /v1/exports", f.list),
		read("GET /v1/exports/feeds", f.listFeeds),
		read("GET /v1/exports/destinations/{id}", f.showDestination),
		read("GET /v1/exports/destinations/{id}/feeds/{feed}/windows", f.listWindows),
		admin("GET /v1/exports/destinations/{id}/backfill", f.showBackfill),
		admin("POST /v1/exports/destinations/{id}/backfill", f.beginBackfill),
	}
}

type tenantKey struct{}

// tenantOf says whose exports are meant: the token's tenant, or for the operator the
// one that the query names.
func (f *Feed) tenantOf(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := auth.From(r.Context())
		asked := r.URL.Query().Get("tenant")
		tenant := p.Tenant
		switch {
		case p.Operator() && asked == "":
			problem.Write(w, problem.Detail{Status: http.StatusUnprocessableEntity, Type: "invalid-request", Title: "The request is not valid",
				Detail: "The operator says whose exports are meant: ?tenant=ID."})
			return
		case p.Operator():
			tenant = asked
		case asked != "" && asked != tenant:
			problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "forbidden", Title: "This is not allowed",
				Detail: "A tenant sees its own exports alone."})
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), tenantKey{}, tenant)))
	})
}

func tenantIn(r *http.Request) string {
	t, _ := r.Context().Value(tenantKey{}).(string)
	return t
}

func answer(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ErrUnknown):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-export", Title: "There is no such export", Detail: err.Error()})
	case errors.Is(err, ErrBusy):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "backfill-running", Title: "A back-fill runs already", Detail: err.Error()})
	case errors.Is(err, ErrBackfill):
		jsonhttp.Invalid(w, err)
	default:
		problem.Write(w, problem.Detail{Status: http.StatusBadGateway, Type: "bucket", Title: "The bucket does not answer", Detail: err.Error()})
	}
}

func (f *Feed) list(w http.ResponseWriter, r *http.Request) {
	list := f.Destinations(tenantIn(r))
	if list == nil {
		list = []DestinationView{}
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"destinations": list})
}

// feedView is what is told of a table.
type feedView struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	Description string   `json:"description"`
	Every       string   `json:"every"` // 15m, 1h or 24h
	Partitions  []string `json:"partitions"`
	Key         []string `json:"key"`
	Order       []string `json:"order"`
	Columns     int      `json:"columns"`
	Empty       string   `json:"empty,omitempty"`
	OptIn       bool     `json:"opt_in,omitempty"`
	Enabled     bool     `json:"enabled"` // for the tenant
}

func (f *Feed) listFeeds(w http.ResponseWriter, r *http.Request) {
	tenant := tenantIn(r)
	out := []feedView{}
	for _, t := range schema.Tables() {
		every := map[time.Duration]string{layout.Quarter: "15m", layout.Hourly: "1h", layout.Daily: "24h"}[t.Every]
		takes := func(d *Destination) bool { return d.takes(t, f.o.WFM(tenant)) }
		out = append(out, feedView{Name: t.Name, Version: t.Version, Description: t.Description, Every: every, Partitions: t.Partitions(), Key: t.Key, Order: append([]string{}, t.Order...),
			Columns: len(t.Columns), Empty: t.Empty, OptIn: t.OptIn, Enabled: slices.ContainsFunc(f.destinations[tenant], takes)})
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"feeds": out})
}

func (f *Feed) showDestination(w http.ResponseWriter, r *http.Request) {
	d, err := f.find(tenantIn(r), r.PathValue("id"))
	if err != nil {
		answer(w, err)
		return
	}
	v := f.seen[d.key()].view(d)
	jsonhttp.Write(w, http.StatusOK, wholeView{v, v.Feeds})
}

// wholeView is what is told of a destination when it is asked for alone.
type wholeView struct {
	DestinationView
	Feeds map[string]FeedProgress `json:"feeds"`
}

// windowView is what is told of a window.
type windowView struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Path  string    `json:"path"`
	// State is complete (_SUCCESS is there), open (it has not ended), waiting (it is
	// still to be delivered), missed or absent.
	State  string         `json:"state"`
	Rows   *int64         `json:"rows,omitempty"` // where the manifest tells
	Files  []ManifestFile `json:"files"`
	Reason string         `json:"reason,omitempty"`
}

// listWindows tells of the windows of a day.
func (f *Feed) listWindows(w http.ResponseWriter, r *http.Request) {
	d, err := f.find(tenantIn(r), r.PathValue("id"))
	t, ok := schema.Find(r.PathValue("feed"))
	if err == nil && (!ok || !d.takes(t, f.o.WFM(d.Tenant))) {
		err = fmt.Errorf("feed %q: %w", r.PathValue("feed"), ErrUnknown)
	}
	if err != nil {
		answer(w, err)
		return
	}
	v := f.seen[d.key()].view(d)
	day := v.ClosedUpTo
	if text := r.URL.Query().Get("date"); text != "" {
		if day, err = time.Parse(time.DateOnly, text); err != nil {
			jsonhttp.Invalid(w, fmt.Errorf("date: %q is not one, as in 2026-03-02", text))
			return
		}
	}
	format := r.URL.Query().Get("format")
	if format == "" {
		format = d.Formats[0]
	}
	if !slices.Contains(d.Formats, format) {
		jsonhttp.Invalid(w, fmt.Errorf("format: %q does not go to the destination", format))
		return
	}
	out, err := dayWindows(r.Context(), d, t, format, day, &v)
	if err != nil {
		answer(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusOK, map[string]any{"feed": t.Name, "format": format, "date": layout.WindowAt(day, layout.Daily).Date(), "windows": out})
}

func dayWindows(ctx context.Context, d *Destination, t *schema.Table, format string, day time.Time, v *DestinationView) ([]windowView, error) {
	files, done := map[string][]ManifestFile{}, map[string]bool{}
	folder := fmt.Sprintf("%s/version=%s/format=%s/dt=%s/", t.Name, t.Version, format, layout.WindowAt(day, layout.Daily).Date())
	err := d.Store.List(ctx, folder, func(o bucket.Object) error {
		name, dir := path.Base(o.Key), path.Dir(o.Key)
		if name == layout.SuccessFile {
			done[dir] = true
		} else {
			files[dir] = append(files[dir], ManifestFile{Name: name, Bytes: o.Size})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := []windowView{}
	for w := (layout.Window{Start: layout.WindowAt(day, layout.Daily).Start, Length: t.Every}); w.Start.Before(layout.WindowAt(day, layout.Daily).End()); w = w.Next() {
		p := layout.Path(t.Name, t.Version, format, w)
		one := windowView{Start: w.Start, End: w.End(), Path: p, State: "absent", Files: files[p]}
		if one.Files == nil {
			one.Files = []ManifestFile{}
		}
		switch {
		case done[p]:
			one.State = "complete"
			if d.Manifest {
				if err := one.read(ctx, d.Store); err != nil {
					return nil, err
				}
			}
		case w.End().After(v.ClosedUpTo):
			one.State = "open"
		case missed(v.Missed, t.Name, w, &one.Reason):
			one.State = "missed"
		case v.Waiting > 0:
			one.State = "waiting"
		}
		out = append(out, one)
	}
	return out, nil
}

// read takes what the manifest tells.
func (v *windowView) read(ctx context.Context, s bucket.Store) error {
	r, err := s.Open(ctx, v.Path+"/"+layout.ManifestFile, 0)
	if errors.Is(err, bucket.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	var m Manifest
	if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&m); err != nil {
		return fmt.Errorf("read the manifest of %s: %w", v.Path, err)
	}
	v.Rows, v.Files = &m.Rows, m.Files
	return nil
}

func missed(list []Missed, feed string, w layout.Window, why *string) bool {
	for _, m := range list {
		if (m.Feed == "" || m.Feed == feed) && w.Start.Before(m.End) && m.Start.Before(w.End()) {
			*why = m.Reason
			return true
		}
	}
	return false
}

func (f *Feed) beginBackfill(w http.ResponseWriter, r *http.Request) {
	var want Backfill
	if err := jsonhttp.Read(w, r, &want); err != nil {
		jsonhttp.Invalid(w, err)
		return
	}
	s, err := f.Backfill(tenantIn(r), r.PathValue("id"), want)
	if err != nil {
		answer(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusAccepted, s)
}

func (f *Feed) showBackfill(w http.ResponseWriter, r *http.Request) {
	s, err := f.BackfillState(tenantIn(r), r.PathValue("id"))
	if err != nil {
		answer(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusOK, s)
}

// Store gives the bucket that the download API shows of a tenant: the one that was
// chosen for it, else the first.
func (f *Feed) Store(tenant string) (bucket.Store, bool) {
	list := f.destinations[tenant]
	if len(list) == 0 {
		return nil, false
	}
	shown := max(slices.IndexFunc(list, func(d *Destination) bool { return d.Download }), 0)
	return list[shown].Store, true
}
