//go:build !linux

package eventlog_test

import (
	"syscall"
	"testing"
)

func endsWithParent() *syscall.SysProcAttr { return nil }

// freeze is for tests that mount a disk, which are left out elsewhere.
func (c *child) freeze(t *testing.T) {
	t.Helper()
	t.Skip("a disk cannot be mounted here")
}
