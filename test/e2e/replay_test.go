// Package e2e runs the real program as its users do: one command against
// another, over the network.
package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the compiled program, made by the first test that asks for it.
type program struct {
	dir  string
	once sync.Once
	said string
	err  error
}

// theProgram is shared by all tests: linking takes longer than many of them.
var theProgram program

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trunkline-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	theProgram.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build gives the compiled program.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(theProgram.dir, "trunkline")
	theProgram.once.Do(func() {
		out, err := exec.Command("go", "build", "-o", bin, "../../cmd/trunkline").CombinedOutput()
		theProgram.said, theProgram.err = string(out), err
	})
	if theProgram.err != nil {
		t.Fatalf("build the program: %v\n%s", theProgram.err, theProgram.said)
	}
	return bin
}

// demo is a running `trunkline demo --json --agents 0`.
type demo struct {
	URL    string            `json:"url"`
	Tokens map[string]string `json:"tokens"`
	Hub    json.RawMessage   `json:"hub"`
}

func startDemo(t *testing.T, bin string) demo {
	t.Helper()
	cmd := exec.Command(bin, "demo", "--json", "--agents", "0", "--addr", "127.0.0.1:0", "--data", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo did not end in order: %v\n%s", err, said.String())
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the demo said nothing: %v", err)
	}
	var d demo
	if err := json.Unmarshal(line, &d); err != nil {
		t.Fatalf("the demo said %q: %v", line, err)
	}
	return d
}

// A real Asterisk's capture goes through the running server and comes out whole:
// live, checked by `tail live`, and page by page.
func TestCaptureThroughAServer(t *testing.T) {
	bin := build(t)
	d := startDemo(t, bin)
	run := func(token string, args ...string) (string, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), bin, append(args, "--url", d.URL)...)
		cmd.Env = append(os.Environ(), "TRUNKLINE_TOKEN="+d.Tokens[token])
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("trunkline %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
		}
		return out.String(), errs.String()
	}
	const capture = "../../source/asterisk/testdata/ami-capture.txt.gz"
	facts, _ := run("ingest", "replay", "--format", "ami", "--print", capture)
	sent := lines(facts)
	if len(sent) < 500 {
		t.Fatalf("the capture gives %d facts", len(sent))
	}

	// Following begins before anything is sent.
	type tailed struct{ out, errs string }
	followed := make(chan tailed, 1)
	go func() {
		out, errs := run("read", "tail", "live", "--after", "oldest", "--check", "--idle", "3s")
		followed <- tailed{out, errs}
	}()
	summary, _ := run("ingest", "replay", "--format", "ami", capture)
	if want := fmt.Sprintf("accepted %d, duplicates 0", len(sent)); !strings.Contains(summary, want) {
		t.Fatalf("replay says\n%s\nnot %q", summary, want)
	}
	select {
	case live := <-followed:
		same(t, "live", sent, lines(live.out))
		if !strings.Contains(live.errs, "nothing missing, nothing repeated, all in order") {
			t.Errorf("tail says %q", live.errs)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the live feed did not give everything within 30 s")
	}
	same(t, "history", sent, history(t, d))

	again, _ := run("ingest", "replay", "--format", "ami", capture)
	if want := fmt.Sprintf("accepted 0, duplicates %d", len(sent)); !strings.Contains(again, want) {
		t.Errorf("a second replay says\n%s\nnot %q", again, want)
	}
}

// history reads GET /v1/events to its end, in small pages.
func history(t *testing.T, d demo) []string {
	t.Helper()
	var all []string
	for after := ""; ; {
		req, err := http.NewRequestWithContext(t.Context(), "GET", d.URL+"/v1/events?limit=100&after="+after, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+d.Tokens["read"])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %v: %s", resp.Status, err, b)
		}
		var page struct {
			Events []json.RawMessage `json:"events"`
			Cursor string            `json:"cursor"`
			More   bool              `json:"more"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			all = append(all, string(e))
		}
		if !page.More {
			return all
		}
		after = page.Cursor
	}
}

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }

// same holds what came out against what went in: every fact of the source once, in
// order, unchanged, with the log's number behind it. Facts that the floor derived
// stand between them, named as such; the numbers count both, without a gap.
func same(t *testing.T, where string, sent, got []string) {
	t.Helper()
	n, enriched := 0, 0
	for i, line := range got {
		var added struct {
			Sequence uint64          `json:"sequence"`
			Derived  bool            `json:"derived"`
			Context  json.RawMessage `json:"context"`
		}
		if err := json.Unmarshal([]byte(line), &added); err != nil {
			t.Fatalf("%s: %v: %s", where, err, line)
		}
		if added.Sequence != uint64(i+1) {
			t.Fatalf("%s: event %d has the number %d", where, i+1, added.Sequence)
		}
		if len(added.Context) > 0 {
			enriched++
		}
		if added.Derived {
			continue
		}
		if n == len(sent) {
			t.Fatalf("%s: behind the last of %d facts came\n%s", where, len(sent), line)
		}
		if whole := strings.TrimSuffix(sent[n], "}"); !strings.HasPrefix(line, whole) {
			t.Fatalf("%s: fact %d came out as\n%s\nand went in as\n%s", where, n+1, line, sent[n])
		}
		n++
	}
	if n != len(sent) {
		t.Fatalf("%s: %d facts, %d were sent", where, n, len(sent))
	}
	if enriched < len(sent)/2 {
		t.Errorf("%s: only %d of %d facts have a context", where, enriched, n)
	}
}
