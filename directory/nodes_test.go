package directory_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/control"
	"trunkline/directory"
)

// late is a bucket whose news come late, as they may to one node of several.
type late struct {
	control.KV
	hold atomic.Bool
}

func (l *late) Watch(ctx context.Context, fn func(control.Entry), ready func()) error {
	return l.KV.Watch(ctx, func(e control.Entry) {
		for l.hold.Load() && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		fn(e)
	}, ready)
}

// A node to which the news of another's change has not come yet overwrites nothing that it has not seen.
func TestTwoNodesChangeOneEntity(t *testing.T) {
	o := openOffice(t)
	news := &late{KV: o.kv}
	other, err := directory.OpenRegistry(t.Context(), news, o.state, o.log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	named := func(name string) directory.Group { return directory.Group{ID: "g1", Name: name} }
	is := func(tag string) directory.Condition {
		return func(there bool, now string) bool { return there && now == tag }
	}
	put := func(g *directory.Registry, name string, when directory.Condition) (bool, error) {
		return g.PutGroup(t.Context(), "acme", named(name), "t1", when)
	}
	if _, err := put(o.reg, "one", nil); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(other.Groups("acme")) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the other node never hears of the group")
		}
	}
	tag := directory.Tag(other.Groups("acme")[0])
	news.hold.Store(true)
	if _, err := put(o.reg, "two", is(tag)); err != nil {
		t.Fatal(err)
	}
	if _, err := put(other, "three", is(tag)); !errors.Is(err, directory.ErrChanged) {
		t.Errorf("a change of what was changed meanwhile: %v", err)
	}
	if err := other.Delete(t.Context(), "acme", "group", "g1", "t1", is(tag)); !errors.Is(err, directory.ErrChanged) {
		t.Errorf("deleting what was changed meanwhile: %v", err)
	}
	if got := o.reg.Groups("acme"); len(got) != 1 || got[0].Name != "two" {
		t.Errorf("%+v", got)
	}
	// What one node has made, another that does not know it yet changes.
	if _, err := o.reg.PutGroup(t.Context(), "acme", directory.Group{ID: "g2", Name: "one"}, "t1", nil); err != nil {
		t.Fatal(err)
	}
	none := func(there bool, _ string) bool { return !there }
	second := directory.Group{ID: "g2", Name: "two"}
	if _, err := other.PutGroup(t.Context(), "acme", second, "t1", none); !errors.Is(err, directory.ErrChanged) {
		t.Errorf("making what was made meanwhile: %v", err)
	}
	if created, err := other.PutGroup(t.Context(), "acme", second, "t1", nil); err != nil || created {
		t.Errorf("changing what was made meanwhile: %t, %v", created, err)
	}
	// And what one has deleted, another makes anew.
	if err := o.reg.Delete(t.Context(), "acme", "group", "g1", "t1", nil); err != nil {
		t.Fatal(err)
	}
	if err := other.Delete(t.Context(), "acme", "group", "g1", "t1", nil); !errors.Is(err, directory.ErrNoEntity) {
		t.Errorf("deleting what was deleted meanwhile: %v", err)
	}
	if created, err := put(other, "four", nil); err != nil || !created {
		t.Errorf("making what was deleted meanwhile: %t, %v", created, err)
	}
	// A user's secret that is renewed here keeps what was changed there.
	ada := directory.User{ID: "u1", Login: "ada@acme.example", Name: "Ada", Role: "admin"}
	if _, _, err := o.reg.PutUser(t.Context(), "acme", ada, "t1", nil); err != nil {
		t.Fatal(err)
	}
	news.hold.Store(false)
	for end := time.Now().Add(time.Minute); len(other.Users("acme")) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the other node never hears of the user")
		}
	}
	news.hold.Store(true)
	ada.Name = "Ada L."
	if _, _, err := o.reg.PutUser(t.Context(), "acme", ada, "t1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := other.RotateSecret(t.Context(), "acme", "u1", "t1"); err != nil {
		t.Fatal(err)
	}
	if got := other.Users("acme"); len(got) != 1 || got[0].Name != "Ada L." {
		t.Errorf("%+v", got)
	}
	news.hold.Store(false)
}
