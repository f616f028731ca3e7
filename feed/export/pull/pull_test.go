package pull_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/parquet-go/parquet-go"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/pull"
	"trunkline/feed/export/schema"
)

const feed = "convos_metrics"

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// shop is a bucket in a directory, and a place to pull to.
type shop struct {
	t     *testing.T
	store *bucket.Directory
	to    string
}

func open(t *testing.T) *shop {
	t.Helper()
	store, err := bucket.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &shop{t, store, t.TempDir()}
}

func (s *shop) put(key, content string) {
	s.t.Helper()
	path := filepath.Join(s.store.Root(), filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// window writes a partition without its _SUCCESS and gives its folder.
func (s *shop) window(table string, hour int, o encode.Options, lines ...string) string {
	s.t.Helper()
	t, ok := schema.Find(table)
	if !ok {
		s.t.Fatalf("no table %s", table)
	}
	folder := layout.Path(table, t.Version, o.Format, layout.WindowAt(day.Add(time.Duration(hour)*time.Hour), t.Every))
	files, err := encode.Write(s.t.Context(), s.t.TempDir(), t, o, func(add func(schema.Row) error) error {
		for _, l := range lines {
			row, _, err := t.ParseJSON([]byte(l))
			if err != nil {
				return err
			}
			if err := add(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f.Path)
		if err != nil {
			s.t.Fatal(err)
		}
		s.put(folder+"/"+f.Name, string(b))
	}
	return folder
}

func (s *shop) success(folder string) { s.put(folder+"/"+layout.SuccessFile, "") }

var jsonl = encode.Options{Format: layout.JSONL, Gzip: true}

// row is a row of a conversation, at a minute of the first hour.
func row(issue, minute, value int) string {
	return fmt.Sprintf(`{"issue_id":%d,"first_utterance_ts":"2026-03-02 09:%02d:00","total_handle_time":%d}`, issue, minute, value)
}

func (s *shop) pull(change func(*pull.Options)) ([]pull.Result, error) {
	s.t.Helper()
	o := pull.Options{Source: pull.OpenBucket(s.store), Dir: s.to, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	p, err := pull.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Run(s.t.Context())
}

// set reads the set as issue=value, by issue.
func (s *shop) set() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.to, feed+".jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return "none"
	}
	if err != nil {
		s.t.Fatal(err)
	}
	t, _ := schema.Find(feed)
	issue, _ := t.Column("issue_id")
	value, _ := t.Column("total_handle_time")
	var out []string
	for line := range strings.Lines(string(b)) {
		r, _, err := t.ParseJSON([]byte(line))
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d=%v", r[issue].Integer(), r[value].Float()+float64(r[value].Integer())))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestCompleteWindowsOnceAndTheLatestRows(t *testing.T) {
	s := open(t)
	first := s.window(feed, 0, jsonl, row(1, 1, 10), row(2, 2, 20), row(1, 1, 11))
	if _, err := s.pull(nil); err != nil || s.set() != "none" {
		t.Fatalf("without _SUCCESS: %v, %s", err, s.set())
	}
	s.success(first)
	res, err := s.pull(nil)
	if err != nil || len(res) != 1 || res[0].Parts != 1 || res[0].Rows != 3 || res[0].Kept != 2 || res[0].Bytes == 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	if got := s.set(); got != "1=11 2=20" {
		t.Fatal(got)
	}
	before, _ := os.Stat(filepath.Join(s.to, feed+".jsonl"))
	if res, err = s.pull(nil); err != nil || res[0].Parts != 0 || res[0].Kept != 2 || res[0].Bytes != 0 {
		t.Fatalf("again: %v, %+v", err, res)
	}
	if after, _ := os.Stat(filepath.Join(s.to, feed+".jsonl")); !after.ModTime().Equal(before.ModTime()) {
		t.Error("a second run wrote the set")
	}
	// A later window with an equal time, an earlier time, and an empty one.
	s.success(s.window(feed, 2, jsonl, row(2, 2, 21), row(1, 0, 99), row(3, 3, 30)))
	s.success(s.window(feed, 3, jsonl))
	if res, err = s.pull(nil); err != nil || res[0].Parts != 2 || res[0].Rows != 3 {
		t.Fatalf("%v, %+v", err, res)
	}
	if got := s.set(); got != "1=11 2=21 3=30" {
		t.Error(got)
	}
	// A window that comes late, with an equal time, is the earlier one all the same.
	s.success(s.window(feed, 1, jsonl, row(2, 2, 22), row(3, 4, 31)))
	if _, err = s.pull(nil); err != nil {
		t.Fatal(err)
	}
	if got := s.set(); got != "1=11 2=21 3=31" {
		t.Error(got)
	}
	left, _ := filepath.Glob(filepath.Join(s.to, ".pull", feed, "*"))
	if len(left) != 3 { // the base, the list, the head
		t.Errorf("%v", left)
	}
}

func TestSinceAndFeeds(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10)))
	s.success(s.window(feed, 5, jsonl, row(2, 1, 20)))
	s.success(s.window("reps", 0, jsonl, `{"rep_id":"r1"}`))
	res, err := s.pull(func(o *pull.Options) { o.Since = day.Add(time.Hour); o.Feeds = []string{feed} })
	if err != nil || len(res) != 1 || s.set() != "2=20" {
		t.Errorf("%v, %+v, %s", err, res, s.set())
	}
	if _, err := s.pull(func(o *pull.Options) { o.Feeds = []string{"no_such_feed"} }); err == nil || !strings.Contains(err.Error(), "nothing is known") {
		t.Error(err)
	}
}

// broken gives the first bytes of a file and then fails, so many times.
type broken struct {
	*pull.Bucket
	after  int64
	left   int
	opened []int64
}

func (b *broken) Open(ctx context.Context, key string, from int64) (io.ReadCloser, error) {
	r, err := b.Bucket.Open(ctx, key, from)
	b.opened = append(b.opened, from)
	if err != nil || b.left == 0 {
		return r, err
	}
	b.left--
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, b.after), failing{}), r}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the connection was reset") }

