package commit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/eventlog/commit"
)

var head = commit.Head{
	Kind: commit.Events, Shard: 3, Sequence: 42, Received: time.UnixMilli(1795210742158),
	Owner: commit.Owner{1, 2, 3}, Epoch: commit.Epoch{9}, Prev: commit.Hash{7},
}

func sample() ([]byte, commit.Hash) {
	var b commit.Builder
	for i := range 5 {
		raw := fmt.Appendf(nil, `{"id":"%d","type":"interaction.created"}`, i)
		tenant := []string{"acme", "bolt"}[i%2]
		b.Add(tenant, commit.Epoch{byte(i % 2)}, uint64(10+i/2), commit.Identify(tenant, "pbx", fmt.Sprint(i), raw), i == 4, raw, nil)
	}
	return b.Encode(head)
}

func TestRoundTrip(t *testing.T) {
	msg, hash := sample()
	c, err := commit.Parse(msg)
	if err != nil {
		t.Fatal(err)
	}
	if c.Kind != head.Kind || c.Shard != 3 || c.Sequence != 42 || !c.Received.Equal(head.Received) ||
		c.Owner != head.Owner || c.Epoch != head.Epoch || c.Prev != head.Prev || c.Hash != hash {
		t.Fatalf("head came back as %+v", c)
	}
	if len(c.Sections) != 2 || c.Events() != 5 {
		t.Fatalf("%d sections, %d events", len(c.Sections), c.Events())
	}
	s := c.Find("acme")
	recs, err := s.Records()
	if err != nil || len(recs) != 3 || s.First != 10 || s.Last() != 12 {
		t.Fatalf("acme: %v, %d records, %d to %d", err, len(recs), s.First, s.Last())
	}
	if string(recs[1].Raw) != `{"id":"2","type":"interaction.created"}` || recs[1].Seq != 11 || !recs[2].Derived {
		t.Fatalf("records came back as %+v", recs)
	}
	want := commit.Identify("acme", "pbx", "2", recs[1].Raw)
	if got := s.Identity(1); got != want || got.Key() != want.Key() || got.Body() != want.Body() {
		t.Fatalf("identity %x, want %x", got, want)
	}
	if c.Find("nobody") != nil {
		t.Fatal("found a tenant that is not there")
	}
}

// The format is frozen: testdata/v1.commit was written by the first version,
// and every later program must read it as it was meant. (The bytes that are
// written may differ: compression is free to find a shorter block.)
func TestFrozenBytes(t *testing.T) {
	frozen, err := os.ReadFile("testdata/v1.commit")
	if err != nil {
		t.Fatal(err)
	}
	msg, _ := sample()
	got, want := dump(t, frozen), dump(t, msg)
	if got != want {
		t.Fatalf("the frozen commit reads as\n%s\nnot as\n%s", got, want)
	}
}

func dump(t *testing.T, msg []byte) string {
	t.Helper()
	c, err := commit.Parse(msg)
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintln(c.Kind, c.Shard, c.Sequence, c.Received, c.Owner, c.Epoch, c.Prev)
	for _, s := range c.Sections {
		recs, err := s.Records()
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%s %s %x\n", s.Tenant, s.Epoch, s.Identities())
		for _, r := range recs {
			out += fmt.Sprintf("%d %v %v %s %s\n", r.Seq, r.Received, r.Derived, r.Raw, r.Context)
		}
	}
	return out
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	msg, _ := sample()
	for i := range len(msg) * 8 {
		bad := bytes.Clone(msg)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := commit.Parse(bad); !errors.Is(err, commit.ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for i := range msg {
		if _, err := commit.Parse(msg[:i]); !errors.Is(err, commit.ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestBytesBoundsTheMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b commit.Builder
		n := rapid.IntRange(1, 40).Draw(t, "n")
		type in struct {
			tenant   string
			raw, ctx []byte
		}
		var all []in
		next := map[string]uint64{}
		for i := range n {
			e := in{
				tenant: rapid.SampledFrom([]string{"a", "b", "tenant-with-a-longer-name"}).Draw(t, "tenant"),
				raw:    rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "raw"),
			}
			if rapid.Bool().Draw(t, "hasContext") {
				e.ctx = rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "ctx")
			}
			next[e.tenant]++
			b.Add(e.tenant, commit.Epoch{}, next[e.tenant], commit.Identify(e.tenant, "s", fmt.Sprint(i), e.raw), false, e.raw, e.ctx)
			all = append(all, e)
		}
		msg, _ := b.Encode(head)
		if len(msg) > b.Bytes() {
			t.Fatalf("message of %d bytes, bounded at %d", len(msg), b.Bytes())
		}
		c, err := commit.Parse(msg)
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for _, e := range all {
			recs, err := c.Find(e.tenant).Records()
			if err != nil {
				t.Fatal(err)
			}
			rec := recs[at[e.tenant]]
			at[e.tenant]++
			if !bytes.Equal(rec.Raw, e.raw) || !bytes.Equal(rec.Context, e.ctx) || rec.Seq != uint64(at[e.tenant]) {
				t.Fatalf("record came back as %+v, was %+v", rec, e)
			}
		}
	})
}

