package download_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/download"
)

// site is a server with the API and nothing else.
type site struct {
	t   *testing.T
	url string
	now time.Time
	s   bucket.Store
}

func open(t *testing.T, rate int) *site {
	t.Helper()
	st, err := bucket.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := &site{t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), s: st}
	for key, content := range map[string]string{
		"queue_wfm/version=1/format=jsonl/dt=2026-03-01/hr=01/mi=15/queue_wfm.jsonl.gz": "hello world",
		"queue_wfm/version=1/format=jsonl/dt=2026-03-01/hr=01/mi=15/_SUCCESS":           "",
		"queue_wfm/version=1/format=jsonl/dt=2026-03-01/hr=01/mi=30/_SUCCESS":           "",
		"queue_wfm/version=1/format=jsonl/dt=2026-03-01/hr=01/mi=45/queue_wfm.jsonl.gz": "not finished",
		"reps/version=1/format=jsonl/dt=2026-03-01/reps.jsonl":                          "reps",
		"reps/version=1/format=jsonl/dt=2026-03-01/_SUCCESS":                            "",
		"reps/version=2/format=parquet/dt=2026-03-02/_SUCCESS":                          "",
		"export_docs.yaml": "tables", "export_docs/dt=2026-03-01/export_docs.yaml": "tables",
	} {
		if _, err := st.Create(t.Context(), key, buckettest.Body([]byte(content))); err != nil {
			t.Fatal(err)
		}
	}
	api := download.New(download.Options{
		Store: func(tenant string) (bucket.Store, bool) { return st, tenant == "acme" },
		Authenticate: func(secret string) (*auth.Principal, error) {
			tenant, scope, ok := strings.Cut(secret, "/")
			if !ok {
				return nil, errors.New("unknown")
			}
			return &auth.Principal{TokenID: "app", Tenant: tenant, Scopes: []auth.Scope{auth.Scope(scope)}}, nil
		},
		Known: func(tenant string) bool { return tenant != "gone" }, Key: bytes.Repeat([]byte{1}, 32), Life: time.Minute, Rate: rate,
		Now: func() time.Time { return at.now },
	})
	mux := http.NewServeMux()
	for _, r := range api.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	at.url = srv.URL
	return at
}

