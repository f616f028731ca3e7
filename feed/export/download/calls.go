package download

import (
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/layout"
)

// request is the body of every call; each needs some of it.
type request struct {
	Feed     string `json:"feed"`
	Version  string `json:"version"`
	Format   string `json:"format"`
	Date     string `json:"date"`
	Interval string `json:"interval"`
	FileName string `json:"fileName"`

	asked map[string]string // as it came
}

// call is one of the seven.
type call struct {
	needs []string
	do    func(a *API, r *http.Request, tenant string, s bucket.Store, q *request) (any, error)
}

var calls = map[string]call{
	"listfeeds": {nil, func(_ *API, r *http.Request, _ string, s bucket.Store, q *request) (any, error) {
		return q.list(r.Context(), s, "feeds", "")
	}},
	"listfeedversions": {[]string{"feed"}, func(_ *API, r *http.Request, _ string, s bucket.Store, q *request) (any, error) {
		return q.list(r.Context(), s, "versions", "version=")
	}},
	"listfeedformats": {[]string{"feed", "version"}, func(_ *API, r *http.Request, _ string, s bucket.Store, q *request) (any, error) {
		return q.list(r.Context(), s, "formats", "format=")
	}},
	"listfeeddates": {[]string{"feed", "version", "format"}, func(_ *API, r *http.Request, _ string, s bucket.Store, q *request) (any, error) {
		return q.list(r.Context(), s, "dates", "dt=")
	}},
	"listfeedintervals": {[]string{"feed", "version", "format", "date"}, (*API).intervals},
	"listfeedfiles":     {[]string{"feed", "version", "format", "date"}, (*API).files},
	"getfeedfile":       {[]string{"feed", "version", "format", "date", "fileName"}, (*API).link},
}

// clean checks what a call needs, and brings both spellings to one.
func (q *request) clean(needs []string) error {
	q.asked = map[string]string{}
	var missing []string
	for _, f := range []struct {
		name, prefix string
		value        *string
	}{{"feed", "", &q.Feed}, {"version", "version=", &q.Version}, {"format", "format=", &q.Format}, {"date", "dt=", &q.Date},
		{"interval", "", &q.Interval}, {"fileName", "", &q.FileName}} {
		if slices.Contains(needs, f.name) && *f.value == "" {
			missing = append(missing, f.name)
		}
		if *f.value != "" {
			q.asked[f.name] = *f.value
		}
		*f.value = strings.TrimPrefix(*f.value, f.prefix)
		if strings.ContainsAny(*f.value, "\\\x00") || f.name != "interval" && strings.Contains(*f.value, "/") || strings.Contains(*f.value, "..") {
			return refuse(http.StatusUnprocessableEntity, "%s is not one that was listed.", f.name)
		}
	}
	if len(missing) > 0 {
		return refuse(http.StatusBadRequest, "Bad request: %s is missing.", strings.Join(missing, ", "))
	}
	if q.Date != "" && slices.Contains(needs, "date") {
		if _, err := time.Parse(time.DateOnly, q.Date); err != nil {
			return refuse(http.StatusUnprocessableEntity, "date is not one, as in 2022-06-27 or dt=2022-06-27.")
		}
	}
	return nil
}

// folder is where what is asked for stands, with a slash at its end; "" is the root.
func (q *request) folder() string {
	f := ""
	for _, p := range [][2]string{{"", q.Feed}, {"version=", q.Version}, {"format=", q.Format}, {"dt=", q.Date}} {
		if p[1] == "" {
			break
		}
		f += p[0] + p[1] + "/"
	}
	return f
}

// answer is what was asked, and what there is.
func (q *request) answer(name string, list any) map[string]any {
	out := map[string]any{name: list}
	for k, v := range q.asked {
		out[k] = v
	}
	return out
}

