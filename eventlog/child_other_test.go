//go:build !linux

package eventlog_test

import "syscall"

func endsWithParent() *syscall.SysProcAttr { return nil }
