package asterisk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/source"
	"trunkline/source/asterisk"
)

// follow lets a follower work in virtual time.
func follow(o asterisk.QueueLogOptions) (stop func() error, q *asterisk.QueueLog) {
	q = asterisk.NewQueueLog(o)
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	var running sync.WaitGroup
	running.Go(func() { err = q.Run(ctx) })
	return func() error { cancel(); running.Wait(); return err }, q
}

func followed(t *testing.T, log *notebook) asterisk.QueueLogOptions {
	dir := t.TempDir()
	return asterisk.QueueLogOptions{
		Name: "pbx1", Tenant: "acme", File: filepath.Join(dir, "queue_log"), StateFile: filepath.Join(dir, "state.json"),
		FromStart: true, Agents: memberNames, Log: log,
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// withoutSource leaves out what a follower says of itself.
func withoutSource(facts []said) string {
	var b strings.Builder
	for _, s := range facts {
		if typ := s.fact.EventType(); !strings.HasPrefix(typ, "source.") {
			fmt.Fprintf(&b, "%s %s\n", s.meta.ID, data(s.fact))
		}
	}
	return b.String()
}

// TestQueueLogIsFollowed writes the file piece by piece, not at line ends,
// rotates it by rename and by a cut, and stops and starts the follower.
func TestQueueLogIsFollowed(t *testing.T) {
	whole := queueLog(t)
	want := withoutSource(translateQueueLog(t, whole))
	for name, between := range map[string]func(t *testing.T, o asterisk.QueueLogOptions, i int){
		"as it grows": func(*testing.T, asterisk.QueueLogOptions, int) {},
		"by rename": func(t *testing.T, o asterisk.QueueLogOptions, i int) {
			if i%3 == 0 {
				if err := os.Rename(o.File, fmt.Sprintf("%s.%d", o.File, i)); err != nil {
					t.Error(err)
				}
				write(t, o.File, nil)
			}
		},
		"by truncation": func(t *testing.T, o asterisk.QueueLogOptions, i int) {
			if i%3 == 0 {
				time.Sleep(5 * time.Second) // what is not read by then is lost
				if err := os.Truncate(o.File, 0); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restarts: %v", name, restarts), func(t *testing.T) {
				log := &notebook{}
				o := followed(t, log)
				var clock atomic.Int64 // the file's time: the lines are written as they come
				o.Now = func() time.Time { return time.Unix(clock.Load(), 0) }
				synctest.Test(t, func(t *testing.T) {
					stop, q := follow(o)
					for i, rest := 1, whole; len(rest) > 0; i++ {
						n := min(len(rest), 997)
						if i%3 == 0 { // rotation happens at the end of a line
							n = bytes.IndexByte(rest[min(n, len(rest)-1):], '\n') + n + 1
							n = min(n, len(rest))
						}
						write(t, o.File, rest[:n])
						if line := rest[:n][bytes.LastIndexByte(rest[:n-1], '\n')+1:]; len(line) > 10 {
							if at, err := strconv.Atoi(string(line[:10])); err == nil {
								clock.Store(int64(at) - 5)
							}
						}
						rest = rest[n:]
						if restarts && i%2 == 0 {
							time.Sleep(2 * time.Second)
							if err := stop(); err != nil {
								t.Error(err)
							}
							between(t, o, i)
							stop, q = follow(o)
						} else {
							between(t, o, i)
							time.Sleep(1500 * time.Millisecond)
						}
					}
					clock.Add(60)
					time.Sleep(5 * time.Second)
					if h := q.Health(); h.State != source.StateUp || h.Faults != 0 || h.Open != 0 {
						t.Errorf("got %+v", h)
					}
					if err := stop(); err != nil {
						t.Error(err)
					}
				})
				if got := withoutSource(log.all()); got != want {
					t.Errorf("got %s", firstDifference(got, want))
				}
				if log.conflicts > 0 {
					t.Errorf("%d conflicts", log.conflicts)
				}
			})
		}
	}
}

// TestQueueLogOfALogThatFails repeats lines under the same ids.
func TestQueueLogOfALogThatFails(t *testing.T) {
	log := &notebook{fail: func(call int) error {
		if call%3 != 0 {
			return &eventlog.UnavailableError{Reason: "no disk"}
		}
		return nil
	}}
	o := followed(t, log)
	o.Now = func() time.Time { return time.Unix(1795211400, 0) }
	write(t, o.File, queueLog(t))
	synctest.Test(t, func(t *testing.T) {
		for range 5 { // stopped in the middle of it again and again
			stop, _ := follow(o)
			time.Sleep(20 * time.Millisecond)
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		stop, _ := follow(o)
		time.Sleep(5 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	if got, want := withoutSource(log.all()), withoutSource(translateQueueLog(t, queueLog(t))); got != want {
		t.Errorf("got %s", firstDifference(got, want))
	}
}

// TestQueueLogIsHeld says so while the log takes nothing, and ends all the same.
func TestQueueLogIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := followed(t, &notebook{fail: func(int) error { return &eventlog.UnavailableError{Reason: "no disk"} }})
		write(t, o.File, queueLog(t)[:5000])
		stop, q := follow(o)
		time.Sleep(time.Minute)
		if h := q.Health(); h.State != source.StateHeld || !strings.Contains(h.Reason, "no disk") || h.Waiting == 0 {
			t.Errorf("got %+v", h)
		}
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := os.Stat(o.StateFile); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the state moved on: %v", err)
		}
	})
}

func TestQueueLogThatIsAwayOrAnotherOne(t *testing.T) {
	log := &notebook{}
	o := followed(t, log)
	synctest.Test(t, func(t *testing.T) {
		o.FromStart = false
		stop, q := follow(o)
		time.Sleep(5 * time.Second)
		if h := q.Health(); h.State != source.StateDown {
			t.Errorf("without a file: %+v", h)
		}
		write(t, o.File, []byte("100|NONE|NONE|NONE|QUEUESTART|\n101|1.1|q|NONE|ENTERQUEUE||5|1\n"))
		time.Sleep(5 * time.Second)
		if err := errors.Join(stop(), os.Remove(o.File)); err != nil {
			t.Error(err)
		}
		write(t, o.File, []byte("200|NONE|NONE|NONE|QUEUESTART|\n"))
		stop, _ = follow(o)
		time.Sleep(5 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	n := counts(log.all())
	if n["source.gap"] != 1 || n["interaction.queued"] != 1 || n["interaction.ended"] != 1 {
		t.Errorf("got %v", n)
	}
}

// TestQueueLogBeginsAtTheEnd leaves out what was written before the first start.
func TestQueueLogBeginsAtTheEnd(t *testing.T) {
	log := &notebook{}
	o := followed(t, log)
	o.FromStart = false
	write(t, o.File, queueLog(t))
	write(t, o.File, []byte("1795211400|2.1|sales|NONE|ENTER"))
	synctest.Test(t, func(t *testing.T) {
		stop, _ := follow(o)
		time.Sleep(2 * time.Second)
		write(t, o.File, []byte("QUEUE||5|1\n"))
		time.Sleep(2 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	if n := counts(log.all()); n["interaction.queued"] != 1 || n["interaction.created"] != 1 {
		t.Errorf("got %v", n)
	}
}

func TestOptionsOfTheFollower(t *testing.T) {
	if err := asterisk.NewQueueLog(asterisk.QueueLogOptions{}).Run(context.Background()); !errors.Is(err, asterisk.ErrOptions) {
		t.Errorf("got %v", err)
	}
	o := followed(t, &notebook{})
	write(t, o.StateFile, []byte("{}"))
	if err := asterisk.NewQueueLog(o).Run(context.Background()); err == nil {
		t.Error("a state that makes no sense is taken")
	}
}

// TestAFileWithoutNewsIsHeard says often enough that it is read, and at the stop
// that it is read no more; the next follower says that it is again.
func TestAFileWithoutNewsIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &notebook{}
		o := followed(t, log)
		write(t, o.File, queueLog(t)[:500])
		stop, _ := follow(o)
		time.Sleep(time.Hour)
		if err := stop(); err != nil {
			t.Error(err)
		}
		ups, downs := of[event.SourceUp](log.all()), of[event.SourceDown](log.all())
		if len(ups) < 59 || len(ups) > 62 || ups[0].SilenceMS != 120_000 || len(downs) != 1 || downs[0].Reason != "stopped" {
			t.Errorf("%d times up, %+v, down %+v", len(ups), ups[0], downs)
		}
		stop, q := follow(o)
		time.Sleep(10 * time.Second)
		if h := q.Health(); h.State != source.StateUp {
			t.Errorf("got %+v", h)
		}
		if again := of[event.SourceUp](log.all()); len(again) != len(ups)+1 {
			t.Errorf("%d times up after a stop, %d before", len(again), len(ups))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