// list names the folders below what is asked for that begin with a prefix.
func (q *request) list(ctx context.Context, s bucket.Store, name, prefix string) (any, error) {
	names, err := s.Folders(ctx, q.folder())
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, n := range names {
		value, ok := strings.CutPrefix(n, prefix)
		if !ok || prefix == "" && n == "export_docs" {
			continue
		}
		out = append(out, value)
	}
	if len(out) == 0 && prefix != "" {
		return nil, refuse(http.StatusNotFound, "Not found: there are no %s of it.", name)
	}
	return q.answer(name, out), nil
}

// intervals lists the windows of a day that are complete, "" for a feed whose windows
// are days.
func (a *API) intervals(r *http.Request, _ string, s bucket.Store, q *request) (any, error) {
	windows, err := complete(r.Context(), s, q.folder())
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, p := range windows {
		if i := p.Window.Interval(); i != "" {
			out = append(out, i)
		}
	}
	if len(windows) == 0 {
		return nil, refuse(http.StatusNotFound, "Not found: nothing of that date is complete.")
	}
	return q.answer("intervals", out), nil
}

// complete lists the partitions below a folder that have their _SUCCESS.
func complete(ctx context.Context, s bucket.Store, folder string) ([]layout.Partition, error) {
	var out []layout.Partition
	err := s.List(ctx, folder, func(o bucket.Object) error {
		if p, err := layout.ParsePath(o.Key); err == nil && p.File == layout.SuccessFile {
			p.File = ""
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

// files lists the files of an interval, or of a whole day without one. Those of the
// parts of a day are only listed where there is one of each name.
func (a *API) files(r *http.Request, _ string, s bucket.Store, q *request) (any, error) {
	folder, err := q.partition(r.Context(), s)
	if err != nil {
		return nil, err
	}
	out := []string{}
	err = s.List(r.Context(), folder+"/", func(o bucket.Object) error {
		if name := path.Base(o.Key); path.Dir(o.Key) == folder {
			if _, err := layout.ParseFile(name); err == nil || name == layout.ManifestFile {
				out = append(out, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return q.answer("files", out), nil
}

// partition gives the folder of a window that is complete.
func (q *request) partition(ctx context.Context, s bucket.Store) (string, error) {
	folder := strings.TrimSuffix(q.folder()+strings.Trim(q.Interval, "/"), "/")
	if p, err := layout.ParsePath(folder); err != nil || p.File != "" {
		return "", refuse(http.StatusUnprocessableEntity, "It is not a window: feed, version, format and date, and an interval as in hr=23 or hr=01/mi=15.")
	}
	_, err := s.Stat(ctx, folder+"/"+layout.SuccessFile)
	if errors.Is(err, bucket.ErrAbsent) {
		if q.Interval == "" {
			return "", refuse(http.StatusNotFound, "Not found: the day is not complete, or the feed has intervals, of which one is to be named.")
		}
		return "", refuse(http.StatusNotFound, "Not found: there is no such window, or it is not complete.")
	}
	return folder, err
}

// link gives a link to a file.
func (a *API) link(r *http.Request, tenant string, s bucket.Store, q *request) (any, error) {
	folder, err := q.partition(r.Context(), s)
	if err != nil {
		return nil, err
	}
	if _, err := layout.ParseFile(q.FileName); err != nil && q.FileName != layout.ManifestFile {
		return nil, refuse(http.StatusUnprocessableEntity, "fileName is not one that was listed.")
	}
	key := folder + "/" + q.FileName
	f, err := s.Open(r.Context(), key, 0)
	if errors.Is(err, bucket.ErrAbsent) {
		return nil, refuse(http.StatusNotFound, "Not found: there is no such file.")
	}
	if err != nil {
		return nil, err
	}
	_ = f.Close()
	var link string
	if p, ok := s.(bucket.Presigner); ok {
		if link, err = p.Presign(r.Context(), key, a.o.Life); err != nil {
			return nil, err
		}
	} else {
		link = a.sign(r, tenant, key)
	}
	return q.answer("url", link), nil
}