func TestBuilderDoesNotAllocatePerEvent(t *testing.T) {
	var b commit.Builder
	raw := bytes.Repeat([]byte("x"), 600)
	id := commit.Identify("acme", "pbx", "1", raw)
	run := func() {
		b.Reset()
		for i := range 256 {
			b.Add("acme", commit.Epoch{}, uint64(i), id, false, raw, nil)
		}
		b.Encode(head)
	}
	run()
	if n := testing.AllocsPerRun(20, run); n > 4 {
		t.Fatalf("%v allocations for a commit of 256 events", n)
	}
}

func FuzzParse(f *testing.F) {
	msg, _ := sample()
	f.Add(msg)
	f.Add(msg[:80])
	f.Add([]byte("TLC1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Fuzzing stops at the hash, so hand the parser bytes whose hash fits.
		for _, in := range [][]byte{b, commit.Seal(b)} {
			c, err := commit.Parse(in)
			if err != nil {
				continue
			}
			for _, s := range c.Sections {
				recs, err := s.Records()
				if err == nil && len(recs) != s.Count {
					t.Fatalf("%d records in a section of %d", len(recs), s.Count)
				}
			}
		}
	})
}

func BenchmarkEncode256(b *testing.B) {
	var bl commit.Builder
	raw := bytes.Repeat([]byte(`{"id":"0123","source":"x"},`), 22)
	id := commit.Identify("acme", "pbx", "1", raw)
	b.ReportAllocs()
	for b.Loop() {
		bl.Reset()
		for i := range 256 {
			bl.Add("acme", commit.Epoch{}, uint64(i), id, false, raw, nil)
		}
		bl.Encode(head)
	}
}

func TestAppendJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	for _, c := range []struct{ name, want string }{
		{`{"id":"1","data":{"a":1}}`, `{"id":"1","data":{"a":1},"tenant":"acme","sequence":7,"received":"2026-01-02T03:04:05.006Z"}`},
		{`{"tenant":"acme","id":"1"}`, `{"tenant":"acme","id":"1","sequence":7,"received":"2026-01-02T03:04:05.006Z"}`},
		{`{"data":{"tenant":"other"}}`, `{"data":{"tenant":"other"},"tenant":"acme","sequence":7,"received":"2026-01-02T03:04:05.006Z"}`},
		{"{\"id\":\"1\"\n} ", "{\"id\":\"1\"\n" + `,"tenant":"acme","sequence":7,"received":"2026-01-02T03:04:05.006Z"}`},
	} {
		r := commit.Record{Seq: 7, Received: at, Raw: []byte(c.name)}
		if got := string(r.AppendJSON(nil, "acme")); got != c.want {
			t.Errorf("%s\nbecame %s\nnot    %s", c.name, got, c.want)
		}
	}
	r := commit.Record{Seq: 1, Received: at, Derived: true, Raw: []byte(`{"id":"1"}`), Context: []byte(`{"k":2}`)}
	if got, want := string(r.AppendJSON(nil, "a")), `{"id":"1","tenant":"a","sequence":1,"received":"2026-01-02T03:04:05.006Z","derived":true,"context":{"k":2}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReceivedIsWrittenAsTheLibraryWouldWriteIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(0, 253402300799999).Draw(t, "ms"))
		r := commit.Record{Received: at, Raw: []byte(`{"a":1}`)}
		want := `"` + at.UTC().Format("2006-01-02T15:04:05.000Z07:00") + `"`
		if got := string(r.AppendJSON(nil, "t")); !strings.Contains(got, want) {
			t.Fatalf("%s has no %s", got, want)
		}
	})
}