func TestFetchingGoesOnWhereItBrokeOff(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, encode.Options{Format: layout.JSONL}, row(1, 1, 10), row(2, 2, 20)))
	src := &broken{Bucket: pull.OpenBucket(s.store), after: 20, left: 2}
	res, err := s.pull(func(o *pull.Options) { o.Source = src })
	if err != nil || s.set() != "1=10 2=20" || !slices.Equal(src.opened, []int64{0, 20, 40}) {
		t.Fatalf("%v, %+v, %s, %v", err, res, s.set(), src.opened)
	}
}

func TestWhatIsWrongIsNotTaken(t *testing.T) {
	s := open(t)
	good := s.window(feed, 0, jsonl, row(1, 1, 10))
	s.success(good)
	if _, err := s.pull(nil); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(folder string){
		"hash": func(f string) {
			s.put(f+"/"+layout.ManifestFile, `{"files":[{"name":"convos_metrics.jsonl.gz","sha256":"00"}]}`)
		},
		"manifest":     func(f string) { s.put(f+"/"+layout.ManifestFile, `{"files":[{"name":"other.jsonl"}]}`) },
		"no manifest":  func(f string) { s.put(f+"/"+layout.ManifestFile, `{`) },
		"cut":          func(f string) { s.put(f+"/convos_metrics.jsonl.gz", "\x1f\x8b\x08") },
		"no row":       func(f string) { s.put(f+"/convos_metrics.jsonl.gz", ""); s.put(f+"/convos_metrics.jsonl", "[]\n") },
		"another type": func(f string) { s.put(f+"/convos_metrics.jsonl", `{"issue_id":"x"}`+"\n") },
		"name":         func(f string) { s.put(f+"/other file", "x") },
	} {
		folder := s.window(feed, 1, jsonl, row(2, 1, 20))
		spoil(folder)
		s.success(folder)
		res, err := s.pull(nil)
		if err == nil || len(res) != 1 || res[0].Incident == nil || s.set() != "1=10" {
			t.Errorf("%s: %v, %+v, %s", name, err, res, s.set())
		}
		if err := os.RemoveAll(filepath.Join(s.store.Root(), filepath.FromSlash(folder))); err != nil {
			t.Fatal(err)
		}
	}
	s.success(s.window(feed, 1, jsonl, row(2, 1, 20)))
	if _, err := s.pull(nil); err != nil || s.set() != "1=10 2=20" {
		t.Errorf("mended: %v, %s", err, s.set())
	}
}

