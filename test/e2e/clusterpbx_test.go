package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/replay"
	"trunkline/replay/aspbx"
)

// visitors counts the connections that are open.
type visitors struct {
	net.Listener
	open atomic.Int32
}

type visit struct {
	net.Conn
	once sync.Once
	of   *visitors
}

// Accept implements net.Listener.
func (l *visitors) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &visit{Conn: c, of: l}, nil
}

// Read implements net.Conn. The other end is gone when it fails.
func (c *visit) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.once.Do(func() { c.of.open.Add(-1) })
	}
	return n, err
}

// servePBX plays a PBX that goes on for longer than the test.
func servePBX(t *testing.T) *visitors {
	t.Helper()
	open := func(name string) io.Reader {
		f, err := os.Open("../../source/asterisk/testdata/ami-capture." + name + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	reads, err := replay.ReadTiming(open("timing.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	pbx, err := aspbx.Load(open("txt"), reads, aspbx.Options{Speed: 1, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &visitors{Listener: l}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = pbx.Serve(c) })
	running.Go(func() { _ = pbx.Play(ctx) })
	t.Cleanup(func() { cancel(); _ = l.Close(); running.Wait() })
	return c
}

// attached gives the one node that has the one connection to the PBX, nil otherwise.
func (l *visitors) attached(t *testing.T, nodes []*clusterNode) (is *clusterNode) {
	t.Helper()
	for _, n := range nodes {
		_, body, err := ask(t.Context(), "", "GET", n.url+"/metrics", nil)
		if err != nil || !bytes.Contains(body, []byte(`trunkline_source_up{source="asterisk/pbx1"} 1`)) {
			continue
		}
		if is != nil {
			return nil
		}
		is = n
	}
	if l.open.Load() != 1 {
		return nil
	}
	return is
}
