package engine_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/eventlog/engine"
	"trunkline/internal/testenv"
)

// A process ended with data in the page cache that the disk does not take: the
// next one is not shown it. It starts when the disk works again, and has what the
// disk has.
func TestStartReadsWhatTheDiskHas(t *testing.T) {
	small := testenv.Tmpfs(t, 96)
	img := testenv.Ext4(t, filepath.Join(small, "disk"), 400, "-b", "4096", "-E", "nodiscard,lazy_itable_init=0")
	store := filepath.Join(img.Dir, "store")
	start := func() error {
		e, err := engine.Start(t.Context(), engine.Options{Dir: store})
		if err == nil {
			e.Close()
		}
		return err
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(small, "filler")
	if f, err := os.Create(filler); err != nil {
		t.Fatal(err)
	} else {
		for err == nil {
			_, err = f.Write(make([]byte, 1<<20))
		}
		f.Close()
	}
	left := filepath.Join(store, "left.blk")
	data := bytes.Repeat([]byte("never on disk. "), 1<<18)
	if err := os.WriteFile(left, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(left); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("the page cache gives %d bytes, %v", len(got), err)
	}
	if err := start(); err == nil || !strings.Contains(err.Error(), "sync what the log's engine has written") {
		t.Fatalf("started with %v", err)
	}
	img.Abort(t)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	img.Remount(t)
	if err := start(); err != nil {
		t.Fatalf("on the mended disk: %v", err)
	}
	if got, _ := os.ReadFile(left); bytes.Equal(got, data) {
		t.Fatal("the disk took the data after all: the test shows nothing")
	}
}