// call makes a call with credentials and gives the answer.
func (s *site) call(name, body, id, secret string) (int, map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+download.Prefix+name, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("asapp-api-id", id)
	req.Header.Set("asapp-api-secret", secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var m map[string]any
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, m
}

func TestTheSevenCalls(t *testing.T) {
	s := open(t, 1000)
	for _, c := range []struct{ name, body, member, want string }{
		{"listfeeds", ``, "feeds", `["queue_wfm","reps"]`},
		{"listfeeds", `{}`, "feeds", `["queue_wfm","reps"]`},
		{"listfeedversions", `{"feed":"reps"}`, "versions", `["1","2"]`},
		{"listfeedformats", `{"feed":"reps","version":"1"}`, "formats", `["jsonl"]`},
		{"listfeedformats", `{"feed":"reps","version":"version=2"}`, "formats", `["parquet"]`},
		{"listfeeddates", `{"feed":"reps","version":"1","format":"jsonl"}`, "dates", `["2026-03-01"]`},
		{"listfeeddates", `{"feed":"reps","version":"version=1","format":"format=jsonl"}`, "dates", `["2026-03-01"]`},
		{"listfeedintervals", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01"}`, "intervals", `["hr=01/mi=15","hr=01/mi=30"]`},
		{"listfeedintervals", `{"feed":"reps","version":"1","format":"jsonl","date":"dt=2026-03-01"}`, "intervals", `[]`},
		{"listfeedfiles", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01","interval":"hr=01/mi=15"}`, "files", `["queue_wfm.jsonl.gz"]`},
		{"listfeedfiles", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01","interval":"hr=01/mi=30"}`, "files", `[]`},
		{"listfeedfiles", `{"feed":"reps","version":"1","format":"jsonl","date":"2026-03-01"}`, "files", `["reps.jsonl"]`},
	} {
		status, got := s.call(c.name, c.body, "app", "acme/read")
		var want, asked any
		_ = json.Unmarshal([]byte(c.want), &want)
		if status != 200 || !reflect.DeepEqual(got[c.member], want) {
			t.Errorf("%s %s: %d %v", c.name, c.body, status, got)
		}
		// What was asked comes back as it was spelt.
		if json.Unmarshal([]byte(c.body), &asked) == nil {
			for k, v := range asked.(map[string]any) {
				if got[k] != v {
					t.Errorf("%s: %s is %v, not %v", c.name, k, got[k], v)
				}
			}
		}
	}
}

// get reads a link.
func get(t *testing.T, link, from string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	if from != "" {
		req.Header.Set("Range", from)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func TestALinkIsGoodForOneFileAndAShortTime(t *testing.T) {
	s := open(t, 1000)
	status, got := s.call("getfeedfile", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01","interval":"hr=01/mi=15","fileName":"queue_wfm.jsonl.gz"}`, "app", "acme/read")
	link, _ := got["url"].(string)
	if status != 200 || link == "" || strings.Contains(link, "acme/read") || got["fileName"] != "queue_wfm.jsonl.gz" {
		t.Fatalf("%d %v", status, got)
	}
	if status, text, _ := get(t, link, ""); status != 200 || text != "hello world" {
		t.Errorf("%d %s", status, text)
	}
	if status, text, h := get(t, link, "bytes=6-"); status != 206 || text != "world" || h.Get("Content-Range") != "bytes 6-10/11" {
		t.Errorf("%d %s %v", status, text, h)
	}
	if status, _, _ := get(t, link, "bytes=11-"); status != 416 {
		t.Errorf("behind the end: %d", status)
	}
	for name, other := range map[string]string{
		"another file":   strings.Replace(link, "mi=15", "mi=45", 1),
		"another tenant": strings.Replace(link, "/acme/", "/globex/", 1),
		"another time":   strings.Replace(link, "expires=1", "expires=2", 1),
	} {
		if status, text, _ := get(t, other, ""); other == link || status != 403 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	s.now = s.now.Add(time.Minute)
	if status, _, _ := get(t, link, ""); status != 403 {
		t.Errorf("later: %d", status)
	}
}

func TestErrorsAreThoseOfTheInterface(t *testing.T) {
	s := open(t, 1000)
	for _, c := range []struct {
		name, body, id, secret string
		status                 int
	}{
		{"listfeeds", ``, "", "", 401},
		{"listfeeds", ``, "app", "wrong", 401},
		{"listfeeds", ``, "other", "acme/read", 401},
		{"listfeeds", ``, "app", "gone/read", 401},
		{"listfeeds", ``, "app", "acme/ingest", 403},
		{"listfeeds", ``, "app", "*/admin", 403},
		{"listfeeds", ``, "app", "globex/read", 404},
		{"listfeeds", `{`, "app", "acme/read", 400},
		{"listfeedversions", `{}`, "app", "acme/read", 400},
		{"listfeedversions", `{"feed":1}`, "app", "acme/read", 400},
		{"listfeedversions", `{"feed":"none"}`, "app", "acme/read", 404},
		{"listfeedversions", `{"feed":"../x"}`, "app", "acme/read", 422},
		{"listfeedversions", `{"feed":"` + strings.Repeat("x", 20<<10) + `"}`, "app", "acme/read", 413},
		{"listfeedintervals", `{"feed":"reps","version":"1","format":"jsonl","date":"yesterday"}`, "app", "acme/read", 422},
		{"listfeedintervals", `{"feed":"reps","version":"1","format":"jsonl","date":"2020-01-01"}`, "app", "acme/read", 404},
		{"listfeedfiles", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01"}`, "app", "acme/read", 404},
		{"listfeedfiles", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01","interval":"hr=01/mi=45"}`, "app", "acme/read", 404},
		{"listfeedfiles", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01","interval":"soon"}`, "app", "acme/read", 422},
		{"getfeedfile", `{"feed":"queue_wfm","version":"1","format":"jsonl","date":"2026-03-01","interval":"hr=01/mi=45","fileName":"queue_wfm.jsonl.gz"}`, "app", "acme/read", 404},
		{"getfeedfile", `{"feed":"reps","version":"1","format":"jsonl","date":"2026-03-01","fileName":"none.jsonl"}`, "app", "acme/read", 404},
		{"getfeedfile", `{"feed":"reps","version":"1","format":"jsonl","date":"2026-03-01","fileName":"_SUCCESS"}`, "app", "acme/read", 422},
		{"getfeedfile", `{"feed":"reps","version":"1","format":"jsonl","date":"2026-03-01"}`, "app", "acme/read", 400},
	} {
		status, got := s.call(c.name, c.body, c.id, c.secret)
		e, _ := got["error"].(map[string]any)
		if code, _ := e["code"].(string); status != c.status || e["requestId"] == "" || e["message"] == "" || !strings.HasPrefix(code, http.StatusText(0)) || len(code) != 6 {
			t.Errorf("%s %.80s with %q: %d %v, not %d", c.name, c.body, c.secret, status, got, c.status)
		}
	}
}

func TestATenantMakesSoManyRequestsASecond(t *testing.T) {
	s := open(t, 3)
	for i := range 5 {
		if status, _ := s.call("listfeeds", ``, "app", "acme/read"); status != 200 && i < 3 || status != 429 && i >= 3 {
			t.Errorf("request %d: %d", i+1, status)
		}
	}
	s.now = s.now.Add(time.Second)
	if status, _ := s.call("listfeeds", ``, "app", "acme/read"); status != 200 {
		t.Errorf("in the next second: %d", status)
	}
}
