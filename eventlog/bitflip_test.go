package eventlog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
	"trunkline/internal/testenv"
)

// content is all that a log says: every event of every tenant, and every value
// of every bucket that the test wrote.
type content struct {
	events map[string][]string
	values map[string]string
}

var flipBuckets = []string{"TOKENS", "DIRECTORY"}

// fillLog makes a store with several tenants, index segments, trimmed history, a
// fold's snapshot and control state, closed in order.
func fillLog(t *testing.T, cfg eventlog.Config) {
	t.Helper()
	l := logtest.Open(t, cfg)
	for i := range 700 {
		for _, tenant := range []string{"acme", "bolt", fmt.Sprint("t", i%40)} {
			logtest.Append(t, l, tenant, logtest.Events("pbx", i*3, i*3+1+i%3))
		}
		if i == 400 {
			if err := l.Trim(t.Context(), time.Now().Add(cfg.RetainAge)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, bucket := range flipBuckets {
		kv, err := l.KV(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			if _, err := kv.Put(t.Context(), fmt.Sprint("key", i%40), fmt.Appendf(nil, `{"value":%d,"in":"%s"}`, i, bucket)); err != nil {
				t.Fatal(err)
			}
		}
		if err := kv.Delete(t.Context(), "key7"); err != nil {
			t.Fatal(err)
		}
	}
	logtest.Close(t, l)
}

// readLog reads everything, as far as it can, and gives the first error.
func readLog(ctx context.Context, l *eventlog.Log) (content, error) {
	c := content{events: map[string][]string{}, values: map[string]string{}}
	for _, tenant := range l.Tenants() {
		var recs []string
		err := l.Read(ctx, tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
			for i := range b.Records {
				r := &b.Records[i]
				recs = append(recs, fmt.Sprint(r.Seq, r.Received.UnixMilli(), r.Derived, string(r.Raw), string(r.Context)))
			}
			return true, nil
		})
		if err != nil {
			return c, err
		}
		c.events[tenant] = append([]string{fmt.Sprint("oldest ", l.Oldest(tenant), " head ", l.Head(tenant))}, recs...)
	}
	for _, bucket := range flipBuckets {
		kv, err := l.KV(ctx, bucket)
		if err != nil {
			return c, err
		}
		keys, err := kv.Keys(ctx)
		if err != nil {
			return c, err
		}
		for _, k := range keys {
			e, err := kv.Get(ctx, k)
			if err != nil {
				return c, err
			}
			c.values[bucket+"/"+k] = fmt.Sprint(e.Revision, string(e.Value))
		}
	}
	return c, nil
}

// differ says what is not as it was, "" when everything is.
func (c content) differ(o content) string {
	for tenant, want := range c.events {
		got := o.events[tenant]
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				return fmt.Sprintf("tenant %s: %d lines of %d, line %d differs", tenant, len(got), len(want), i)
			}
		}
		if len(got) != len(want) {
			return fmt.Sprintf("tenant %s: %d lines, were %d", tenant, len(got), len(want))
		}
	}
	for k, want := range c.values {
		if o.values[k] != want {
			return fmt.Sprintf("value %s is %q, was %q", k, o.values[k], want)
		}
	}
	if len(o.events) != len(c.events) || len(o.values) != len(c.values) {
		return fmt.Sprintf("%d tenants and %d values, were %d and %d", len(o.events), len(o.values), len(c.events), len(c.values))
	}
	return ""
}

