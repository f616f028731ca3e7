package export_test

import (
	"context"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/feed/export"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/exporttest"
	"trunkline/feed/export/layout"
)

// leased gives the options of one of several processes.
func leased(t *testing.T, node string, kv control.KV, lease time.Duration, d export.Destination) export.Options {
	t.Helper()
	o := options(t, t.TempDir(), d)
	o.Node, o.Leases, o.Lease = node, kv, lease
	return o
}

func state(f *export.Feed) string { return f.Destinations(exporttest.Tenant)[0].State }

func TestOneProcessExportsAShardAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	kv, s := control.NewMemory(), buckettest.NewMemory()
	end := evening.Add(length)
	f := open(t, day(), leased(t, "a", kv, 10*time.Second, to(s)))
	upTo(t, f, end)
	g := open(t, day(), leased(t, "b", kv, 10*time.Second, to(s)))
	time.Sleep(50 * time.Millisecond)
	if state(f) != "up" || state(g) != "elsewhere" {
		t.Fatalf("%s and %s", state(f), state(g))
	}
	closeFeed(t, f)
	upTo(t, g, end)
	if state(f) != "elsewhere" || state(g) != "up" {
		t.Errorf("%s and %s", state(f), state(g))
	}
	whole := buckettest.NewMemory()
	upTo(t, open(t, day(), options(t, t.TempDir(), to(whole))), end)
	same(t, contents(t, s), contents(t, whole))
}

// held is a store that stands still while it writes the files of a window.
type held struct {
	bucket.Store
	reached, free chan struct{}
}

func (h *held) Create(ctx context.Context, key string, body bucket.Body) (bool, error) {
	if p, err := layout.ParsePath(key); err == nil && p.File == layout.ManifestFile && p.Feed == "events" {
		select {
		case h.reached <- struct{}{}:
		default:
		}
		<-h.free
	}
	return h.Store.Create(ctx, key, body)
}

func TestWhoHasLostTheLeaseCommitsNothing(t *testing.T) {
	t.Parallel()
	kv, s := control.NewMemory(), buckettest.NewMemory()
	slow := &held{Store: s, reached: make(chan struct{}, 1), free: make(chan struct{})}
	d := to(slow)
	d.Feeds, d.Parallel = []string{"events"}, 1
	open(t, day(), leased(t, "a", kv, 2*time.Second, d))
	<-slow.reached
	// Another process takes the lease while the first is writing.
	if _, err := kv.Put(t.Context(), "shard.0", []byte(`{"node":"other"}`)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	close(slow.free)
	time.Sleep(100 * time.Millisecond)
	for key := range contents(t, s) {
		if p, err := layout.ParsePath(key); err == nil && p.File == layout.SuccessFile {
			t.Errorf("%s is committed", key)
		}
	}
}

func TestParquetIsExportedBesideJSONLines(t *testing.T) {
	t.Parallel()
	s := buckettest.NewMemory()
	d := to(s)
	d.Formats, d.Feeds = []string{layout.JSONL, layout.Parquet}, []string{"events", "queue_wfm", "reps"}
	upTo(t, open(t, day(), options(t, t.TempDir(), d)), evening.Add(length))
	files, success := 0, map[string]int{}
	for key := range contents(t, s) {
		p, err := layout.ParsePath(key)
		if err != nil {
			t.Fatal(err)
		}
		if p.File == layout.SuccessFile {
			success[p.Format]++
		} else if f, err := layout.ParseFile(p.File); err == nil && f.Format == layout.Parquet {
			files++
		}
	}
	if files == 0 || success[layout.JSONL] != success[layout.Parquet] || success[layout.JSONL] != 2*5+1 {
		t.Errorf("%d files of Parquet, %v", files, success)
	}
}
