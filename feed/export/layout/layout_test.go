package layout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/feed/export/layout"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// TestPathsAreThoseOfThePage has the examples and rules of the vendor's page.
func TestPathsAreThoseOfThePage(t *testing.T) {
	moment := at("2026-03-02T13:44:59+02:00")
	for _, c := range []struct {
		length time.Duration
		want   string
	}{
		{layout.Quarter, "queue_wfm/version=1/format=jsonl/dt=2026-03-02/hr=11/mi=30"},
		{layout.Hourly, "queue_wfm/version=1/format=jsonl/dt=2026-03-02/hr=11"},
		{layout.Daily, "queue_wfm/version=1/format=jsonl/dt=2026-03-02"},
	} {
		if got := layout.Path("queue_wfm", "1", layout.JSONL, layout.WindowAt(moment, c.length)); got != c.want {
			t.Errorf("%v: %s, not %s", c.length, got, c.want)
		}
	}
	for want, f := range map[string]layout.File{
		"reps.jsonl":           {Feed: "reps", Format: "jsonl", Split: -1},
		"reps.jsonl.gz":        {Feed: "reps", Format: "jsonl", Split: -1, Gzip: true},
		"reps.jsonl.00.gz":     {Feed: "reps", Format: "jsonl", Gzip: true},
		"reps.jsonl.07.gz.enc": {Feed: "reps", Format: "jsonl", Split: 7, Gzip: true, Encrypted: true},
		"reps.parquet.99":      {Feed: "reps", Format: "parquet", Split: 99},
		"reps.jsonl.enc":       {Feed: "reps", Format: "jsonl", Split: -1, Encrypted: true},
	} {
		if f.String() != want {
			t.Errorf("%s, not %s", f, want)
		}
		if back, err := layout.ParseFile(want); err != nil || back != f {
			t.Errorf("%s is read as %+v, %v", want, back, err)
		}
	}
	if got := layout.BucketName("asapp", "preprod", "ACME", "us-east-1"); got != "asapp-preprod-acme-exports-us-east-1" {
		t.Error(got)
	}
	if got := layout.BucketName("asapp", "prod", "Acme Corp", "us-east-1"); got != "asapp-prod-acmecorp-exports-us-east-1" {
		t.Error(got)
	}
}

func TestWhatIsNoPathIsRefused(t *testing.T) {
	for _, p := range []string{"", "/", "reps", "reps/version=1", "reps/version=1/format=jsonl", "reps/version=1/format=jsonl/dt=2026-13-01",
		"reps/version=1/format=jsonl/dt=2026-01-01/mi=00", "reps/version=1/format=jsonl/dt=2026-01-01/hr=24",
		"reps/version=1/format=jsonl/dt=2026-01-01/hr=10/mi=07", "reps/version=1/format=jsonl/dt=2026-01-01/hr=1",
		"Reps/version=1/format=jsonl/dt=2026-01-01", "../version=1/format=jsonl/dt=2026-01-01", "reps/version=1/format=jsonl/dt=2026-01-01/a/b",
		"reps/version=1/format=jsonl/dt=2026-01-01/"} {
		if got, err := layout.ParsePath(p); !errors.Is(err, layout.ErrPath) {
			t.Errorf("%q is taken as %+v", p, got)
		}
	}
	for _, n := range []string{"", "_SUCCESS", "reps", "reps.csv", "reps.jsonl.1", "reps.jsonl.gz.00", "reps.jsonl.100", "reps.jsonl.enc.gz"} {
		if got, err := layout.ParseFile(n); !errors.Is(err, layout.ErrPath) {
			t.Errorf("%q is taken as %+v", n, got)
		}
	}
}

func TestPathsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.SampledFrom([]time.Duration{layout.Quarter, layout.Hourly, layout.Daily}).Draw(t, "length")
		moment := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 0)
		p := layout.Partition{
			Feed:    rapid.StringMatching(`[a-z][a-z0-9_]{0,20}`).Draw(t, "feed"),
			Version: rapid.StringMatching(`[0-9]{1,3}(\.[0-9]){0,2}`).Draw(t, "version"),
			Format:  rapid.SampledFrom([]string{layout.JSONL, layout.Parquet}).Draw(t, "format"),
			Window:  layout.WindowAt(moment, length),
			File:    rapid.SampledFrom([]string{"", "_SUCCESS", "x.jsonl.gz"}).Draw(t, "file"),
		}
		got, err := layout.ParsePath(strings.TrimSuffix(p.Folder()+"/"+p.File, "/"))
		if err != nil || got != p {
			t.Fatalf("%+v is read as %+v, %v", p, got, err)
		}
		if w := p.Window; moment.Before(w.Start) || !moment.Before(w.End()) || w.Next().Start != w.End() {
			t.Fatalf("%v is not in %v", moment, w)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	f.Add("reps/version=1/format=jsonl/dt=2026-01-01/hr=10/mi=15/reps.jsonl.00.gz")
	f.Add("reps/version=1.0/format=parquet/dt=2026-01-01/_SUCCESS")
	f.Fuzz(func(t *testing.T, path string) {
		p, err := layout.ParsePath(path)
		if err != nil {
			return
		}
		if back := strings.TrimSuffix(p.Folder()+"/"+p.File, "/"); back != path {
			t.Fatalf("%q is written as %q", path, back)
		}
	})
}
