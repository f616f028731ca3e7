package demo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/demo"
	"trunkline/event"
	"trunkline/eventlog"
)

// ready is the line of JSON as a script reads it.
type ready struct {
	Ready                              bool
	URL, Tenant, Account, Organization string
	Tokens                             map[string]string
	Push                               struct{ Receiver, CA, Cert, Key string }
}

// running is a demo that runs.
type running struct {
	ready
	stop func() // and wait
}

func options(data string) demo.Options {
	return demo.Options{Addr: "127.0.0.1:0", Agents: 25, Seed: 1, Speed: 1, Data: data, JSON: true}
}

func run(t *testing.T, o demo.Options) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	o.Out = in
	done := make(chan error, 1)
	go func() {
		done <- demo.Run(ctx, o)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		cancel()
		t.Fatalf("no ready line: %v, %v", err, <-done)
	}
	go io.Copy(io.Discard, out)
	var r running
	if err := json.Unmarshal(line, &r.ready); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	}
	t.Cleanup(r.stop)
	return r
}

var acceptedTotal = regexp.MustCompile(`(?m)^trunkline_ingest_events_total\{outcome="accepted"\} (\S+)$`)

// waitFor waits until the server has accepted n events.
func (r running) waitFor(t *testing.T, n float64) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); <-tick.C {
		resp, err := http.Get(r.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if m := acceptedTotal.FindSubmatch(body); m != nil {
			if got, _ := strconv.ParseFloat(string(m[1]), 64); got >= n {
				return
			}
		}
	}
	t.Fatalf("the server never had %v events", n)
}

// stored reads the whole log of a data directory: identities and types, without those of the statuses that the log
// says of itself whenever their time has come.
func stored(t *testing.T, data string) (types []string) {
	t.Helper()
	log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: filepath.Join(data, "log")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.WithoutCancel(t.Context()))
	ids := make(map[string]bool)
	next := uint64(1)
	err = log.Read(t.Context(), "acmecorp01", eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			rec := &b.Records[i]
			e, err := event.Parse(rec.Raw, event.DefaultLimits())
			if err != nil {
				return false, err
			}
			if rec.Seq != next || ids[e.Source+" "+e.ID] {
				t.Errorf("event %d, %s: a gap or a repetition", rec.Seq, e.ID)
			}
			next++
			ids[e.Source+" "+e.ID] = true
			switch e.Type {
			case "queue.measured", "agent.measured", "agent.utilised":
			default:
				types = append(types, e.Type)
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestDataAndCredentialsSurviveARestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	var first ready
	total := 0
	for i := range 3 {
		r := run(t, options(data))
		if i == 0 {
			first = r.ready
			if !first.Ready || first.Tenant != "acmecorp01" || first.Account != "EZCLTR" || len(first.Organization) != 36 || len(first.Tokens) != 4 {
				t.Errorf("ready line %+v", first)
			}
		}
		for scope, token := range first.Tokens {
			if r.Tokens[scope] != token || r.Organization != first.Organization {
				t.Errorf("run %d has other credentials", i)
			}
		}
		r.waitFor(t, 200)
		r.stop()
		types := stored(t, data)
		if last := types[len(types)-1]; last != "source.down" {
			t.Errorf("run %d ends with %s", i, last)
		}
		begins := "source.up"
		if i > 0 {
			begins = "source.reset"
		}
		if got := types[total]; got != begins {
			t.Errorf("run %d begins with %s", i, got)
		}
		if len(types) < total+150 { // the mirror got some of those that were waited for
			t.Errorf("run %d has %d events", i, len(types)-total)
		}
		total = len(types)
	}
	info, err := os.Stat(filepath.Join(data, "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the credentials have mode %v", info.Mode())
	}
}

// TestTheDemoPushesToItself waits until milestones have gone out, come back over mutual TLS, and been dropped the second
// time.
func TestTheDemoPushesToItself(t *testing.T) {
	o := options("")
	o.Speed = 20
	r := run(t, o)
	if !strings.HasPrefix(r.Push.Receiver, "https://") || r.Push.CA == "" || r.Push.Cert == "" || r.Push.Key == "" {
		t.Errorf("push is %+v", r.Push)
	}
	counted := func(outcome string) bool {
		resp, err := http.Get(r.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(body), `trunkline_receiver_payloads_total{outcome="`+outcome+`"}`)
	}
	wait := func(outcome string) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); !counted(outcome); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no payload was %s", outcome)
			}
		}
	}
	wait("accepted")
	req, err := http.NewRequest("POST", r.URL+"/v1/webhooks/mirror/replay", strings.NewReader(`{"after":"oldest"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Tokens["admin"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Errorf("replay: %d", resp.StatusCode)
	}
	wait("duplicate")
}

func TestTheTokensOpenTheServer(t *testing.T) {
	o := options("")
	o.Agents = 0
	r := run(t, o)
	for scope, want := range map[string]int{"ingest": http.StatusOK, "read": http.StatusForbidden, "stream": http.StatusForbidden, "admin": http.StatusForbidden} {
		req, err := http.NewRequest("POST", r.URL+"/v1/events", strings.NewReader(`{"specversion":"1.0","id":"1","source":"me","type":"com.example.hello","data":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.Tokens[scope])
		req.Header.Set("Content-Type", "application/cloudevents+json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("the token for %s: %s", scope, resp.Status)
		}
	}
}

func TestWithoutADirectoryNothingIsLeft(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var out bytes.Buffer
	o := options("")
	o.JSON, o.Out, o.Duration = false, &out, 500*time.Millisecond
	began := time.Now()
	if err := demo.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < o.Duration || took > o.Duration+10*time.Second {
		t.Errorf("it ended after %v", took)
	}
	for _, want := range []string{"25 agents", "/v1/events?order=desc&limit=5", "/v1/live", "trunkline tail live --url http://127.0.0.1:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, out.String())
		}
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAtFullSpeed(t *testing.T) {
	o := options("")
	o.Speed, o.Agents = 0, 200
	r := run(t, o)
	r.waitFor(t, 50_000)
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, o := range []demo.Options{{Agents: 4}, {Agents: 10_001}, {Agents: -1}, {Agents: 5, Duration: -1}} {
		if err := demo.Run(t.Context(), o); !errors.Is(err, demo.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for text, want := range map[string]float64{"1": 1, "0.5": 0.5, "60": 60, "max": 0} {
		if got, err := demo.ParseSpeed(text); err != nil || got != want {
			t.Errorf("speed %q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "fast", "0", "-1", "NaN", "1e9"} {
		if _, err := demo.ParseSpeed(text); !errors.Is(err, demo.ErrOptions) {
			t.Errorf("speed %q: %v", text, err)
		}
	}
}

func TestCredentialsThatCannotBeRead(t *testing.T) {
	data := t.TempDir()
	path := filepath.Join(data, "credentials.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(data)
	o.Out = io.Discard
	if err := demo.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
