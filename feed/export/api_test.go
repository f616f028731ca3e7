package export_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/feed/export"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/exporttest"
)

// ask makes a request as somebody and reads the answer.
func ask(t *testing.T, f *export.Feed, p *auth.Principal, method, path, body string, into any) int {
	t.Helper()
	mux := http.NewServeMux()
	for _, r := range f.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, req.WithContext(auth.With(t.Context(), p)))
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code
}

func TestTheExportsPage(t *testing.T) {
	t.Parallel()
	f := open(t, day(), options(t, t.TempDir(), to(buckettest.NewMemory())))
	upTo(t, f, evening.Add(length))
	own, operator := &auth.Principal{Tenant: exporttest.Tenant}, &auth.Principal{Tenant: auth.Operator}

	var list struct{ Destinations []export.DestinationView }
	if code := ask(t, f, own, "GET", "/v1/exports", "", &list); code != 200 || len(list.Destinations) != 1 || list.Destinations[0].State != "up" {
		t.Errorf("%d %+v", code, list)
	}
	if code := ask(t, f, operator, "GET", "/v1/exports?tenant=acme", "", &list); code != 200 || len(list.Destinations) != 1 {
		t.Errorf("the operator: %d %+v", code, list)
	}
	if code := ask(t, f, operator, "GET", "/v1/exports", "", nil); code != 422 {
		t.Errorf("the operator without a tenant: %d", code)
	}
	if code := ask(t, f, &auth.Principal{Tenant: "globex"}, "GET", "/v1/exports?tenant=acme", "", nil); code != 403 {
		t.Errorf("another tenant: %d", code)
	}
	if code := ask(t, f, &auth.Principal{Tenant: "globex"}, "GET", "/v1/exports/destinations/main", "", nil); code != 404 {
		t.Errorf("another tenant: %d", code)
	}

	var feeds struct {
		Feeds []struct {
			Name, Every, Empty string
			Enabled            bool
		}
	}
	if code := ask(t, f, own, "GET", "/v1/exports/feeds", "", &feeds); code != 200 || len(feeds.Feeds) < 48 || !feeds.Feeds[0].Enabled || feeds.Feeds[0].Every == "" {
		t.Errorf("%d %+v", code, feeds)
	}
	var one struct {
		Feeds map[string]export.FeedProgress
	}
	if code := ask(t, f, own, "GET", "/v1/exports/destinations/main", "", &one); code != 200 || one.Feeds["events"].Rows == 0 || one.Feeds["events"].Windows != 5 {
		t.Errorf("%d %+v", code, one.Feeds["events"])
	}
	var windows struct {
		Windows []struct {
			State string
			Rows  *int64
			Files []export.ManifestFile
		}
	}
	if code := ask(t, f, own, "GET", "/v1/exports/destinations/main/feeds/events/windows?date=2026-03-02", "", &windows); code != 200 || len(windows.Windows) != 96 {
		t.Fatalf("%d %+v", code, windows)
	}
	if w := windows.Windows[92]; w.State != "complete" || w.Rows == nil || *w.Rows == 0 || len(w.Files) != 1 || w.Files[0].SHA256 == "" {
		t.Errorf("%+v", w)
	}
	if w := windows.Windows[0]; w.State != "absent" {
		t.Errorf("%+v", w)
	}
	if code := ask(t, f, own, "GET", "/v1/exports/destinations/main/feeds/events/windows?date=2026-03-03", "", &windows); code != 200 || windows.Windows[95].State != "open" {
		t.Errorf("%d %+v", code, windows.Windows[95])
	}
	for path, want := range map[string]int{
		"/v1/exports/destinations/main/feeds/none/windows":                  404,
		"/v1/exports/destinations/main/feeds/events/windows?date=soon":      422,
		"/v1/exports/destinations/main/feeds/events/windows?format=parquet": 422,
		"/v1/exports/destinations/main/backfill":                            404,
	} {
		if code := ask(t, f, own, "GET", path, "", nil); code != want {
			t.Errorf("%s: %d, not %d", path, code, want)
		}
	}
	var state export.BackfillState
	if code := ask(t, f, own, "POST", "/v1/exports/destinations/main/backfill", `{"from":"2026-03-02T23:00:00Z","to":"2026-03-02T23:30:00Z","feeds":["events"]}`, &state); code != 202 || state.State != "running" {
		t.Errorf("%d %+v", code, state)
	}
	if code := ask(t, f, own, "POST", "/v1/exports/destinations/main/backfill", `{"from":"2026-03-02T22:30:00Z","source":"x"}`, nil); code != 422 {
		t.Errorf("%d", code)
	}
	for deadline := time.Now().Add(time.Minute); state.State == "running" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		ask(t, f, own, "GET", "/v1/exports/destinations/main/backfill", "", &state)
	}
	if state.State != "done" || state.There != 2 {
		t.Errorf("%+v", state)
	}
}

func TestTheDownloadAPIShowsTheDestinationThatIsChosen(t *testing.T) {
	t.Parallel()
	first, chosen := buckettest.NewMemory(), buckettest.NewMemory()
	for _, choose := range []bool{false, true} {
		a, b := to(first), to(chosen)
		a.ID, b.Download = "first", choose
		f := open(t, exporttest.NewLog(), options(t, t.TempDir(), a, b))
		want := bucket.Store(first)
		if choose {
			want = chosen
		}
		if got, ok := f.Store(exporttest.Tenant); !ok || got != want {
			t.Errorf("chosen %v: %v", choose, ok)
		}
		if _, ok := f.Store("nobody"); ok {
			t.Error("a tenant without destinations has one")
		}
	}
}
