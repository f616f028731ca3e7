package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// How the server is tormented.
const (
	kills     = 30
	appenders = 64
)

// The real program takes 64 concurrent appenders and is killed with -9 thirty
// times at random moments. In the end everything that was acknowledged is there
// once, the numbers have no gap, and a subscriber that was cut by every kill has
// missed nothing.
func TestKilledThirtyTimes(t *testing.T) {
	n := kills
	if testing.Short() {
		n = 4
	}
	bin, dir := build(t), t.TempDir()
	addr := freeAddr(t)
	server, d := launch(t, bin, addr, dir)
	defer func() { kill(server) }()

	tail := exec.Command(bin, "tail", "live", "--url", d.URL, "--after", "oldest", "--check", "--patience", "60s")
	tail.Env = append(os.Environ(), "TRUNKLINE_TOKEN="+d.Tokens["read"])
	var heard output
	var said bytes.Buffer
	tail.Stdout, tail.Stderr = &heard, &said
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { kill(tail) }()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	acked := make([][]string, appenders)
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() { acked[a] = appendUntil(ctx, t, d, a) })
	}
	for range n {
		time.Sleep(time.Duration(200+rand.IntN(500)) * time.Millisecond) // the moment of the kill is what is random
		kill(server)
		server, _ = launch(t, bin, addr, dir)
	}
	stop()
	wg.Wait()

	seen := map[string]int{}
	events := history(t, d)
	for i, e := range events {
		var got struct {
			ID       string `json:"id"`
			Sequence int    `json:"sequence"`
		}
		if err := json.Unmarshal([]byte(e), &got); err != nil {
			t.Fatal(err)
		}
		if got.Sequence != i+1 {
			t.Fatalf("event %d of the history has the number %d", i+1, got.Sequence)
		}
		seen[got.ID]++
	}
	total := 0
	for _, ids := range acked {
		for _, id := range ids {
			total++
			if seen[id] != 1 {
				t.Errorf("event %s was acknowledged and is there %d times", id, seen[id])
			}
		}
	}
	for id, times := range seen {
		if times > 1 {
			t.Errorf("event %s is there %d times", id, times)
		}
	}
	if total < n*appenders/2 {
		t.Errorf("only %d events were acknowledged between %d kills: the test shows little", total, n)
	}

	// The subscriber hears the last event within a moment; then it is asked what
	// it has seen.
	last := fmt.Sprintf(`"sequence":%d,`, len(events))
	for deadline := time.Now().Add(20 * time.Second); !heard.contains(last) && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	_ = tail.Process.Signal(os.Interrupt)
	err := tail.Wait()
	if !strings.Contains(said.String(), "nothing missing, nothing repeated, all in order") {
		t.Errorf("the subscriber says %v\n%s", err, said.String())
	}
	if !heard.contains(last) {
		t.Errorf("the subscriber has not heard event %d\n%s", len(events), said.String())
	}
	t.Logf("%d events acknowledged, %d there, %d kills", total, len(events), n)
}

// output is what a process prints, to be looked at while it runs.
type output struct {
	mu  sync.Mutex // guards buf
	buf []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
	return len(b), nil
}

// contains looks at the last lines.
func (o *output) contains(s string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.buf[max(0, len(o.buf)-4096):], []byte(s))
}

// freeAddr gives a loopback address that stays the same across restarts.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// launch starts the program on a directory, without a simulation unless more says
// otherwise, and waits until it says that it is ready.
func launch(t *testing.T, bin, addr, dir string, more ...string) (*exec.Cmd, demo) {
	t.Helper()
	args := []string{"demo", "--json", "--agents", "0", "--addr", addr, "--data", dir}
	cmd := exec.Command(bin, append(args, more...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var d demo
	if err == nil {
		err = json.Unmarshal(line, &d)
	}
	if err != nil {
		kill(cmd)
		t.Fatalf("the server did not start: %v\n%s", err, said.String())
	}
	return cmd, d
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// appendUntil appends small batches one after the other until ctx ends, each
// under the same ids until it is acknowledged, and gives the acknowledged ids.
func appendUntil(ctx context.Context, t *testing.T, d demo, appender int) (acked []string) {
	for n := 0; ctx.Err() == nil; n++ {
		var body bytes.Buffer
		var ids []string
		for i := range 1 + n%3 {
			id := fmt.Sprintf("%d-%d-%d", appender, n, i)
			ids = append(ids, id)
			fmt.Fprintf(&body, `{"specversion":"1.0","id":"%s","source":"kill","type":"com.example.kill","data":{"n":%d}}`+"\n", id, n)
		}
		for ctx.Err() == nil && !post(ctx, t, d, body.Bytes()) {
			time.Sleep(20 * time.Millisecond) // the server is away
		}
		if ctx.Err() == nil {
			acked = append(acked, ids...)
		}
	}
	return acked
}

// post sends a body once and says whether it was acknowledged.
func post(ctx context.Context, t *testing.T, d demo, body []byte) bool {
	req, err := http.NewRequestWithContext(ctx, "POST", d.URL+"/v1/events", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return true
	}
	req.Header.Set("Authorization", "Bearer "+d.Tokens["ingest"])
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	switch resp.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return false
	}
	t.Errorf("the server answered %s: %s", resp.Status, answer)
	return true
}
