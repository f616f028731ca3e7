package eventlog_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
	"trunkline/internal/testenv"
)

// A process with 64 concurrent appenders is killed with -9 again and again.
// Everything that it had acknowledged is there, once and in order.
// TRUNKLINE_LONG=1 kills 100 times instead of 12; the program as a whole is
// killed 30 times in test/e2e.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	kills := 30
	if testenv.Long() {
		kills = 200
	}
	rnd := rand.New(rand.NewPCG(5, 5))
	var k tally
	for round := range kills {
		o := order{Name: fmt.Sprint("r", round), Callers: 64}
		o.Config.Dir, o.Config.SegmentEach = dir, 3000
		c := startChild(t, o)
		c.waitReady(t)
		time.Sleep(time.Duration(20+rnd.IntN(250)) * time.Millisecond) // the instant of the kill
		c.kill()
		l := logtest.Open(t, eventlog.Config{Dir: dir, SegmentEach: 3000})
		if h := l.Health(); len(h.Breaks) > 0 {
			t.Fatalf("round %d: %v", round, h.Breaks)
		}
		k.read(t, l)
		k.has(t, c.acks())
		if round%4 == 0 || round == kills-1 {
			logtest.Clean(t, l)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d events", kills, k.n)
	// Once more, all of it.
	var all tally
	l := logtest.Open(t, eventlog.Config{Dir: dir})
	all.read(t, l)
	if all.n != k.n {
		t.Fatalf("%d events, were %d", all.n, k.n)
	}
	logtest.Close(t, l)
}

// The disk as a power cut would leave it, five times under load: a log opened
// on it has everything that was acknowledged.
func TestPowerCut(t *testing.T) {
	tmp := t.TempDir()
	img := testenv.Ext4(t, filepath.Join(tmp, "disk"), 512)
	o := order{Name: "p", Callers: 64}
	o.Config.Dir, o.Config.DiskReserve, o.Config.SegmentEach = filepath.Join(img.Dir, "log"), 8<<20, 3000
	c := startChild(t, o)
	c.waitReady(t)
	var copies []string
	var acked []map[string]int
	rnd := rand.New(rand.NewPCG(6, 6))
	for cut := range 5 {
		time.Sleep(time.Duration(100+rnd.IntN(300)) * time.Millisecond) // the instant of the cut
		c.freeze(t)
		name := filepath.Join(tmp, fmt.Sprint("cut", cut))
		img.Copy(t, name)
		c.quiet()
		copies, acked = append(copies, name), append(acked, c.acks())
		if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	c.end(t)
	for cut, name := range copies {
		cfg := eventlog.Config{Dir: filepath.Join(testenv.MountImage(t, name), "log"), DiskReserve: 8 << 20}
		l := logtest.Open(t, cfg)
		var k tally
		k.read(t, l)
		k.has(t, acked[cut])
		t.Logf("cut %d: %d events, 0 acknowledged lost", cut, k.n)
		logtest.Append(t, l, logtest.Tenant, logtest.Events("after", 0, 10))
		logtest.Close(t, l)
	}
}
