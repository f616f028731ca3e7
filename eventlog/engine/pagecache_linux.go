package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropPageCache lets go of all clean pages of a file. After a failed fsync Linux
// keeps the pages that it could not write and calls them clean; reading them would
// show data that the disk does not have.
func dropPageCache(path string) {
	if f, err := os.Open(path); err == nil {
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		f.Close()
	}
}
