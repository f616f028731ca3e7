package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"trunkline/event"
)

// generator makes events of about 600 bytes with ids, numbers and times as real
// ones have them, so that compression and hashing cost what they will cost.
type generator struct {
	rng    *rand.Rand
	n      int
	source string
}

func newGenerator(seed uint64) *generator {
	return &generator{rng: rand.New(rand.NewPCG(seed, 7)), source: fmt.Sprintf("pbx/%d", seed)}
}

var types = []string{"interaction.queued", "interaction.offered", "interaction.accepted", "interaction.released", "agent.status_changed", "interaction.ended"}

func (g *generator) event() event.Event {
	g.n++
	r := g.rng
	id := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff)
	typ := types[r.IntN(len(types))]
	inter := fmt.Sprintf("int-%011x-%s-phone-%02d-acmecorp01", 0x184a63564dc+uint64(g.n), randomText(r, 25), r.IntN(4))
	at := time.UnixMilli(1795210742158 + int64(g.n)*7).UTC()
	raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s","source":"%s","type":"%s","subject":"interaction/%s","time":"%s","datacontenttype":"application/json","data":{"interaction":"%s","media":"phone","direction":"in","queue":"q-%d","agent":"ag%s","customer":{"id":"c-%d","number":"+1555%07d","name":"Customer %d"},"position":%d,"priority":%d,"waited_ms":%d,"leg":"%016x","attributes":{"channelName":"Acme Ads OG","tok":"%d","campaign":"spring-%d"}}}`,
		id, g.source, typ, inter, at.Format("2006-01-02T15:04:05.000Z07:00"), inter, 580+r.IntN(20), randomText(r, 20), r.IntN(99999), r.IntN(10_000_000), r.IntN(5000), r.IntN(30), 50+r.IntN(50), r.IntN(180_000), r.Uint64(), r.IntN(100_000), r.IntN(9))
	return event.Event{ID: id, Source: g.source, Type: typ, Raw: raw}
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// batches makes events before the clock starts.
func batches(seed uint64, count, size int) [][]event.Event {
	g := newGenerator(seed)
	out := make([][]event.Event, count)
	for i := range out {
		out[i] = make([]event.Event, size)
		for j := range out[i] {
			out[i][j] = g.event()
		}
	}
	return out
}

// renew gives every event of a batch a new id, in place: the last digits of
// the id and of the copy in its bytes. It must cost next to nothing, since it
// runs while the clock does.
func renew(events []event.Event, round uint64) {
	const at, digits = len(`{"specversion":"1.0","id":"`) + 24, 12
	for i := range events {
		e := &events[i]
		n := round<<20 | uint64(i)
		for k := at + digits - 1; k >= at; k-- {
			e.Raw[k] = "0123456789abcdef"[n&15]
			n >>= 4
		}
		e.ID = string(e.Raw[at-24 : at+digits])
	}
}
