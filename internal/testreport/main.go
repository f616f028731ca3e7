// Command testreport reads what go test -json writes and prints what people want to know: a line for each package, the
// output of what failed, which tests were left out and why, and last "N passed, N failed". Its exit code is 1
// when something failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of go test -json, as go doc test2json describes it.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type report struct {
	out            io.Writer
	passed, failed int
	leftOut        []string
	output         map[string]*strings.Builder // of tests and packages that still run
	broken         map[string]bool             // packages with a failed test
}

func main() {
	r := &report{out: os.Stdout, output: map[string]*strings.Builder{}, broken: map[string]bool{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	r.summary()
	if r.failed > 0 {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, lines.Text()) // what the go command says on its own account
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		b := r.output[key]
		if b == nil {
			b = &strings.Builder{}
			r.output[key] = b
		}
		b.WriteString(e.Output)
	case "pass", "skip", "fail":
		r.ended(e, key)
		delete(r.output, key)
	}
}

func (r *report) ended(e event, key string) {
	text := ""
	if b := r.output[key]; b != nil {
		text = b.String()
	}
	if e.Test == "" {
		r.packageEnded(e, text)
		return
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.broken[e.Package] = true
		fmt.Fprint(r.out, text)
	case "skip":
		r.leftOut = append(r.leftOut, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason(text)))
	}
}

func (r *report) packageEnded(e event, text string) {
	switch e.Action {
	case "fail":
		if !r.broken[e.Package] { // it did not build, or fell over outside of a test
			r.failed++
			fmt.Fprint(r.out, text)
		}
		fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	case "pass":
		fmt.Fprintf(r.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

// reason is the message of a test that was left out, without the place it comes from.
func reason(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, after, ok := strings.Cut(line, "_test.go:"); ok {
			if _, message, ok := strings.Cut(after, ": "); ok {
				return strings.TrimPrefix(message, "left out: ")
			}
		}
		if _, message, ok := strings.Cut(line, "left out: "); ok {
			return message
		}
	}
	return "no reason was given"
}

func (r *report) summary() {
	if len(r.leftOut) > 0 {
		fmt.Fprintf(r.out, "\n%d left out on this machine:\n", len(r.leftOut))
		for _, s := range r.leftOut {
			fmt.Fprintln(r.out, "  "+s)
		}
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed\n", r.passed, r.failed)
}
