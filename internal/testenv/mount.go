package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Tmpfs mounts a small disk in memory and gives its directory. It is unmounted
// when the test ends. Without the right to mount the test is left out.
func Tmpfs(t testing.TB, megabytes int) string {
	t.Helper()
	dir := mountPoint(t)
	mount(t, dir, "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=700", megabytes), "trunkline-test")
	return dir
}

// Image is an ext4 file system in a file.
type Image struct {
	File string
	Dir  string // where it is mounted
}

// Ext4 makes a file system in a sparse file at path and mounts it on a loop
// device. options go to mkfs.ext4. It is unmounted when the test ends. Where
// that cannot be done the test is left out.
func Ext4(t testing.TB, path string, megabytes int, options ...string) *Image {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		Optional(t, "mkfs.ext4 is not installed")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(megabytes)<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", append(append([]string{"-q", "-F"}, options...), path)...).CombinedOutput(); err != nil {
		Optional(t, fmt.Sprintf("mkfs.ext4: %v: %s", err, out))
	}
	return &Image{File: path, Dir: MountImage(t, path)}
}

// MountImage mounts a file system that is in a file and gives its directory.
func MountImage(t testing.TB, file string) string {
	t.Helper()
	dir := mountPoint(t)
	mount(t, dir, "-o", "loop", file)
	return dir
}

// Copy copies the file of the image as it is at one instant: what a power cut
// would leave. Whoever writes to the file system must stand still; the kernel may
// go on writing back what they left, and a copy that mixes two states of the disk
// would show none that ever was. So copies are made until two in a row are the
// same: that is the disk as it was between them.
func (i *Image) Copy(t testing.TB, to string) {
	t.Helper()
	last := to + ".before"
	defer os.Remove(last)
	run(t, "cp", "--sparse=always", i.File, to)
	for range 100 {
		if err := os.Rename(to, last); err != nil {
			t.Fatal(err)
		}
		run(t, "cp", "--sparse=always", i.File, to)
		if exec.Command("cmp", "--quiet", last, to).Run() == nil {
			return
		}
	}
	t.Fatalf("the image changed under 100 copies of it")
}

// Remount takes the file system out from under whoever uses it and mounts it
// anew at the same place. It must have been aborted: as long as a file of the old
// one is open it lives on beside the new one, and would take writes, and sync
// them, that the new one never sees.
func (i *Image) Remount(t testing.TB) {
	t.Helper()
	run(t, "umount", "-l", i.Dir)
	// A device of its own: on the old one the old state of the file system lives
	// on as long as a file is open. It goes with the unmount.
	dev := strings.TrimSpace(run(t, "losetup", "--find", "--show", i.File))
	run(t, "mount", dev, i.Dir)
	run(t, "losetup", "--detach", dev)
}

// Abort makes the file system refuse all writes, as the kernel does when the
// device fails under it. The kernel may have done so already: then it does not
// mount it again.
func (i *Image) Abort(t testing.TB) {
	t.Helper()
	out, err := exec.Command("mount", "-o", "remount,abort", i.Dir).CombinedOutput()
	if err == nil {
		return
	}
	f, werr := os.CreateTemp(i.Dir, "still-writable-")
	if werr == nil {
		werr = errors.Join(f.Sync(), f.Close())
	}
	if werr == nil {
		Optional(t, fmt.Sprintf("mount -o remount,abort: %v: %s", err, out))
	}
}

// mountPoint makes a directory outside t.TempDir, whose removal would fail, or
// reach into what is mounted, if an unmount did.
func mountPoint(t testing.TB) string {
	t.Helper()
	needRoot(t)
	dir, err := os.MkdirTemp("", "trunkline-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	return dir
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Optional(t, "mounting a disk needs root")
	}
}

func mount(t testing.TB, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", append(args, dir)...).CombinedOutput(); err != nil {
		Optional(t, fmt.Sprintf("mount %s: %v: %s", strings.Join(args, " "), err, bytes.TrimSpace(out)))
	}
	t.Cleanup(func() {
		for mounted(dir) {
			if exec.Command("umount", dir).Run() != nil && exec.Command("umount", "-l", dir).Run() != nil {
				t.Errorf("%s stays mounted", dir)
				return
			}
		}
	})
}

func mounted(dir string) bool {
	b, _ := os.ReadFile("/proc/mounts")
	real, err := filepath.EvalSymlinks(dir)
	return err == nil && strings.Contains(string(b), " "+real+" ")
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
