package push

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestProgressLosesNothing lets messages be read, sent, given back and stored in any order, with restarts in between, and
// holds the low watermark against a plain model.
func TestProgressLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1, 2, 3, 31, 32, 33, 40}), 1, 40).Draw(t, "messages of each record")
		type msg struct {
			seq   uint64
			index int
			round uint64
		}
		done := map[[2]uint64]bool{}
		var flying []msg
		var p progress
		round, next := uint64(0), uint64(1)
		complete := func(seq uint64) bool {
			for i := range sizes[seq-1] {
				if !done[[2]uint64{seq, uint64(i)}] {
					return false
				}
			}
			return true
		}
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"read", "finish", "finish", "shed", "restart"}).Draw(t, "step") {
			case "read":
				if next > uint64(len(sizes)) {
					continue
				}
				p.expect(next, sizes[next-1], round, func(i int) { flying = append(flying, msg{next, i, round}) })
				next++
			case "finish":
				if len(flying) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				m := flying[i]
				flying = slices.Delete(flying, i, i+1)
				done[[2]uint64{m.seq, uint64(m.index)}] = true
				p.finish(m.seq, m.index, m.round)
			case "shed":
				round++
				for _, m := range flying {
					p.release(m.seq, m.index)
				}
				flying, next = nil, p.low+1
			case "restart":
				low, bits := p.low, p.bitmap(windowRecords/8)
				p.restore(low, bits)
				round++
				flying, next = nil, p.low+1
			}
			for seq := uint64(1); seq <= p.low; seq++ {
				if !complete(seq) {
					t.Fatalf("the watermark %d has passed record %d, which is not done", p.low, seq)
				}
			}
		}
		// In the end everything can be finished.
		for p.low < uint64(len(sizes)) {
			round++
			for _, m := range flying {
				p.release(m.seq, m.index)
			}
			flying = nil
			before := p.low
			for seq := before + 1; seq <= uint64(len(sizes)); seq++ {
				p.expect(seq, sizes[seq-1], round, func(i int) { flying = append(flying, msg{seq, i, round}) })
			}
			for _, m := range flying {
				p.finish(m.seq, m.index, m.round)
			}
			flying = nil
			if p.low == before {
				t.Fatalf("stuck at %d of %d", p.low, len(sizes))
			}
		}
	})
}

func TestRetryPausesGrowAndAreBounded(t *testing.T) {
	for _, tc := range []struct {
		backoff, tries int
		most           time.Duration
	}{{1000, 1, time.Second}, {1000, 3, 4 * time.Second}, {1000, 30, time.Minute}, {120_000, 5, 2 * time.Minute}} {
		longest := time.Duration(0)
		for range 2000 {
			longest = max(longest, retryPause(tc.backoff, tc.tries))
		}
		if longest > tc.most || longest < tc.most*9/10 {
			t.Errorf("%d ms, try %d: up to %v, want up to %v", tc.backoff, tc.tries, longest, tc.most)
		}
	}
}

func TestTheBreaker(t *testing.T) {
	now := time.Now()
	var b breaker
	for i := range streakOpens {
		if opened := b.fail(true, now, time.Second); opened != (i == streakOpens-1) {
			t.Fatalf("failure %d: opened %v", i+1, opened)
		}
	}
	if b.until.Before(now.Add(time.Second/2)) || b.until.After(now.Add(time.Second)) {
		t.Errorf("the first probe is at %v", b.until.Sub(now))
	}
	for range 20 {
		b.probing = true
		b.fail(false, now, time.Second)
	}
	if b.pause != longestProbes {
		t.Errorf("probes are %v apart", b.pause)
	}
	if !b.succeed() || b.open || b.succeed() {
		t.Error("a success closes it once")
	}
	for i := range 3 {
		if opened := b.fail(false, now, time.Second); opened != (i == 2) {
			t.Errorf("failure %d without a connection: opened %v", i+1, opened)
		}
	}
}

// TestSignature holds ours against the example of the specification's own library.
func TestSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
