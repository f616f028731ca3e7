// Package buckettest is the conformance suite of stores: what package bucket promises,
// asked of any of them.
package buckettest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trunkline/feed/export/bucket"
)

// Options say what a store under test cannot do because of its server.
type Options struct {
	// Large is the size of a file that is uploaded in parts, 0 to leave that out.
	Large int
	// LooseCompletion says that the server ignores conditions when it completes an
	// upload in parts.
	LooseCompletion bool
}

// Run asks everything of an empty store.
func Run(t *testing.T, o Options, open func(t *testing.T) bucket.Store) {
	t.Run("files are written once", func(t *testing.T) { once(t, open(t)) })
	t.Run("files are replaced by who has seen them", func(t *testing.T) { replaced(t, open(t)) })
	t.Run("one of many makes a file", func(t *testing.T) { race(t, open(t)) })
	t.Run("one of many replaces a file", func(t *testing.T) { replaceRace(t, open(t)) })
	t.Run("files are listed by name", func(t *testing.T) { list(t, open(t)) })
	t.Run("names that lead elsewhere are refused", func(t *testing.T) { names(t, open(t)) })
	t.Run("an ended context ends it", func(t *testing.T) { ended(t, open(t)) })
	if o.Large > 0 {
		t.Run("large files", func(t *testing.T) { large(t, open(t), o) })
	}
}

