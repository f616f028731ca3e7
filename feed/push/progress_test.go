package push

import (
	"slices"
	"testing"

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
			switch rapid.SampledFrom([]string{"read", "finish", "finish", "shed", "restart", "change"}).Draw(t, "step") {
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
			case "change": // records have other messages from now on; those that are done stay done
				var open []int
				for i := range sizes {
					if !complete(uint64(i) + 1) {
						open = append(open, i)
					}
				}
				for _, i := range open {
					for at := range sizes[i] {
						delete(done, [2]uint64{uint64(i) + 1, uint64(at)})
					}
					sizes[i] = rapid.IntRange(0, 35).Draw(t, "messages from now on")
				}
				p.reread()
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
