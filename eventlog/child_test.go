package eventlog_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
)

// The test binary is its own child: with childEnv set it is a program that
// writes to a log as fast as it is answered, and tells on its output what was.
const childEnv = "TRUNKLINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if order := os.Getenv(childEnv); order != "" {
		if err := runChild(order); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// order says what the child does.
type order struct {
	Config struct {
		Dir, URL, SystemURL, Node string
		Lease, Timeout            time.Duration
		DiskReserve               uint64
		SegmentEach               int
	}
	Name    string // before the names of its sources
	Callers int
}

func runChild(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	c := o.Config
	l, err := eventlog.Open(context.Background(), eventlog.Config{
		Dir: c.Dir, URL: c.URL, SystemURL: c.SystemURL, Node: c.Node, Lease: c.Lease, Timeout: c.Timeout,
		DiskReserve: c.DiskReserve, SegmentEach: c.SegmentEach,
	})
	if err != nil {
		return err
	}
	if err := l.WaitWritable(context.Background()); err != nil {
		return err
	}
	say("ready", 0, 0)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // until the parent closes our input
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var wg sync.WaitGroup
	for caller := range o.Callers {
		wg.Go(func() { callLog(ctx, l, fmt.Sprintf("%s-%d", o.Name, caller), 1+caller%5) })
	}
	wg.Wait()
	return l.Close(context.Background())
}

// callLog appends events of one source, one batch after the other, and repeats
// what was not acknowledged.
func callLog(ctx context.Context, l *eventlog.Log, source string, size int) {
	for i := 0; ctx.Err() == nil; {
		_, err := l.Append(ctx, logtest.Tenant, logtest.Events(source, i, i+size))
		if err != nil {
			if ctx.Err() == nil {
				say("refused "+errorKind(err), 0, 0)
			}
			time.Sleep(5 * time.Millisecond)
			continue
		}
		say(source, i, i+size)
		i += size
	}
}

func errorKind(err error) string {
	var un *eventlog.UnavailableError
	switch {
	case errors.Is(err, eventlog.ErrUnknown):
		return "unknown"
	case errors.As(err, &un):
		return "unavailable"
	}
	return fmt.Sprintf("%q", err.Error())
}

// say writes a line in one piece: whoever kills us finds it whole or not at all.
func say(what string, from, to int) { _, _ = fmt.Printf("%s\t%d\t%d\n", what, from, to) }

// child is a running child process, as its parent sees it.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ready chan struct{}
	done  chan struct{}

	mu      sync.Mutex     // guards all below
	acked   map[string]int // source → events acknowledged, from 0 on
	lines   int
	refused map[string]int
}

func startChild(t *testing.T, o order) *child {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{
		cmd: exec.Command(os.Args[0]), ready: make(chan struct{}), done: make(chan struct{}),
		acked: map[string]int{}, refused: map[string]int{},
	}
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = endsWithParent()
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go c.listen(out)
	t.Cleanup(c.kill)
	return c
}

func (c *child) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		c.hear(lines.Text())
	}
	_ = c.cmd.Wait()
	close(c.done)
}

func (c *child) hear(line string) {
	var what string
	var from, to int
	if n, _ := fmt.Sscanf(line, "%s\t%d\t%d", &what, &from, &to); n == 3 && what == "ready" {
		close(c.ready)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines++
	var kind string
	if n, _ := fmt.Sscanf(line, "refused %s", &kind); n == 1 {
		c.refused[kind]++
		return
	}
	if c.acked[what] != from {
		panic(fmt.Sprintf("child said %q after %d events", line, c.acked[what]))
	}
	c.acked[what] = to
}

// waitReady waits until the child writes.
func (c *child) waitReady(t *testing.T) {
	t.Helper()
	select {
	case <-c.ready:
	case <-c.done:
		t.Fatal("the child has ended")
	case <-time.After(60 * time.Second):
		t.Fatal("the child does not become ready")
	}
}

func (c *child) kill() {
	_ = c.cmd.Process.Signal(syscall.SIGKILL)
	<-c.done
}

// end ends the child in order.
func (c *child) end(t *testing.T) {
	t.Helper()
	_ = c.in.Close()
	select {
	case <-c.done:
	case <-time.After(60 * time.Second):
		t.Fatal("the child does not end")
	}
}

// acks gives what was acknowledged so far.
func (c *child) acks() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]int, len(c.acked))
	for k, v := range c.acked {
		out[k] = v
	}
	return out
}

// quiet waits until nothing is heard any more of a child that was stopped.
func (c *child) quiet() {
	for last := -1; ; {
		time.Sleep(50 * time.Millisecond)
		c.mu.Lock()
		n := c.lines
		c.mu.Unlock()
		if n == last {
			return
		}
		last = n
	}
}

// tally counts what is in a log, source by source, and remembers what was
// checked already.
type tally struct {
	at   eventlog.Cursor
	next map[string]int // source → number of the event that comes next
	n    int
}

// read takes in what came since the last read. Each source's events must come
// once and in order.
func (k *tally) read(t *testing.T, l *eventlog.Log) {
	t.Helper()
	if k.next == nil {
		k.next = map[string]int{}
	}
	recs := logtest.All(t, l, logtest.Tenant, k.at)
	if len(recs) > 0 && recs[0].Seq != k.at.Seq+1 {
		t.Fatalf("%d follows %d", recs[0].Seq, k.at.Seq)
	}
	for i := range recs {
		var e struct{ Source string }
		if err := json.Unmarshal(recs[i].Raw, &e); err != nil {
			t.Fatal(err)
		}
		if want := logtest.Event(e.Source, k.next[e.Source]); string(recs[i].Raw) != string(want.Raw) {
			t.Fatalf("record %d is %s, want %s", recs[i].Seq, recs[i].Raw, want.Raw)
		}
		k.next[e.Source]++
	}
	k.n += len(recs)
	k.at = l.Head(logtest.Tenant)
}

// has fails the test when something acknowledged is not there.
func (k *tally) has(t *testing.T, acked map[string]int) {
	t.Helper()
	for source, n := range acked {
		if k.next[source] < n {
			t.Fatalf("of source %s %d events were acknowledged, %d are there", source, n, k.next[source])
		}
	}
}
