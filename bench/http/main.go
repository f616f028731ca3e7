// Command http measures a running Trunkline over HTTP with everything on: the
// program itself in a process of its own, the load generator in this one, both
// on the same cores.
//
//	go run ./bench/http [-seconds N] [-binary FILE]
//
// It prints events a second for NDJSON batches and for single events, with the
// server's CPU time per event, and the rate at which history comes out of a
// WebSocket.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	seconds := flag.Float64("seconds", 5, "time for each figure")
	binary := flag.String("binary", "", "the program; built when empty")
	dir := flag.String("dir", "", "data directory on the disk to measure; default a new one below the working directory")
	flag.Parse()
	if err := run(*binary, *dir, time.Duration(*seconds*float64(time.Second))); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// target is the server under test.
type target struct {
	cmd    *exec.Cmd
	url    string
	ingest string
	read   string
	client *http.Client
}

func run(binary, dir string, each time.Duration) error {
	if dir == "" {
		dir = ".bench-data"
		defer os.RemoveAll(dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if binary == "" {
		binary = filepath.Join(dir, "trunkline")
		build := exec.Command("go", "build", "-o", binary, "./cmd/trunkline")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build the program: %w", err)
		}
	}
	t, err := start(binary, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	defer t.stop()
	fmt.Println("| what | events/s | server CPU per event |")
	fmt.Println("|---|---|---|")
	if err := t.measure("NDJSON batches of 256 over 8 connections", 8, 256, each); err != nil {
		return err
	}
	if err := t.measure("single events over 64 connections", 64, 1, each); err != nil {
		return err
	}
	return t.history()
}

func start(binary, data string) (*target, error) {
	cmd := exec.Command(binary, "demo", "--json", "--agents", "0", "--addr", "127.0.0.1:0", "--data", data)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var ready struct {
		URL    string            `json:"url"`
		Tokens map[string]string `json:"tokens"`
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("start the demo: %w", err)
	}
	return &target{
		cmd: cmd, url: ready.URL, ingest: ready.Tokens["ingest"], read: ready.Tokens["read"],
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}},
	}, nil
}

func (t *target) stop() {
	_ = t.cmd.Process.Signal(os.Interrupt)
	_ = t.cmd.Wait()
}

// cpu is the CPU time that the server has used, from /proc; 0 elsewhere.
func (t *target) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	sys, _ := strconv.Atoi(f[12])
	return time.Duration(user+sys) * 10 * time.Millisecond
}

func (t *target) measure(name string, conns, size int, each time.Duration) error {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	before := t.cpu()
	began := time.Now()
	for c := range conns {
		wg.Go(func() {
			b := newBody(c, size)
			for time.Since(began) < each {
				b.renew()
				if err := t.post(b); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				done.Add(int64(size))
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if err := failed.Load(); err != nil {
		return *err
	}
	n := done.Load()
	fmt.Printf("| %s | **%.0f** | %.2f µs |\n", name, float64(n)/took.Seconds(), float64((t.cpu()-before).Microseconds())/float64(n))
	return nil
}

func (t *target) post(b *body) error {
	kind := "application/x-ndjson"
	if b.size == 1 {
		kind = "application/cloudevents+json"
	}
	req, err := http.NewRequest("POST", t.url+"/v1/events", bytes.NewReader(b.bytes))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+t.ingest)
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(answer, fmt.Appendf(nil, `"accepted":%d`, b.size)) {
		return fmt.Errorf("server answered %s: %s", resp.Status, answer)
	}
	return nil
}

// history reads everything that was appended out of a WebSocket.
func (t *target) history() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	head, err := t.head(ctx)
	if err != nil {
		return err
	}
	conn, frames, err := t.listen(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	before, began, n := t.cpu(), time.Now(), 0
	for n < head {
		text, err := skipFrame(frames)
		if err != nil {
			return fmt.Errorf("after %d of %d events: %w", n, head, err)
		}
		if text {
			n++
		}
	}
	took := time.Since(began)
	fmt.Printf("| history out of one WebSocket, %d events | **%.0f** | %.2f µs |\n", n, float64(n)/took.Seconds(), float64((t.cpu()-before).Microseconds())/float64(n))
	return nil
}

// head asks for the newest event's sequence.
func (t *target) head(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", t.url+"/v1/events?order=desc&limit=1", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+t.read)
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var page struct {
		Events []struct {
			Sequence int `json:"sequence"`
		} `json:"events"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return 0, err
	}
	if len(page.Events) == 0 {
		return 0, fmt.Errorf("no newest event: %s", resp.Status)
	}
	return page.Events[0].Sequence, nil
}
