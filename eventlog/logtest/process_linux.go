package logtest

import "syscall"

// endsWithParent makes a child process end with the test, however that ends.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