func TestEncryptedFiles(t *testing.T) {
	key, err := openpgp.NewEntity("Acme", "", "acme@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []encode.Options{jsonl, {Format: layout.Parquet}} {
		s := open(t)
		o.Recipients = openpgp.EntityList{key}
		s.success(s.window(feed, 0, o, row(1, 1, 10), row(2, 2, 20)))
		if _, err := s.pull(nil); !errors.Is(err, pull.ErrKey) {
			t.Errorf("without the key: %v", err)
		}
		if _, err := s.pull(func(o *pull.Options) { o.Keys = openpgp.EntityList{key} }); err != nil || s.set() != "1=10 2=20" {
			t.Errorf("%s: %v, %s", o.Format, err, s.set())
		}
	}
}

func TestParquet(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, encode.Options{Format: layout.Parquet}, row(1, 1, 10), row(2, 2, 20)))
	s.success(s.window(feed, 1, encode.Options{Format: layout.Parquet}, row(1, 3, 11)))
	if _, err := s.pull(nil); err != nil || s.set() != "1=11 2=20" {
		t.Fatalf("%v, %s", err, s.set())
	}
	to := s.to
	s.to = t.TempDir()
	if _, err := s.pull(func(o *pull.Options) { o.Format = layout.Parquet }); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(s.to, feed+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil || f.NumRows() != 2 {
		t.Errorf("%v, %d rows", err, f.NumRows())
	}
	s.to = to
	if _, err := pull.New(pull.Options{Source: pull.OpenBucket(s.store), Dir: to, Format: "csv"}); err == nil {
		t.Error("csv is taken")
	}
}

// A column that the schema document adds is taken along, and its coming is told.
func TestNewColumns(t *testing.T) {
	s := open(t)
	var b bytes.Buffer
	if err := schema.WriteDocs(&b); err != nil {
		t.Fatal(err)
	}
	s.put(layout.DocsFile, b.String())
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10)))
	if res, err := s.pull(nil); err != nil || len(res[0].Changes) != 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	doc := b.String()
	i := strings.Index(doc, "name: "+feed+"\n")
	j := strings.Index(doc[i:], "columns:\n") + i + len("columns:\n")
	indent := doc[j : j+strings.Index(doc[j:], "-")]
	s.put(layout.DocsFile, doc[:j]+indent+"- name: mood\n"+indent+"  type: varchar\n"+indent+"  kind: string\n"+indent+"  description: How it went.\n"+indent+"  created_date: \"2026-03-03\"\n"+doc[j:])
	folder := s.window(feed, 1, encode.Options{Format: layout.JSONL}, row(2, 1, 20))
	path := filepath.Join(s.store.Root(), filepath.FromSlash(folder), feed+".jsonl")
	line, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.put(folder+"/"+feed+".jsonl", strings.Replace(string(line), "{", `{"mood":"good",`, 1))
	s.success(folder)
	res, err := s.pull(nil)
	if err != nil || len(res[0].Changes) != 1 || res[0].Changes[0].Column != "mood" || res[0].Changes[0].Breaking {
		t.Fatalf("%v, %+v", err, res)
	}
	set, _ := os.ReadFile(filepath.Join(s.to, feed+".jsonl"))
	if s.set() != "1=10 2=20" || strings.Count(string(set), `"mood":"good"`) != 1 {
		t.Errorf("%s: %s", s.set(), set)
	}
}

