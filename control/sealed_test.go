package control_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/control"
)

// key gives the text of a key that is all one byte.
func key(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func keys(t *testing.T, text string) *control.Keys {
	t.Helper()
	k, err := control.ParseKeys(text, "the test's keys")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func put(t *testing.T, kv control.KV, name, value string) {
	t.Helper()
	if _, err := kv.Put(t.Context(), name, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, kv control.KV, name string) string {
	t.Helper()
	e, err := kv.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Value)
}

func TestSealedValues(t *testing.T) {
	ctx, kv := t.Context(), control.NewMemory()
	put(t, kv, "old", `{"from":"before"}`)
	sealed := control.Seal(kv, "b", keys(t, key(1)))
	put(t, sealed, "new", "hunter2")
	rev, err := sealed.Create(ctx, "third", []byte("hunter3"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.Update(ctx, "third", []byte("hunter4"), rev); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.Update(ctx, "third", nil, rev); !errors.Is(err, control.ErrRevision) {
		t.Errorf("update over an old revision: %v", err)
	}
	for name, want := range map[string]string{"old": `{"from":"before"}`, "new": "hunter2", "third": "hunter4"} {
		if got := get(t, sealed, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
		if raw := get(t, kv, name); name != "old" && strings.Contains(raw, "hunter") {
			t.Errorf("%s is stored as %q", name, raw)
		}
	}
	if a, b := get(t, kv, "new"), ""; true {
		put(t, sealed, "new", "hunter2")
		if b = get(t, kv, "new"); a == b {
			t.Error("the same value is sealed to the same bytes")
		}
	}
	// A value is bound to its bucket and key, and cannot be changed.
	raw := get(t, kv, "new")
	put(t, kv, "third", raw)
	other := control.NewMemory()
	put(t, other, "new", raw)
	put(t, kv, "bent", raw[:len(raw)-1]+string(raw[len(raw)-1]^1))
	put(t, kv, "cut", raw[:14])
	for name, in := range map[string]control.KV{"third": sealed, "bent": sealed, "cut": sealed, "new": control.Seal(other, "c", keys(t, key(1)))} {
		if e, err := in.Get(ctx, name); err == nil {
			t.Errorf("%s was opened as %q", name, e.Value)
		}
	}
	if _, err := control.Seal(kv, "b", control.NoKeys("nowhere")).Put(ctx, "x", nil); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("sealed without a key: %v", err)
	}
}

func TestKeysAreRotated(t *testing.T) {
	ctx, kv := t.Context(), control.NewMemory()
	put(t, kv, "plain", "hunter1")
	put(t, control.Seal(kv, "b", keys(t, key(1))), "first", "hunter2")
	both := control.Seal(kv, "b", keys(t, "# the newest\n"+key(2)+"\n"+key(1)+" # until May\n"))
	if n, lost, err := both.Renew(ctx, false); n != 2 || lost != 0 || err != nil {
		t.Fatalf("%d sealed anew, %d lost, %v", n, lost, err)
	}
	if n, _, err := both.Renew(ctx, false); n != 0 || err != nil {
		t.Errorf("%d sealed anew the second time, %v", n, err)
	}
	now := control.Seal(kv, "b", keys(t, key(2)))
	if got := get(t, now, "plain") + get(t, now, "first"); got != "hunter1hunter2" {
		t.Errorf("read %q without the old key", got)
	}
	wrong := control.Seal(kv, "b", keys(t, key(3)))
	put(t, wrong, "mine", "hunter3")
	if _, _, err := wrong.Renew(ctx, false); !errors.Is(err, control.ErrKey) || !strings.Contains(err.Error(), "the test's keys") {
		t.Errorf("with the wrong key: %v", err)
	}
	if err := control.Seal(kv, "b", control.NoKeys("k")).Readable(ctx); !errors.Is(err, control.ErrKey) {
		t.Errorf("with no key: %v", err)
	}
	if _, lost, err := wrong.Renew(ctx, true); lost != 2 || err != nil {
		t.Errorf("%d lost, %v", lost, err)
	}
	if got := get(t, wrong, "mine"); got != "hunter3" {
		t.Errorf("what can be read is %q", got)
	}
	if err := wrong.Readable(ctx); err != nil {
		t.Error(err)
	}
}

// TestAMirrorKeepsWhatItCannotOpen: another process seals with a key that this one has not got yet.
func TestAMirrorKeepsWhatItCannotOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kv := control.NewMemory()
	ours, theirs := control.Seal(kv, "b", keys(t, key(1))), control.Seal(kv, "b", keys(t, key(2)+","+key(1)))
	put(t, ours, "a", "1")
	broken := make(chan error, 10)
	c := codec
	c.Broken = func(_ string, err error) { broken <- err }
	m, err := control.OpenMirror(ctx, ours, c)
	if err != nil {
		t.Fatal(err)
	}
	put(t, theirs, "a", "2")
	select {
	case err := <-broken:
		if !errors.Is(err, control.ErrKey) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("nobody is told")
	}
	if v, ok := m.Get("a"); !ok || v != 1 {
		t.Errorf("the value is %d, %v", v, ok)
	}
	if _, err := m.Change(ctx, "a", func(v int) (int, error) { return v, nil }); !errors.Is(err, control.ErrKey) {
		t.Errorf("changed: %v", err)
	}
}

func TestKeyTexts(t *testing.T) {
	for name, tc := range map[string]struct{ text, says string }{
		"nothing":      {"", "no key"},
		"a comment":    {"# here soon\n", "no key"},
		"a password":   {"hunter2", "key 1"},
		"too short":    {base64.StdEncoding.EncodeToString(make([]byte, 31)), "32 bytes"},
		"too long":     {base64.StdEncoding.EncodeToString(make([]byte, 33)), "32 bytes"},
		"twice":        {key(1) + "\n" + key(1), "twice"},
		"second is no": {key(1) + " x", "key 2"},
	} {
		if _, err := control.ParseKeys(tc.text, "f"); err == nil || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "f: ") || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	needed := errors.New("something is sealed")
	if _, err := control.OpenKeyFile(path, func(*control.Keys) error { return needed }); !errors.Is(err, needed) {
		t.Errorf("a file in the place of a lost one: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made")
	}
	none := func(*control.Keys) error { return nil }
	first, err := control.OpenKeyFile(path, none)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	kv := control.NewMemory()
	put(t, control.Seal(kv, "b", first), "a", "1")
	again, err := control.OpenKeyFile(path, func(*control.Keys) error { t.Error("asked although there is a file"); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, control.Seal(kv, "b", again), "a"); got != "1" {
		t.Errorf("%q", got)
	}
	if err := control.MakeKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key in the place of the first: %v", err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}
