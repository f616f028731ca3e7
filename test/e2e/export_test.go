package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"
	"time"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/feed/export/exporttest"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
	"trunkline/internal/testenv"
)

// A simulated day is written to a bucket by the real program, which is killed with -9
// again and again. After each kill the complete windows, and in the end all of the
// day, are byte for byte those of a server that nobody disturbs. With TRUNKLINE_LONG=1
// that goes on for five minutes, and for five more with a bucket of a server of S3.
func TestADayIsExportedThroughKills(t *testing.T) {
	if testing.Short() {
		t.Skip("a server is killed again and again")
	}
	x := &exportedDay{bin: build(t), log: filepath.Join(t.TempDir(), "log")}
	// Yesterday, so that the silence up to now is short.
	x.begin = time.Now().UTC().Truncate(layout.Daily).Add(-layout.Daily)
	exporttest.WritePast(t, x.log, x.begin, 23*time.Hour, x.begin.Add(layout.Daily), 10)
	for _, tb := range schema.Tables() {
		for w := layout.WindowAt(x.begin, tb.Every); !w.End().After(x.begin.Add(layout.Daily)); w = w.Next() {
			x.windows = append(x.windows, layout.Path(tb.Name, tb.Version, layout.JSONL, w))
		}
	}
	dir := t.TempDir()
	whole := x.place(t, directoryAt(t, dir), "directory: "+dir)
	for whole.live(t, len(x.windows), 0) {
	}
	x.want = whole.contents(t)
	for _, folder := range x.windows {
		if success, ok := x.want[folder+"/_SUCCESS"]; !ok || success != "" {
			t.Errorf("%s has no empty _SUCCESS", folder)
		}
	}
	t.Logf("%d windows, %d files", len(x.windows), len(x.want))

	t.Run("directory", func(t *testing.T) {
		x.torment(t, func(t *testing.T) *exported {
			dir := t.TempDir()
			return x.place(t, directoryAt(t, dir), "directory: "+dir)
		})
	})
	if testenv.Long() {
		t.Run("S3", func(t *testing.T) { x.torment(t, x.onS3) })
	}
}

// exportedDay is a day and what its export looks like.
type exportedDay struct {
	bin, log string
	begin    time.Time
	windows  []string          // the folders of all windows of the day
	want     map[string]string // the files in them
}

// torment has the day exported by servers that are killed, and compares.
func (x *exportedDay) torment(t *testing.T, open func(*testing.T) *exported) {
	end := time.Now()
	// In each of its lives the server gets some windows further, on any machine.
	most := len(x.windows) * 2 / 3
	if testenv.Long() {
		end = end.Add(5 * time.Minute)
		most = len(x.windows) / 20
	}
	kills, rounds := 0, 0
	for ; rounds == 0 || time.Now().Before(end); rounds++ {
		e := open(t)
		for e.live(t, 1+rand.IntN(most), time.Duration(rand.IntN(150))*time.Millisecond) {
			kills++
			e.check(t)
		}
		clear(e.checked) // what was complete long ago must be as it was, too
		e.check(t)
		for key := range x.want {
			if _, ok := e.checked[path.Dir(key)]; !ok {
				t.Fatalf("%s is missing", key)
			}
		}
	}
	t.Logf("%d kills in %d exports", kills, rounds)
}

// place copies the log and configures a server that exports it to one destination.
func (x *exportedDay) place(t *testing.T, s bucket.Store, destination string, env ...string) *exported {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "log"), os.DirFS(x.log)); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`listen: {addr: '127.0.0.1:0'}
log: {dir: %[1]s/log}
tenants: [{id: %[2]s}]
floor: {intervals: [%[2]s]}
exports:
  wfm: [%[2]s]
  checkpoint: 100ms
  destinations: [{id: main, tenant: %[2]s, manifest: true, %[3]s}]
`, dir, exporttest.Tenant, destination)
	e := &exported{day: x, store: s, conf: filepath.Join(dir, "trunkline.yaml"), env: append(os.Environ(), env...), checked: map[string]struct{}{}}
	if err := os.WriteFile(e.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return e
}

// onS3 is place with a bucket of a server of its own.
func (x *exportedDay) onS3(t *testing.T) *exported {
	t.Helper()
	o := buckettest.Versity(t)
	s, err := bucket.OpenS3(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return x.place(t, s, fmt.Sprintf("bucket: %s, endpoint: '%s', path_style: true, key_id: %s, secret_env: E2E_SECRET, encryption: none", o.Bucket, o.Endpoint, o.KeyID), "E2E_SECRET="+o.Secret)
}

// exported is one export of the day.
type exported struct {
	day     *exportedDay
	store   bucket.Store
	conf    string
	env     []string
	checked map[string]struct{} // folders that were complete, and compared
}

// live runs a server until it has completed some more windows, and a moment longer,
// and kills it. It says whether there is more to be done.
func (e *exported) live(t *testing.T, windows int, moment time.Duration) bool {
	t.Helper()
	began := len(e.complete(t))
	cmd := exec.Command(e.day.bin, "serve", "--config", e.conf)
	cmd.Env = e.env
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Kill()
		if ended != nil {
			<-ended
		}
	}()
	enough := min(began+windows, len(e.day.windows))
	for deadline := time.Now().Add(5 * time.Minute); ; {
		select {
		case err := <-ended:
			ended = nil
			t.Fatalf("the server has ended: %v\n%s", err, said.String())
		case <-time.After(100 * time.Millisecond):
		}
		if done := len(e.complete(t)); done >= enough {
			time.Sleep(moment)
			return done < len(e.day.windows)
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not get further:\n%s", said.String())
		}
	}
}

// complete gives the folders of the windows of the day that are complete.
func (e *exported) complete(t *testing.T) map[string]struct{} {
	t.Helper()
	out := map[string]struct{}{}
	e.list(t, func(key string, p layout.Partition) {
		if p.File == layout.SuccessFile {
			out[p.Folder()] = struct{}{}
		}
	})
	return out
}

// list gives the files of the day's windows.
func (e *exported) list(t *testing.T, each func(key string, p layout.Partition)) {
	t.Helper()
	err := e.store.List(t.Context(), "", func(o bucket.Object) error {
		p, err := layout.ParsePath(o.Key)
		if err == nil && !p.Window.End().After(e.day.begin.Add(layout.Daily)) {
			each(o.Key, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// contents reads the files of the day's windows.
func (e *exported) contents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	e.list(t, func(key string, _ layout.Partition) { out[key] = e.read(t, key) })
	return out
}

func (e *exported) read(t *testing.T, key string) string {
	t.Helper()
	r, err := e.store.Open(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// check compares the windows that have become complete with those of the server that
// nobody disturbed.
func (e *exported) check(t *testing.T) {
	t.Helper()
	complete := e.complete(t)
	files := map[string]bool{}
	e.list(t, func(key string, p layout.Partition) {
		files[key] = true
		folder := p.Folder()
		if _, ok := complete[folder]; !ok {
			return
		}
		if _, ok := e.checked[folder]; ok {
			return
		}
		if want, ok := e.day.want[key]; !ok || e.read(t, key) != want {
			t.Errorf("%s is committed and another file, or none of a whole run", key)
		}
	})
	for key := range e.day.want {
		if _, ok := complete[path.Dir(key)]; ok && !files[key] {
			t.Errorf("%s is missing in a window that is committed", key)
		}
	}
	e.checked = complete
}

func directoryAt(t *testing.T, dir string) bucket.Store {
	t.Helper()
	s, err := bucket.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
