package measures_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/feed/measures"
	"trunkline/sim"
)

// many is how many clients a test has: few by default, TRUNKLINE_MEASURES_CLIENTS of them when that is given, for instance 10000.
func many(t *testing.T, few int) int {
	v := os.Getenv("TRUNKLINE_MEASURES_CLIENTS")
	if v == "" {
		return few
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRawClients is no test but another process, which holds the far ends of many connections.
func TestRawClients(t *testing.T) {
	job := strings.Fields(os.Getenv("TRUNKLINE_TEST_RAW_CLIENTS"))
	if len(job) == 0 {
		t.Skip("only as a process of other tests")
	}
	n, err := strconv.Atoi(job[1])
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, n)
	for i := range conns {
		if conns[i], err = rawClient(job[0], job[2], job[3]); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("connected")
	if job[4] == "read" {
		for _, c := range conns {
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other process has seen enough
	for _, c := range conns {
		_ = c.Close()
	}
}

// rawClient connects and authenticates by hand, with a small buffer, and leaves what comes behind the answer unread.
func rawClient(address, subscription, token string) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	msg := `{"subscriptionId":"` + subscription + `","token":"` + token + `"}`
	hello := []byte("GET /ws/notification HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	hello = binary.BigEndian.AppendUint16(append(hello, 0x81, 0x80|126), uint16(len(msg)))
	hello = append(append(hello, 0, 0, 0, 0), msg...) // the mask is of zeros
	if _, err := c.Write(hello); err != nil {
		return nil, err
	}
	for buf := make([]byte, 4096); ; {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(buf[:n]), "CONNECTION_") {
			_ = c.SetDeadline(time.Time{})
			return c, nil
		}
	}
}

// rawClients starts a process with clients and gives a function that ends it.
func rawClients(t *testing.T, e *edge, n int, sub measures.Subscription, how string) (end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRawClients$", "-test.timeout=30m")
	cmd.Env = append(os.Environ(), fmt.Sprintf("TRUNKLINE_TEST_RAW_CLIENTS=%s %d %s %s %s", strings.TrimPrefix(e.URL, "http://"), n, sub.ID, e.token(t, tenant), how))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = in.Close()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(end)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the clients have ended: %q, %v", line, err)
		}
		if strings.TrimSpace(line) == "connected" {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	for limit := time.Now().Add(time.Minute); e.feed.Stats().Connections < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d of %d are connected", e.feed.Stats().Connections, n)
		}
	}
	return end
}

// inUse is what the process needs for its heap and its stacks.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// A client that is connected and for which nothing happens costs little.
func TestIdleClientsCostLittle(t *testing.T) {
	n := many(t, 300)
	e := serve(t, measures.Options{PingInterval: time.Hour})
	e.stage.say(tenant, agentFacts("a", "x", "y")...)
	sub := e.subscribe(t, "Agent_itd", "initializedMarker", "true")
	c := e.connect(t, sub) // so that the room is there before anything is measured
	c.until(t, "the snapshot", func() bool { return c.initial == 1 })
	before := inUse()
	end := rawClients(t, e, n, sub, "read")
	for limit := time.Now().Add(time.Minute); e.feed.Stats().Delivered < uint64(n)+1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%+v", e.feed.Stats())
		}
	}
	each := (inUse() - before) / int64(n)
	t.Logf("%d clients, %d bytes each", n, each)
	if each > 64<<10 {
		t.Errorf("an idle client costs %d bytes", each)
	}
	end()
	for limit := time.Now().Add(time.Minute); e.feed.Stats().Connections > 1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d clients are still there", e.feed.Stats().Connections)
		}
	}
}

// Clients that never read cost a bounded number of bytes, and others get everything.
func TestClientsThatNeverRead(t *testing.T) {
	n, facts := many(t, 100), 6000
	const queue = 64 << 10
	e := serve(t, measures.Options{QueueBytes: queue, PingInterval: time.Hour})
	centre, err := sim.New(sim.Config{Tenant: tenant, Seed: 4, Agents: 60, Start: morning, Load: 1.1, Busy: true})
	if err != nil {
		t.Fatal(err)
	}
	work := func(facts int) {
		for range facts {
			item, _ := centre.Next()
			e.stage.fact(tenant, &item.Meta, item.Fact)
		}
	}
	work(2000)
	sub := e.subscribe(t, "Agent_itd")
	c := e.connect(t, sub)
	// rounds says how long it takes until the client that reads has what the floor has, twenty times.
	rounds := func() time.Duration {
		began := time.Now()
		for range 20 {
			work(facts / 40)
			c.equals(t, e, "Agent")
		}
		return time.Since(began)
	}
	alone := rounds()
	before := inUse()
	rawClients(t, e, n, sub, "sleep")
	rounds()
	full, sent := inUse()-before, e.feed.Stats().Delivered
	beside := rounds()
	later := inUse() - before
	// Enough has happened that every sleeper has a full queue: nothing is delivered but to the one who reads.
	if sent = e.feed.Stats().Delivered - sent; sent > uint64(c.live) {
		t.Errorf("%d messages were queued in the second half, %d came in all", sent, c.live)
	}
	t.Logf("%d sleepers, %d bytes each with full queues, %d later; 20 rounds of the client that reads took %v without them, %v beside them",
		n, full/int64(n), later/int64(n), alone.Round(time.Millisecond), beside.Round(time.Millisecond))
	if each := later / int64(n); each > queue+64<<10 {
		t.Errorf("a client that does not read costs %d bytes", each)
	}
	if more := (later - full) / int64(n); more > queue/2 {
		t.Errorf("while it sleeps it costs %d bytes more", more)
	}
}
