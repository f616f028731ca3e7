package main

import (
	"fmt"
	"math/rand/v2"
)

// body is a request body with events of about 600 bytes, whose ids are renewed
// in place before each sending: the generator must cost little, since it runs
// on the cores that are measured.
type body struct {
	size  int
	bytes []byte
	ids   []int // where the digits that change stand
	n     uint64
}

const digits = 12

func newBody(conn, size int) *body {
	r := rand.New(rand.NewPCG(uint64(conn), 3))
	b := &body{size: size, n: uint64(conn) << 36}
	for range size {
		inter := fmt.Sprintf("int-%011x-%016x%08x-phone-00-acmecorp01", r.Uint64()>>20, r.Uint64(), r.Uint32())
		b.bytes = fmt.Appendf(b.bytes, `{"specversion":"1.0","id":"%08x-%04x-4000-a000-`, r.Uint32(), size)
		b.ids = append(b.ids, len(b.bytes))
		b.bytes = fmt.Appendf(b.bytes, `%012x","source":"pbx/%d","type":"interaction.queued","subject":"interaction/%s","time":"2026-11-20T10:%02d:%02d.%03dZ","datacontenttype":"application/json","data":{"interaction":"%s","media":"phone","queue":"q-%d","priority":%d,"position":%d,"skills":["english","sales-%d"],"entered":"first","attributes":{"callingName":"Customer %d","phoneNum":"+1555%07d","channelName":"Acme Ads OG","tok":"%d","campaign":"spring-%d","pcsOffered":"no","tenantRecServer":"na12nfs%02d"}}}`,
			0, conn, inter, r.IntN(60), r.IntN(60), r.IntN(1000), inter, 580+r.IntN(20), r.IntN(100), 1+r.IntN(30), r.IntN(9), r.IntN(99999), r.IntN(10_000_000), r.IntN(100_000), r.IntN(9), r.IntN(99))
		b.bytes = append(b.bytes, '\n')
	}
	return b
}

func (b *body) renew() {
	for _, at := range b.ids {
		n := b.n
		b.n++
		for k := at + digits - 1; k >= at; k-- {
			b.bytes[k] = "0123456789abcdef"[n&15]
			n >>= 4
		}
	}
}