// Body makes a body of bytes.
func Body(b []byte) bucket.Body {
	sum := sha256.Sum256(b)
	return bucket.Body{Reader: bytes.NewReader(b), Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

func create(t *testing.T, s bucket.Store, key, content string, want bool) {
	t.Helper()
	made, err := s.Create(t.Context(), key, Body([]byte(content)))
	if err != nil || made != want {
		t.Fatalf("Create(%s) = %v, %v; not %v", key, made, err, want)
	}
}

func content(t *testing.T, s bucket.Store, key string, from int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, from)
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

func once(t *testing.T, s bucket.Store) {
	const key = "reps/version=1/format=jsonl/dt=2026-01-01/reps.jsonl"
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, bucket.ErrAbsent) {
		t.Fatalf("Stat of nothing: %v", err)
	}
	if _, err := s.Open(t.Context(), key, 0); !errors.Is(err, bucket.ErrAbsent) {
		t.Fatalf("Open of nothing: %v", err)
	}
	if err := s.Remove(t.Context(), key); err != nil {
		t.Fatalf("Remove of nothing: %v", err)
	}
	create(t, s, key, "hello", true)
	create(t, s, key, "other", false)
	if got := content(t, s, key, 0); got != "hello" {
		t.Fatalf("%q", got)
	}
	if got := content(t, s, key, 3); got != "lo" {
		t.Fatalf("from byte 3: %q", got)
	}
	if got := content(t, s, key, 5); got != "" {
		t.Fatalf("from its end: %q", got)
	}
	o, err := s.Stat(t.Context(), key)
	if want := Body([]byte("hello")); err != nil || o.Size != 5 || o.SHA256 != want.SHA256 || o.Tag == "" || o.Key != key {
		t.Fatalf("%+v, %v", o, err)
	}
	create(t, s, "a/_SUCCESS", "", true)
	if got := content(t, s, "a/_SUCCESS", 0); got != "" {
		t.Fatalf("an empty file: %q", got)
	}
	if err := s.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	create(t, s, key, "again", true)
}

func replaced(t *testing.T, s bucket.Store) {
	create(t, s, "a/b", "one", true)
	first, err := s.Stat(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Replace(t.Context(), "a/b", first.Tag, Body([]byte("two!"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Replace(t.Context(), "a/b", first.Tag, Body([]byte("three"))); !errors.Is(err, bucket.ErrChanged) {
		t.Fatalf("over what was not seen: %v", err)
	}
	if got := content(t, s, "a/b", 0); got != "two!" {
		t.Fatalf("%q", got)
	}
	if err := s.Replace(t.Context(), "a/none", first.Tag, Body([]byte("x"))); !errors.Is(err, bucket.ErrChanged) {
		t.Fatalf("over nothing: %v", err)
	}
	if _, err := s.Stat(t.Context(), "a/none"); !errors.Is(err, bucket.ErrAbsent) {
		t.Fatalf("it was made: %v", err)
	}
}

const racers = 8

func race(t *testing.T, s bucket.Store) {
	for round := range 5 {
		var winners atomic.Int32
		var won atomic.Value
		var all sync.WaitGroup
		for i := range racers {
			all.Go(func() {
				text := fmt.Sprint("writer ", i)
				made, err := s.Create(t.Context(), fmt.Sprint("race/", round), Body([]byte(text)))
				if err != nil {
					t.Error(err)
				}
				if made {
					winners.Add(1)
					won.Store(text)
				}
			})
		}
		all.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("%d made it", n)
		}
		if got := content(t, s, fmt.Sprint("race/", round), 0); got != won.Load() {
			t.Fatalf("%q is there, %q has won", got, won.Load())
		}
	}
}

func replaceRace(t *testing.T, s bucket.Store) {
	create(t, s, "k", "begin", true)
	first, err := s.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	var winners atomic.Int32
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			switch err := s.Replace(t.Context(), "k", first.Tag, Body([]byte(fmt.Sprint("writer ", i)))); {
			case err == nil:
				winners.Add(1)
			case !errors.Is(err, bucket.ErrChanged):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := winners.Load(); n != 1 {
		t.Fatalf("%d replaced it", n)
	}
}

func list(t *testing.T, s bucket.Store) {
	all := []string{"a/1", "a/2", "a/b/1", "a-b", "ab", "b/1"}
	for _, k := range all {
		create(t, s, k, k, true)
	}
	slices.Sort(all)
	for prefix, want := range map[string][]string{
		"": all, "a": {"a-b", "a/1", "a/2", "a/b/1", "ab"}, "a/": {"a/1", "a/2", "a/b/1"}, "a/b": {"a/b/1"}, "b/1": {"b/1"}, "c": nil, "c/d": nil,
	} {
		var got []string
		err := s.List(t.Context(), prefix, func(o bucket.Object) error {
			if o.Size != int64(len(o.Key)) {
				t.Errorf("%+v", o)
			}
			got = append(got, o.Key)
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; not %v", prefix, got, err, want)
		}
	}
	for folder, want := range map[string][]string{"": {"a", "b"}, "a/": {"b"}, "b/": nil, "none/": nil} {
		if got, err := s.Folders(t.Context(), folder); err != nil || !slices.Equal(got, want) {
			t.Errorf("folders of %q: %v, %v; not %v", folder, got, err, want)
		}
	}
	stop := errors.New("enough")
	if err := s.List(t.Context(), "", func(bucket.Object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func names(t *testing.T, s bucket.Store) {
	for _, k := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\x00b", strings.Repeat("x", 1000)} {
		if _, err := s.Create(t.Context(), k, Body([]byte("x"))); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Create(%q): %v", k, err)
		}
		if _, err := s.Open(t.Context(), k, 0); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Open(%q): %v", k, err)
		}
		if _, err := s.Stat(t.Context(), k); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Stat(%q): %v", k, err)
		}
		if err := s.Remove(t.Context(), k); !errors.Is(err, bucket.ErrKey) {
			t.Errorf("Remove(%q): %v", k, err)
		}
	}
}

func ended(t *testing.T, s bucket.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if made, err := s.Create(ctx, "a", Body([]byte("x"))); err == nil {
		t.Errorf("made: %v", made)
	}
	if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, bucket.ErrAbsent) {
		t.Errorf("%v", err)
	}
}

func large(t *testing.T, s bucket.Store, o Options) {
	b := bytes.Repeat([]byte("0123456789abcdef"), o.Large/16+1)[:o.Large]
	made, err := s.Create(t.Context(), "large", Body(b))
	if err != nil || !made {
		t.Fatal(made, err)
	}
	if got := content(t, s, "large", 0); got != string(b) {
		t.Fatalf("%d bytes of %d came back, or others", len(got), len(b))
	}
	if made, err := s.Create(t.Context(), "large", Body(b)); err != nil || made {
		t.Fatalf("made twice: %v, %v", made, err)
	}
	st, err := s.Stat(t.Context(), "large")
	if err != nil || st.SHA256 != Body(b).SHA256 {
		t.Fatalf("%+v, %v", st, err)
	}
	b[0] = 'X'
	if err := s.Replace(t.Context(), "large", st.Tag, Body(b)); err != nil {
		t.Fatal(err)
	}
	if o.LooseCompletion {
		return
	}
	if err := s.Replace(t.Context(), "large", st.Tag, Body(b)); !errors.Is(err, bucket.ErrChanged) {
		t.Fatalf("over what was not seen: %v", err)
	}
}
