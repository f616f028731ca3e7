package eventlog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
	"trunkline/internal/testenv"
)

// load appends from several callers until it is stopped, repeating what was not
// acknowledged, and keeps the books.
type load struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
	gate sync.RWMutex // held for writing: nobody appends

	mu          sync.Mutex // guards all below
	acked       map[string]int
	unavailable int
	unknown     int
	other       []error
	reason      string
}

func startLoad(l *eventlog.Log, callers int, pad string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	w := &load{stop: cancel, acked: map[string]int{}}
	for c := range callers {
		w.wg.Go(func() { w.call(ctx, l, "load"+string(rune('a'+c))+pad) })
	}
	return w
}

func (w *load) call(ctx context.Context, l *eventlog.Log, source string) {
	const size = 5
	for i := 0; ctx.Err() == nil; {
		w.gate.RLock()
		_, err := l.Append(ctx, logtest.Tenant, logtest.Events(source, i, i+size))
		w.gate.RUnlock()
		w.mu.Lock()
		var un *eventlog.UnavailableError
		switch {
		case err == nil:
			i += size
			w.acked[source] = i
		case ctx.Err() != nil:
		case errors.Is(err, eventlog.ErrUnknown):
			w.unknown++
		case errors.As(err, &un):
			w.unavailable++
			w.reason = un.Reason
		default:
			w.other = append(w.other, err)
		}
		w.mu.Unlock()
		if err != nil {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// total counts what was acknowledged.
func (w *load) total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, a := range w.acked {
		n += a
	}
	return n
}

func (w *load) refused() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unavailable + w.unknown
}

func (w *load) end(t *testing.T) map[string]int {
	t.Helper()
	w.stop()
	w.wg.Wait()
	for _, err := range w.other {
		t.Errorf("an append was answered %v", err)
	}
	t.Logf("%d events acknowledged, %d answers not written, %d unknown, last reason: %s", w.total(), w.unavailable, w.unknown, w.reason)
	return w.acked
}

// trouble runs a log under load, breaks its disk, and mends it: appends are
// refused with a reason and the log says that it is not writable, reading goes
// on, and it recovers by itself. Nothing acknowledged is lost, and what was
// answered "unknown" is there once when its repeat is acknowledged.
func trouble(t *testing.T, cfg eventlog.Config, breakDisk func(*load), mend func()) {
	t.Helper()
	cfg.Timeout, cfg.UnknownWait = time.Second, 500*time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	l := logtest.Open(t, cfg)
	w := startLoad(l, 8, "")
	logtest.Eventually(t, "some events", func() bool { return w.total() > 500 })
	breakDisk(w)
	logtest.Eventually(t, "appends are refused", func() bool { return !l.Health().Writable && w.refused() > 20 })
	if h := l.Health(); strings.TrimSpace(h.Reason) == "" {
		t.Fatalf("no reason: %+v", h)
	} else {
		t.Logf("not writable: %s", h.Reason)
	}
	if _, err := l.Append(t.Context(), logtest.Tenant, logtest.Events("more", 0, 1)); err == nil {
		t.Log("one append went through yet") // the last blocks of the disk
	}
	var k tally
	k.read(t, l)
	if head := l.Head(logtest.Tenant); head.Seq < 500 || k.n != int(head.Seq) {
		t.Fatalf("%d events read while the disk is broken, head is %d", k.n, head.Seq)
	}
	mend()
	before := w.total()
	logtest.Eventually(t, "the log recovers by itself", func() bool { return l.Health().Writable && w.total() > before+200 })
	acked := w.end(t)
	check := func() {
		t.Helper()
		k.read(t, l)
		k.has(t, acked)
		var all tally
		all.read(t, l)
		if all.n != k.n {
			t.Fatalf("%d events, %d were read before", all.n, k.n)
		}
	}
	check()
	logtest.Close(t, l)
	l = logtest.Open(t, cfg)
	check()
	logtest.Close(t, l)
}

// fill fills a disk down to some bytes that are left.
func fill(t *testing.T, file string, leave uint64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 4096; {
		if free(t, filepath.Dir(file)) < leave+uint64(size) {
			size /= 4
			continue
		}
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 4
		}
	}
	_ = f.Sync()
}

// A disk that another program fills: the log keeps a reserve, refuses, and takes
// up again when there is space.
func TestDiskFull(t *testing.T) {
	dir := testenv.Tmpfs(t, 64)
	other := filepath.Join(dir, "other")
	trouble(t, eventlog.Config{Dir: filepath.Join(dir, "log"), DiskReserve: 16 << 20},
		func(*load) { fill(t, other, 8<<20) },
		func() { _ = os.Remove(other) })
}

// The same without a reserve: the engine meets the end of the disk in the
// middle of a write.
func TestDiskFullToTheLastByte(t *testing.T) {
	dir := testenv.Tmpfs(t, 64)
	other := filepath.Join(dir, "other")
	trouble(t, eventlog.Config{Dir: filepath.Join(dir, "log"), DiskReserve: 1},
		func(*load) { fill(t, other, 0) },
		func() { _ = os.Remove(other) })
}

// A disk whose writes begin to fail: the sync is answered with an input/output
// error, and the file system refuses everything from there on, until it is
// mounted anew. It lies in a sparse file on a small disk that is full.
func TestSyncFails(t *testing.T) {
	dir := testenv.Tmpfs(t, 96)
	img := testenv.Ext4(t, filepath.Join(dir, "disk"), 400, "-b", "4096", "-E", "nodiscard,lazy_itable_init=0")
	other := filepath.Join(dir, "other")
	trouble(t, eventlog.Config{Dir: filepath.Join(img.Dir, "log"), DiskReserve: 1 << 20},
		func(*load) { fill(t, other, 0) },
		func() {
			img.Abort(t) // before there is space: nothing is written any more that the new mount has not
			_ = os.Remove(other)
			img.Remount(t)
		})
}

// A disk that turns read-only under the log, as Linux makes it after an error,
// and is mounted anew.
func TestDiskReadOnly(t *testing.T) {
	img := testenv.Ext4(t, filepath.Join(t.TempDir(), "disk"), 256)
	trouble(t, eventlog.Config{Dir: filepath.Join(img.Dir, "log"), DiskReserve: 8 << 20},
		func(w *load) {
			w.gate.Lock()
			defer w.gate.Unlock()
			img.Abort(t)
		},
		func() { img.Remount(t) })
}

func free(t *testing.T, dir string) uint64 {
	t.Helper()
	n, err := eventlog.Free(dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
