//go:build !linux

package logtest

import "syscall"

// endsWithParent has nothing to ask for here: Cleanup ends the children.
func endsWithParent() *syscall.SysProcAttr { return nil }