// One flipped bit anywhere in the store is named, at start, at reading or by
// Verify, or has changed nothing. TRUNKLINE_LONG=1 flips ten times as many.
func TestBitFlip(t *testing.T) {
	origin := t.TempDir()
	cfg := eventlog.Config{Dir: origin, SegmentEach: 500, RetainAge: time.Hour}
	cfg = logtest.WithFold(cfg)
	fillLog(t, cfg)
	// What a start makes of the sound store is what a start of a damaged one is
	// held to.
	l := logtest.Open(t, cfg)
	want, err := readLog(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	logtest.Close(t, l)
	files := storeFiles(t, origin)
	flips := 60
	if testenv.Long() {
		flips = 1000
	}
	rnd := rand.New(rand.NewPCG(11, 11))
	var plan []flip
	for i := range flips {
		// Every file gets its turn, whatever its size; half of the flips go by size.
		f := files[i/2%len(files)]
		if i%2 == 1 {
			f = bySize(files, rnd)
		}
		plan = append(plan, flip{f.name, rnd.Int64N(f.size), byte(1) << rnd.IntN(8)})
	}
	plan = append(plan, sequenceFlips(t, origin, files)...)
	outcomes := map[string]int{}
	for _, f := range plan {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		flipBit(t, filepath.Join(dir, f.file), f.at, f.bit)
		cfg.Dir = dir
		began := time.Now()
		outcome, silent := openFlipped(t, cfg, want)
		if took := time.Since(began); took > 2*time.Second {
			t.Logf("%v: %s took %v", f, outcome, took)
		}
		if silent != "" {
			t.Errorf("%v: lost in silence: %s", f, silent)
		}
		outcomes[outcome]++
		_ = os.RemoveAll(dir)
	}
	t.Logf("%d flips in %d files: %v", len(plan), len(files), outcomes)
}

// flip is one bit of one file.
type flip struct {
	file string
	at   int64
	bit  byte
}

// sequenceFlips hits the sequence of a record in every message block: the
// engine would run out of memory on what it takes for a hole.
func sequenceFlips(t *testing.T, dir string, files []storeFile) []flip {
	t.Helper()
	var plan []flip
	for _, f := range files {
		if !strings.HasSuffix(f.name, ".blk") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		for range 2 { // behind the first record
			if at+32 < f.size {
				plan = append(plan, flip{f.name, at + 4 + 5, 4}, flip{f.name, at + 4 + 3, 2})
				at += int64(binary.LittleEndian.Uint32(b[at:]) &^ (1 << 31))
			}
		}
	}
	return plan
}

type storeFile struct {
	name string
	size int64
}

func storeFiles(t *testing.T, dir string) []storeFile {
	t.Helper()
	var files []storeFile
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		i, err := d.Info()
		if err == nil && i.Size() > 0 {
			name, _ := filepath.Rel(dir, path)
			files = append(files, storeFile{name, i.Size()})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func bySize(files []storeFile, rnd *rand.Rand) storeFile {
	total := int64(0)
	for _, f := range files {
		total += f.size
	}
	at := rnd.Int64N(total)
	for _, f := range files {
		if at -= f.size; at < 0 {
			return f
		}
	}
	return files[0]
}

func flipBit(t *testing.T, name string, at int64, bit byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= bit
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// openFlipped opens a damaged copy and says how the damage showed; silent tells
// what was lost without a word.
func openFlipped(t *testing.T, cfg eventlog.Config, want content) (outcome, silent string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	l, err := eventlog.Open(ctx, cfg)
	if err != nil {
		if strings.TrimSpace(err.Error()) == "" || errors.Is(err, context.DeadlineExceeded) {
			return "refused", "open failed without a reason: " + err.Error()
		}
		return "refused at start", ""
	}
	defer func() { _ = l.Close(context.Background()) }()
	if h := l.Health(); len(h.Breaks) > 0 {
		return "named at start", ""
	}
	got, err := readLog(ctx, l)
	var broken *eventlog.BreakError
	switch {
	case errors.As(err, &broken):
		return "named at reading", ""
	case err != nil:
		t.Logf("error at reading: %v", err)
		return "error at reading", ""
	}
	differs := want.differ(got)
	rep, err := l.Verify(ctx, nil)
	if err != nil || len(rep.Breaks) > 0 {
		if differs != "" {
			// A reader saw something else before anybody had asked for the truth.
			return "named by verify", "named only by verify: " + differs
		}
		return "named by verify, nothing lost", ""
	}
	if differs != "" {
		return "silent", differs
	}
	return "nothing changed", ""
}
