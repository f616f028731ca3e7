package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/eventlog"
	"trunkline/floor"
)

// What the writer adds to the facts, and what it derives of them, is the same
// whether it has lived through everything or was restarted from a snapshot and
// the log behind it, in order or killed: a floor that reads the whole history from
// the beginning says it all again.
func TestFloorSurvivesRestartsAndAKill(t *testing.T) {
	bin, data := build(t), t.TempDir()
	for _, end := range []os.Signal{os.Interrupt, os.Kill, os.Interrupt, os.Kill, os.Interrupt} {
		busyDemo(t, bin, data, end)
	}
	log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: filepath.Join(data, "log"), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(t.Context())

	c := config.Default().Floor
	fresh := floor.NewFold(floor.Options{Settings: func(string) floor.Settings {
		return floor.Settings{KeepEnded: c.KeepEnded.Std(), MaxSilence: c.MaxSilence.Std(), Statuses: true}
	}})
	facts, derived, due := 0, 0, map[string]string{}
	err = log.Read(t.Context(), "acmecorp01", eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			rec := &b.Records[i]
			context, follow := fresh.Apply(b.Tenant, rec)
			if !bytes.Equal(context, rec.Context) {
				t.Fatalf("event %d, %s: its context is\n%s\nand would be\n%s", rec.Seq, rec.Type(), rec.Context, context)
			}
			for _, d := range follow {
				due[d.Event.ID] = string(d.Event.Raw)
			}
			facts++
			if !rec.Derived {
				continue
			}
			derived++
			var e struct{ ID, Type string }
			if err := json.Unmarshal(rec.Raw, &e); err != nil {
				return false, err
			}
			if want, ok := due[e.ID]; ok && want != string(rec.Raw) {
				t.Fatalf("event %d is\n%s\nand should be\n%s", rec.Seq, rec.Raw, want)
			} else if !ok && !saidByTimers[e.Type] {
				t.Fatalf("event %d follows from nothing: %s", rec.Seq, rec.Raw)
			}
			delete(due, e.ID)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(due) > 0 {
		t.Errorf("%d derived facts are not in the log", len(due))
	}
	if facts < 5000 || derived < 10 {
		t.Errorf("%d facts, %d of them derived: too few to say anything", facts, derived)
	}
}

// saidByTimers are the facts that may come some time behind their cause.
var saidByTimers = map[string]bool{"interaction.wrapup_ended": true, "queue.measured": true, "agent.measured": true, "agent.utilised": true, "agent.alerted": true}

var accepted = regexp.MustCompile(`(?m)^trunkline_ingest_events_total\{outcome="accepted"\} (\S+)$`)

// busyDemo runs a simulated centre until some thousand facts are in, and ends it.
func busyDemo(t *testing.T, bin, data string, end os.Signal) {
	t.Helper()
	cmd := exec.Command(bin, "demo", "--json", "--agents", "100", "--speed", "3000", "--addr", "127.0.0.1:0", "--data", data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(end)
		if err := cmd.Wait(); err != nil && end != os.Kill {
			t.Errorf("the demo did not end in order: %v\n%s", err, said.String())
		}
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var d demo
	if err != nil || json.Unmarshal(line, &d) != nil {
		t.Fatalf("the demo said %q: %v\n%s", line, err, said.String())
	}
	const enough = 3000
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 20*time.Second; <-tick.C {
		resp, err := http.Get(d.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if m := accepted.FindSubmatch(b.Bytes()); m != nil {
			if n, _ := strconv.ParseFloat(string(m[1]), 64); n >= enough {
				return
			}
		}
	}
	t.Fatalf("the demo did not come to %d events\n%s", enough, said.String())
}
