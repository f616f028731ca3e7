package e2e

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/testenv"
)

// swallowed is how much of what was on its way a cut takes with it.
const swallowed = 64 << 10

// cutter is a proxy in front of the server that can cut its connections: what came in the
// last moments, at most 64 KiB, never arrives.
type cutter struct {
	net.Listener
	to string

	mu    sync.Mutex // guards conns
	conns map[*cuttable]struct{}
}

type cuttable struct {
	near, far net.Conn

	mu   sync.Mutex // guards what is below
	held []byte     // from the server, not forwarded yet
	cut  bool
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cutter{Listener: l, to: to, conns: map[*cuttable]struct{}{}}
	go p.serve()
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	return p
}

func (p *cutter) serve() {
	for {
		near, err := p.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		c := &cuttable{near: near, far: far}
		p.mu.Lock()
		p.conns[c] = struct{}{}
		p.mu.Unlock()
		go func() { _, _ = io.Copy(far, near); c.end() }()
		go c.take()
		go c.forward()
	}
}

// take reads what the server sends.
func (c *cuttable) take() {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.far.Read(buf)
		c.mu.Lock()
		c.held = append(c.held, buf[:n]...)
		c.mu.Unlock()
		if err != nil {
			time.Sleep(50 * time.Millisecond) // what is held goes out first
			c.end()
			return
		}
	}
}

// forward hands it on a moment later.
func (c *cuttable) forward() {
	for {
		time.Sleep(20 * time.Millisecond)
		c.mu.Lock()
		held, cut := c.held, c.cut
		c.held = nil
		c.mu.Unlock()
		if cut {
			return
		}
		if _, err := c.near.Write(held); err != nil {
			c.end()
			return
		}
	}
}

func (c *cuttable) end() {
	c.mu.Lock()
	c.cut = true
	c.mu.Unlock()
	_ = c.near.Close()
	_ = c.far.Close()
}

// cut cuts all connections.
func (p *cutter) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.mu.Lock()
		if more := len(c.held) - swallowed; more > 0 {
			_, _ = c.near.Write(c.held[:more])
		}
		c.mu.Unlock()
		c.end()
		delete(p.conns, c)
	}
}

// A client written from the vendor's page with an npm library reads the demo in each of the
// four formats. It is cut at random with data on its way, by a proxy that swallows it and by
// kill -9 of the server, comes back with the same subsId, and has every number in order.
func TestAStreamThatIsCut(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so the stream was not read by a JavaScript client")
	}
	project := filepath.Join("..", "node")
	if _, err := os.Stat(filepath.Join(project, "node_modules", "ws")); err != nil {
		testenv.Optional(t, "run npm ci in test/node to read the stream by a JavaScript client")
	}
	formats, cuts := []string{"JSON", "XML", "NEWLINE_JSON", "NEWLINE_XML"}, 8
	if testing.Short() {
		formats, cuts = formats[2:3], 3
	}
	bin, dir, addr := build(t), t.TempDir(), freeAddr(t)
	args := []string{"--agents", "60", "--speed", "40"}
	server, d := launch(t, bin, addr, dir, args...)
	defer func() { kill(server) }()
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			proxy := newCutter(t, addr)
			client := exec.Command(node, "stream.mjs", "ws://"+proxy.Addr().String(), "acmecorp01", "cut-"+format, format)
			client.Dir = project
			client.Env = append(os.Environ(), "STREAM_TOKEN="+d.Tokens["stream"])
			out, err := client.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			client.Stderr = &said
			if err := client.Start(); err != nil {
				t.Fatal(err)
			}
			defer kill(client)
			numbers := make(chan uint64, 1<<16)
			go func() {
				defer close(numbers)
				for lines := bufio.NewScanner(out); lines.Scan(); {
					if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
						numbers <- n
					}
				}
			}()
			var last, repeated uint64
			// read takes events until some are new.
			read := func(fresh int) {
				t.Helper()
				for end := time.After(time.Minute); fresh > 0; {
					select {
					case n, ok := <-numbers:
						switch {
						case !ok:
							t.Fatalf("the client has ended: %s", said.String())
						case last > 0 && n > last+1:
							t.Fatalf("event %d came behind %d", n, last)
						case last > 0 && n <= last:
							repeated++
						default:
							last = n
							fresh--
						}
					case <-end:
						t.Fatalf("nothing comes any more behind event %d: %s", last, said.String())
					}
				}
			}
			read(20)
			for i := range cuts {
				if i == cuts/2 {
					kill(server)
					server, _ = launch(t, bin, addr, dir, args...)
				} else {
					proxy.cut()
				}
				read(10 + rand.IntN(60))
			}
			t.Logf("%d cuts, last event %d, %d repeated", cuts, last, repeated)
		})
	}
}
