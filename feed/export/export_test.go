package export_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/feed/export"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/exporttest"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// evening is when the simulated centre opens: a midnight comes while it works.
var evening = time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC)

// length is how long the log goes on: work, and silence behind it.
const (
	work   = 45 * time.Minute
	length = 75 * time.Minute
)

// day gives the log that most tests export: some work around which a
// midnight passes.
var day = sync.OnceValue(func() *exporttest.Log {
	l, _ := exporttest.Simulate(nopTB{}, evening, work, length-work, 10)
	return l
})

// nopTB stands for a test where none runs yet.
type nopTB struct{ testing.TB }

func (nopTB) Helper()                      {}
func (nopTB) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (nopTB) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

func directory(t testing.TB, root string) *bucket.Directory {
	t.Helper()
	d, err := bucket.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func options(t testing.TB, dir string, to ...export.Destination) export.Options {
	t.Helper()
	return export.Options{Destinations: to, Dir: dir, Node: "test", Floor: exporttest.Settings, WFM: func(string) bool { return true }, Checkpoint: time.Millisecond, Retry: 5 * time.Millisecond}
}

func to(s bucket.Store) export.Destination {
	return export.Destination{ID: "main", Tenant: exporttest.Tenant, Kind: "directory", Place: "here", Store: s, Gzip: true, Manifest: true}
}

func open(t testing.TB, l export.Log, o export.Options) *export.Feed {
	t.Helper()
	f, err := export.Open(l, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFeed(t, f) })
	return f
}

func closeFeed(t testing.TB, f *export.Feed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Error(err)
	}
}

func body(text string) bucket.Body { return buckettest.Body([]byte(text)) }

// upTo waits until every destination has all windows up to a moment of the log.
func upTo(t testing.TB, f *export.Feed, end time.Time) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		done := true
		views := f.Destinations(exporttest.Tenant)
		for _, d := range views {
			done = done && d.Waiting == 0 && !d.ClosedUpTo.Before(end)
		}
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not get up to %v: %+v", end, views)
		}
	}
}