// Events go to a log instead; what could not be handed on is handed on again.
func TestDeliveredEvents(t *testing.T) {
	s := open(t)
	for hour := range 2 {
		var lines []string
		for i := range 300 {
			lines = append(lines, fmt.Sprintf(`{"cursor":"c%d","sequence":%d,"received":"2026-03-02 09:00:00","id":"e%d","source":"/x","type":"x.y","derived":%v,"event":"{\"id\":\"e%d-%d\"}"}`, i, i+1, i, i%3 == 0, hour, i))
		}
		s.success(s.window("events", hour, jsonl, lines...))
	}
	var got []string
	fail := 2
	deliver := func(o *pull.Options) {
		o.Feeds = []string{"events"}
		o.Deliver = func(_ context.Context, events [][]byte) error {
			if fail--; fail == 0 {
				return errors.New("the log is away")
			}
			for _, e := range events {
				got = append(got, string(e))
			}
			return nil
		}
	}
	if _, err := s.pull(deliver); err == nil {
		t.Fatal("a failure is not told")
	}
	if res, err := s.pull(deliver); err != nil || res[0].Parts+len(got) < 200 {
		t.Fatalf("%v, %+v, %d", err, res, len(got))
	}
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 400 {
		t.Errorf("%d events", len(got))
	}
	n := len(got)
	if _, err := s.pull(deliver); err != nil || len(got) != n {
		t.Errorf("again: %v, %d", err, len(got))
	}
}

// What an earlier run left half done does not count.
func TestALeftoverIsNotTaken(t *testing.T) {
	s := open(t)
	s.success(s.window(feed, 0, jsonl, row(1, 1, 10)))
	if _, err := s.pull(nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.to, ".pull", feed)
	list, err := os.OpenFile(filepath.Join(dir, "taken"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	second := s.window(feed, 1, jsonl, row(2, 1, 20))
	s.success(second)
	if _, err := list.WriteString(second + "\nhalf a na"); err != nil { // not committed
		t.Fatal(err)
	}
	_ = list.Close()
	if err := os.WriteFile(filepath.Join(dir, "base-2"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pull(nil); err != nil || s.set() != "1=10 2=20" {
		t.Errorf("%v, %s", err, s.set())
	}
}

// hostile is a source whose names lead elsewhere.
type hostile struct {
	*pull.Bucket
	feed, file string
}

func (h *hostile) Feeds(context.Context) ([]string, error) { return []string{h.feed}, nil }

func (h *hostile) Complete(context.Context, string, func(string) bool) ([]pull.Part, error) {
	p := layout.Partition{Feed: feed, Version: "1", Format: layout.JSONL, Window: layout.WindowAt(day, layout.Hourly)}
	return []pull.Part{{Partition: p, Files: []pull.Remote{{Name: h.file, Key: "x", Size: 1}}}}, nil
}

func TestNamesThatLeadElsewhere(t *testing.T) {
	s := open(t)
	s.put("x", "x")
	for _, h := range []hostile{
		{feed: feed, file: "../../../../escaped.jsonl"}, {feed: feed, file: ".."}, {feed: feed, file: "/etc/x.jsonl"}, {feed: feed, file: "reps.jsonl"},
		{feed: "..", file: "x.jsonl"}, {feed: "../x", file: "x.jsonl"}, {feed: "A", file: "A.jsonl"}, {feed: "", file: ".jsonl"},
	} {
		h.Bucket = pull.OpenBucket(s.store)
		if _, err := s.pull(func(o *pull.Options) { o.Source = &h }); !errors.Is(err, pull.ErrName) {
			t.Errorf("%q of %q: %v", h.file, h.feed, err)
		}
	}
}
