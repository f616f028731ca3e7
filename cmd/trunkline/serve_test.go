package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/server"
)

// A signal has the file read again; one that makes no sense changes nothing.
func TestReload(t *testing.T) {
	pbx, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pbx.Close()
	plain := fmt.Sprintf("listen: {addr: '127.0.0.1:0'}\nlog: {dir: %s, disk_reserve: 16MiB}\ntenants: [{id: acme}]\n", filepath.Join(t.TempDir(), "data"))
	file := write(t, "trunkline.yaml", plain)
	loaded, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Start(t.Context(), loaded.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	again, done := make(chan os.Signal), make(chan struct{})
	go func() { defer close(done); reload(ctx, s, file, again) }()
	defer func() { cancel(); <-done }()

	change := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again <- syscall.SIGHUP
	}
	change("sources: nonsense")
	change(plain + fmt.Sprintf("sources: {asterisk: [{name: pbx1, tenant: acme, address: '%s', user: u, secret: s}]}\n", strings.TrimSpace(pbx.Addr().String())))
	if err := pbx.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c, err := pbx.Accept()
	if err != nil {
		t.Fatalf("the source of the new file does not connect: %v", err)
	}
	_ = c.Close()
}
