package engine

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// dropPageCache lets go of all clean pages of the files below dir that were
// written since an instant. After a failed fsync Linux keeps the pages that it
// could not write and calls them clean; reading them would show data that the
// disk does not have.
func dropPageCache(dir string, since time.Time) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if i, err := d.Info(); err != nil || i.ModTime().Before(since) {
			return nil
		}
		if f, err := os.Open(path); err == nil {
			_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
			f.Close()
		}
		return nil
	})
}