// contents gives all files of a bucket but the schema documents.
func contents(t testing.TB, s bucket.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := s.List(t.Context(), "", func(o bucket.Object) error {
		if strings.HasPrefix(o.Key, "export_docs") {
			return nil
		}
		r, err := s.Open(t.Context(), o.Key, 0)
		if err != nil {
			return err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		out[o.Key] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same compares two buckets.
func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	for _, k := range slices.Sorted(maps.Keys(want)) {
		switch g, ok := got[k]; {
		case !ok:
			t.Errorf("%s is missing", k)
		case g != want[k]:
			t.Errorf("%s is another file", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[k]; !ok {
			t.Errorf("%s is there too", k)
		}
	}
}

// windows counts the windows of a length that end while the log goes on.
func windows(every time.Duration) int {
	n := 0
	for at := evening.Truncate(every).Add(every); !at.After(evening.Add(length)); at = at.Add(every) {
		n++
	}
	return n
}

func TestEveryWindowOfEveryFeedIsThere(t *testing.T) {
	t.Parallel()
	s := directory(t, t.TempDir())
	f := open(t, day(), options(t, t.TempDir(), to(s)))
	end := evening.Add(length)
	upTo(t, f, end)
	files := contents(t, s)
	for _, tb := range schema.Tables() {
		n := 0
		for at := evening.Truncate(tb.Every); !at.Add(tb.Every).After(end); at = at.Add(tb.Every) {
			n++
			folder := layout.Path(tb.Name, tb.Version, layout.JSONL, layout.WindowAt(at, tb.Every))
			if success, ok := files[folder+"/_SUCCESS"]; !ok || success != "" {
				t.Errorf("%s has no empty _SUCCESS", folder)
			}
		}
		if n != windows(tb.Every) {
			t.Errorf("%s: %d windows", tb.Name, n)
		}
	}
	// Every name is one of the documented grammar, and every file belongs to a window
	// that is complete.
	rows := map[string]bool{}
	for key, content := range files {
		p, err := layout.ParsePath(key)
		if err != nil {
			t.Error(err)
			continue
		}
		switch p.File {
		case layout.SuccessFile, layout.ManifestFile:
		default:
			file, err := layout.ParseFile(p.File)
			if err != nil || file.Feed != p.Feed || !file.Gzip {
				t.Errorf("%s: %v", key, err)
			}
			if content == "" {
				t.Errorf("%s is empty", key)
			}
			rows[p.Feed] = true
		}
		if _, ok := files[path.Dir(key)+"/_SUCCESS"]; !ok {
			t.Errorf("%s is in a partition without _SUCCESS", key)
		}
	}
	for _, tb := range schema.Tables() {
		if tb.Empty != "" && rows[tb.Name] {
			t.Errorf("%s has rows, though it has none because %s", tb.Name, tb.Empty)
		}
	}
	for _, name := range []string{"events", "queue_wfm", "queue_membership_wfm", "convos_metrics", "rep_activity", "reps", "dim_queues"} {
		if !rows[name] {
			t.Errorf("%s has no rows", name)
		}
	}
	if _, err := s.Stat(t.Context(), layout.DocsFile); err != nil {
		t.Error(err)
	}
}

func TestARepeatGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	a, b := buckettest.NewMemory(), buckettest.NewMemory()
	end := evening.Add(length)
	upTo(t, open(t, day(), options(t, t.TempDir(), to(a))), end)
	// The second run is ended and begun again and again.
	dir := t.TempDir()
	for range 8 {
		f := open(t, day(), options(t, dir, to(b)))
		time.Sleep(20 * time.Millisecond)
		closeFeed(t, f)
	}
	upTo(t, open(t, day(), options(t, dir, to(b))), end)
	same(t, contents(t, b), contents(t, a))
}

func TestTwoExportersMakeOneExport(t *testing.T) {
	t.Parallel()
	a, b := buckettest.NewMemory(), buckettest.NewMemory()
	end := evening.Add(length)
	upTo(t, open(t, day(), options(t, t.TempDir(), to(a))), end)
	f, g := open(t, day(), options(t, t.TempDir(), to(b))), open(t, day(), options(t, t.TempDir(), to(b)))
	upTo(t, f, end)
	upTo(t, g, end)
	same(t, contents(t, b), contents(t, a))
}

// broken is a store that fails until it is mended.
type broken struct {
	bucket.Store
	mu   sync.Mutex
	good bool
}

var errBroken = errors.New("the store is away")

func (b *broken) mended() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.good {
		return nil
	}
	return errBroken
}

func (b *broken) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.good = true
}

func (b *broken) Create(ctx context.Context, key string, body bucket.Body) (bool, error) {
	if err := b.mended(); err != nil {
		return false, err
	}
	return b.Store.Create(ctx, key, body)
}

func TestADestinationThatIsAwayHoldsUpNobody(t *testing.T) {
	t.Parallel()
	a, b := buckettest.NewMemory(), buckettest.NewMemory()
	away := &broken{Store: b}
	second := to(away)
	second.ID = "away"
	f := open(t, day(), options(t, t.TempDir(), to(a), second))
	end := evening.Add(length)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		d := f.Destinations(exporttest.Tenant)
		if d[1].Waiting == 0 && !d[1].ClosedUpTo.Before(end) {
			t.Fatalf("%+v", d[1])
		}
		if d[0].Waiting == 0 && !d[0].ClosedUpTo.Before(end) && d[1].Error != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", d)
		}
	}
	away.mend()
	upTo(t, f, end)
	same(t, contents(t, b), contents(t, a))
}

func TestWhatIsCommittedIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	s := buckettest.NewMemory()
	w := layout.WindowAt(evening, layout.Quarter)
	folder := layout.Path("events", "1", layout.JSONL, w)
	for name, content := range map[string]string{"events.jsonl.gz": "mine", "_SUCCESS": ""} {
		if _, err := s.Create(t.Context(), folder+"/"+name, body(content)); err != nil {
			t.Fatal(err)
		}
	}
	// What a crashed attempt has left in another window is replaced and removed.
	other := layout.Path("events", "1", layout.JSONL, w.Next())
	for _, name := range []string{"events.jsonl.gz", "events.jsonl.07.gz"} {
		if _, err := s.Create(t.Context(), other+"/"+name, body("half")); err != nil {
			t.Fatal(err)
		}
	}
	upTo(t, open(t, day(), options(t, t.TempDir(), to(s))), evening.Add(length))
	files := contents(t, s)
	if files[folder+"/events.jsonl.gz"] != "mine" {
		t.Error("a committed file was written again")
	}
	if _, ok := files[other+"/events.jsonl.07.gz"]; ok || files[other+"/events.jsonl.gz"] == "half" {
		t.Error("what an attempt has left is still there")
	}
}
