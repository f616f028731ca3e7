package stream_test

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/feed/stream"
	"trunkline/floor"
)

// stoppedEvents is how many events pass by the reader that stands still. Two hours at 500
// a second, as TRUNKLINE_STREAM_EVENTS=3600000 has it, take a few minutes.
func stoppedEvents(t *testing.T) int {
	if text := os.Getenv("TRUNKLINE_STREAM_EVENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return 15_000
	}
	return 100_000
}

// A reader that reads nothing costs a bounded amount of memory and no other reader any
// event; when it reads again it gets everything, in order.
func TestAStoppedReader(t *testing.T) {
	total := stoppedEvents(t)
	log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: t.TempDir(), NoSync: true, RetainBytes: 200 << 30, TenantBytes: 200 << 30,
		Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close(context.Background()) }()
	if err := log.WaitWritable(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := serveLog(t, log, nil, stream.Options{Validity: 100 * time.Hour})
	defer e.stop(t)
	stopped := e.socket(t, "alpha", "subsId=stopped")
	count := func(s *socket, seen chan<- error) {
		for next := uint64(1); next <= uint64(total); {
			_, msg, err := s.Read(context.Background())
			if err != nil {
				seen <- err
				return
			}
			_, rest, ok := bytes.Cut(msg, []byte(`"sequenceId":`))
			digits, _, _ := bytes.Cut(rest, []byte(`,`))
			digits, _, _ = bytes.Cut(digits, []byte(`}`))
			n, err := strconv.ParseUint(string(digits), 10, 64)
			switch {
			case !ok || err != nil:
				t.Errorf("got %s", msg)
			case bytes.Contains(msg, []byte("ClientCheck")):
			case n != next:
				t.Errorf("got %d where %d was due", n, next)
				seen <- nil
				return
			default:
				next++
			}
		}
		seen <- nil
	}
	live := make(chan error, 2)
	for _, id := range []string{"subsId=a", "subsId=b"} {
		go count(e.socket(t, "alpha", id), live)
	}
	var before, after runtime.MemStats
	const each = 500
	for n := 0; n < total; n += each {
		batch := make([]event.Event, 0, each)
		for i := n; i < n+each; i++ {
			f := event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: "a" + strconv.Itoa(i%50)}, Presence: event.PresenceAvailable}
			if i/50%2 == 1 {
				f.Presence = event.PresenceBreak
			}
			ev, err := event.Encode(event.Meta{ID: strconv.Itoa(i), Source: "/test", Tenant: "alpha", Time: time.Now()}, f)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, ev)
		}
		if _, err := log.Append(t.Context(), "alpha", batch); err != nil {
			t.Fatal(err)
		}
		if n == total*2/3/each*each {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
	}
	for range 2 {
		if err := <-live; err != nil {
			t.Fatalf("a live reader: %v", err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	// What the log remembers of each event's identity grows with the events, some 20 bytes each.
	if most := int64(64<<20) + int64(total)*40; grown > most {
		t.Errorf("%d MiB more while a reader stood still, at most %d are accounted for", grown>>20, most>>20)
	}
	caught := make(chan error, 1)
	count(stopped, caught)
	if err := <-caught; err != nil {
		t.Errorf("the stopped reader: %v", err)
	}
	t.Logf("%d events, %d KiB more memory", total, grown>>10)
}
