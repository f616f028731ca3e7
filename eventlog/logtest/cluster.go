package logtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trunkline/eventlog"
)

// Cluster is three nats-server processes of the version that go.mod names, with
// JetStream, listening on loopback ports. Each test gets an account of its own,
// so that many logs live side by side.
type Cluster struct {
	servers [clusterSize]*Server
	used    atomic.Int64
}

const (
	clusterSize = 3
	accounts    = 96
	password    = "of-the-tests"
)

// Server is one process of a Cluster.
type Server struct {
	Name   string
	binary string
	config string
	port   int
	output bytes.Buffer
	cmd    *exec.Cmd
	done   chan struct{}
}

// StartCluster builds the server, which the go command keeps, and starts three.
// synced says whether they sync before they answer. They are killed when the
// test ends.
func StartCluster(t *testing.T, synced bool) *Cluster {
	t.Helper()
	out, err := exec.Command("go", "tool", "-n", "nats-server").Output()
	if err != nil {
		t.Fatalf("build nats-server: %v", err)
	}
	dir := t.TempDir()
	ports := freePorts(t, 2*clusterSize)
	var routes []string
	for i := range clusterSize {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[clusterSize+i]))
	}
	c := &Cluster{}
	for i := range c.servers {
		s := &Server{
			Name: fmt.Sprintf("s%d", i), binary: strings.TrimSpace(string(out)),
			config: filepath.Join(dir, fmt.Sprintf("s%d.conf", i)), port: ports[i],
		}
		conf := serverConfig(s.Name, s.port, ports[clusterSize+i], routes, filepath.Join(dir, s.Name), synced)
		if err := os.WriteFile(s.config, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		c.servers[i] = s
		s.Start(t)
		t.Cleanup(func() {
			s.Kill(t)
			if t.Failed() && testing.Verbose() {
				t.Logf("%s said:\n%s", s.Name, s.output.Bytes())
			}
		})
	}
	c.WaitReady(t)
	return c
}

func serverConfig(name string, port, route int, routes []string, dir string, synced bool) string {
	sync := "2m"
	if synced {
		sync = "always"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: 127.0.0.1:%d\nmax_payload: 8MB\n", name, port)
	fmt.Fprintf(&b, "jetstream { store_dir: %q, sync_interval: %s, max_memory_store: 256MB, max_file_store: 20GB }\n", dir, sync)
	fmt.Fprintf(&b, "cluster { name: test, listen: 127.0.0.1:%d, routes: [%s] }\n", route, strings.Join(routes, ", "))
	fmt.Fprintf(&b, "accounts {\n  SYS { users: [{user: sys, password: %q}] }\n", password)
	for i := range accounts {
		fmt.Fprintf(&b, "  A%d { jetstream: enabled, users: [{user: a%d, password: %q}] }\n", i, i, password)
	}
	b.WriteString("}\nsystem_account: SYS\n")
	return b.String()
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// Start starts the process.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.binary, "-c", s.config)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = endsWithParent()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(s.cmd, s.done)
}

// Kill ends the process as -9 does.
func (s *Server) Kill(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// Server gives the i-th process.
func (c *Cluster) Server(i int) *Server { return c.servers[i] }

// url names all servers for a user.
func (c *Cluster) url(user string) string {
	var urls []string
	for _, s := range c.servers {
		urls = append(urls, fmt.Sprintf("nats://%s:%s@127.0.0.1:%d", user, password, s.port))
	}
	return strings.Join(urls, ",")
}

// WaitReady waits until the cluster takes orders.
func (c *Cluster) WaitReady(t *testing.T) {
	t.Helper()
	for i := range c.servers {
		c.waitServer(t, i)
	}
}

func (c *Cluster) waitServer(t *testing.T, i int) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := func() error {
			nc, err := nats.Connect(fmt.Sprintf("nats://a0:%s@127.0.0.1:%d", password, c.servers[i].port), nats.Timeout(2*time.Second))
			if err != nil {
				return err
			}
			defer nc.Close()
			js, err := jetstream.New(nc)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: clusterSize}); err != nil {
				return err
			}
			return js.DeleteStream(ctx, "READY")
		}()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("server %d is not ready: %v\n%s", i, err, c.servers[i].output.Bytes())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Config gives the configuration of a fresh log on the cluster. What it leaves
// there is removed when the test ends.
func (c *Cluster) Config(t *testing.T) eventlog.Config {
	t.Helper()
	n := c.used.Add(1)
	if n >= accounts {
		t.Fatal("the cluster has no account left")
	}
	url := c.url(fmt.Sprint("a", n))
	t.Cleanup(func() { c.empty(t, url) })
	return eventlog.Config{URL: url, SystemURL: c.url("sys"), Replicas: clusterSize, Lease: time.Second}
}

// empty removes all streams of an account.
func (c *Cluster) empty(t *testing.T, url string) {
	nc, err := nats.Connect(url)
	if err != nil {
		t.Logf("empty an account: %v", err)
		return
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Logf("empty an account: %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	names := js.StreamNames(ctx)
	var all []string
	for name := range names.Name() {
		all = append(all, name)
	}
	for _, name := range all {
		if err := js.DeleteStream(ctx, name); err != nil {
			t.Logf("empty an account: %v", err)
		}
	}
}
