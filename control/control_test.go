package control_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"trunkline/control"
)

var codec = control.Codec[int]{
	Encode: func(v int) ([]byte, error) { return strconv.AppendInt(nil, int64(v), 10), nil },
	Decode: func(b []byte) (int, error) { return strconv.Atoi(string(b)) },
}

func TestMemory(t *testing.T) {
	ctx := t.Context()
	kv := control.NewMemory()
	if _, err := kv.Get(ctx, "a"); !errors.Is(err, control.ErrNotFound) {
		t.Fatalf("get of nothing: %v", err)
	}
	one, err := kv.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(ctx, "a", []byte("2")); !errors.Is(err, control.ErrExists) {
		t.Fatalf("second create: %v", err)
	}
	two, err := kv.Update(ctx, "a", []byte("2"), one)
	if err != nil || two <= one {
		t.Fatalf("update: revision %d after %d, %v", two, one, err)
	}
	if _, err := kv.Update(ctx, "a", []byte("3"), one); !errors.Is(err, control.ErrRevision) {
		t.Fatalf("update over an old revision: %v", err)
	}
	if err := kv.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := kv.Delete(ctx, "a"); err != nil {
		t.Fatalf("second delete: %v", err)
	}
	if _, err := kv.Create(ctx, "a", []byte("4")); err != nil {
		t.Fatalf("create after a delete: %v", err)
	}
}

type step struct {
	op, key string
	mirror  int
}

// Whatever is done through either of two mirrors, each shows its own writes at once and both end as the bucket is.
func TestMirrorsAgree(t *testing.T) {
	steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
		return step{
			op:     rapid.SampledFrom([]string{"put", "create", "change", "delete", "fetch", "cut", "settle"}).Draw(rt, "op"),
			key:    rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key"),
			mirror: rapid.IntRange(0, 1).Draw(rt, "mirror"),
		}
	}), 1, 30)
	rapid.Check(t, func(rt *rapid.T) {
		todo := steps.Draw(rt, "steps")
		var wrong error
		synctest.Test(t, func(t *testing.T) { wrong = walk(t.Context(), todo) })
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}

// walk does the steps on two mirrors of one bucket and says what is wrong.
func walk(ctx context.Context, steps []step) error {
	ctx, cancel := context.WithCancel(ctx)
	defer synctest.Wait()
	defer cancel()
	kv := &flaky{KV: control.NewMemory()}
	var mirrors [2]*control.Mirror[int]
	for i := range mirrors {
		m, err := control.OpenMirror(ctx, kv, codec)
		if err != nil {
			return err
		}
		mirrors[i] = m
	}
	truth := map[string]int{}
	for i, s := range steps {
		if err := s.do(ctx, mirrors[s.mirror], kv, i, truth); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	time.Sleep(5 * time.Second) // of the bubble's clock: a cut watch is back
	synctest.Wait()
	for i, m := range mirrors {
		if got := m.All(); !maps.Equal(got, truth) {
			return fmt.Errorf("mirror %d ends as %v, want %v", i, got, truth)
		}
	}
	return nil
}

func (s step) do(ctx context.Context, m *control.Mirror[int], kv *flaky, n int, truth map[string]int) error {
	_, there := truth[s.key]
	var err, want error
	switch s.op {
	case "put":
		err = m.Put(ctx, s.key, n)
		truth[s.key] = n
	case "create":
		if there {
			want = control.ErrExists
		} else {
			truth[s.key] = n
		}
		err = m.Create(ctx, s.key, n)
	case "change":
		if there {
			truth[s.key] += 1000
		} else {
			want = control.ErrNotFound
		}
		_, err = m.Change(ctx, s.key, func(v int) (int, error) { return v + 1000, nil })
	case "delete":
		if !there {
			want = control.ErrNotFound
		}
		delete(truth, s.key)
		err = m.Delete(ctx, s.key)
	case "fetch":
		if _, ok, err := m.Fetch(ctx, s.key); err != nil || there && !ok {
			return fmt.Errorf("fetch %s: there %v, %v; want %v", s.key, ok, err, there)
		}
		return nil
	case "cut":
		kv.cut()
		return nil
	case "settle":
		synctest.Wait()
		return nil
	}
	if !errors.Is(err, want) {
		return fmt.Errorf("%s %s: %v, want %v", s.op, s.key, err, want)
	}
	if want != nil {
		return nil // this mirror wrote nothing that it would have to show
	}
	v, ok := truth[s.key]
	if got, gotOK := m.Get(s.key); gotOK != ok || got != v {
		return fmt.Errorf("own %s of %s shows as %d, %v; want %d, %v", s.op, s.key, got, gotOK, v, ok)
	}
	return nil
}

func TestMirrorTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		kv := control.NewMemory()
		var told, broken []string
		c := codec
		c.Changed = func(key string, old, now int) { told = append(told, fmt.Sprintf("%s:%d>%d", key, old, now)) }
		c.Broken = func(key string, _ error) { broken = append(broken, key) }
		m, err := control.OpenMirror(ctx, kv, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []string{"1", "2", "rubbish", "3"} {
			if _, err := kv.Put(ctx, "a", []byte(v)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if _, ok := m.Get("a"); ok != (v != "rubbish") {
				t.Errorf("after %q the value is there: %v", v, ok)
			}
		}
		if err := kv.Delete(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := fmt.Sprint(told), "[a:0>1 a:1>2 a:2>0 a:0>3 a:3>0]"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		if got, want := fmt.Sprint(broken), "[a]"; got != want {
			t.Errorf("broken %s, want %s", got, want)
		}
	})
}

func TestOpenMirrorFails(t *testing.T) {
	kv := &flaky{KV: control.NewMemory(), dead: errors.New("no storage")}
	if _, err := control.OpenMirror(t.Context(), kv, codec); !errors.Is(err, kv.dead) {
		t.Fatalf("got %v", err)
	}
}

// flaky is a bucket whose watches can be cut.
type flaky struct {
	control.KV
	dead error

	mu   sync.Mutex
	cuts []context.CancelFunc
}

func (f *flaky) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.cuts {
		c()
	}
	f.cuts = nil
}

func (f *flaky) Watch(ctx context.Context, fn func(control.Entry), ready func()) error {
	if f.dead != nil {
		return f.dead
	}
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	f.cuts = append(f.cuts, cancel)
	f.mu.Unlock()
	defer cancel()
	return f.KV.Watch(ctx, fn, ready)
}
