package freeswitch_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline/source/freeswitch"
)

// transcript feeds data in pieces and writes down all that comes out.
func transcript(lim freeswitch.Limits, data []byte, sizes func() int) string {
	var b strings.Builder
	r := freeswitch.NewReader(lim, func(m *freeswitch.Message) {
		fmt.Fprintf(&b, "%d %s", m.Offset, m.Kind)
		for i := range m.Len() {
			k, v := m.Field(i)
			fmt.Fprintf(&b, " %q=%q", k, v)
		}
		if len(m.Body()) > 0 {
			fmt.Fprintf(&b, " body %q", m.Body())
		}
		b.WriteByte('\n')
	}, func(e *freeswitch.SyntaxError) {
		fmt.Fprintf(&b, "! %v\n", e)
	})
	for len(data) > 0 {
		n := min(max(sizes(), 1), len(data))
		// A copy of its own, overwritten afterwards: nothing may be kept of it.
		piece := bytes.Clone(data[:n])
		r.Write(piece)
		for i := range piece {
			piece[i] = 0xaa
		}
		data = data[n:]
	}
	r.Close()
	return b.String()
}

func whole() int  { return 1 << 30 }
func single() int { return 1 }

func eventFrame(body string) string {
	return fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", len(body), body)
}

func TestReaderMessages(t *testing.T) {
	eight := "Event-Name: A\nB: c\n\n"
	cases := []struct {
		name, in string
		lim      freeswitch.Limits
		want     []string
	}{
		{"greeting, reply, response", "Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: +OK accepted\n\nContent-Type: api/response\nContent-Length: 3\n\nabc", freeswitch.Limits{}, []string{
			`0 auth/request "Content-Type"="auth/request"`,
			`28 command/reply "Content-Type"="command/reply" "Reply-Text"="+OK accepted"`,
			`82 api/response "Content-Type"="api/response" "Content-Length"="3" body "abc"`,
		}},
		{"an event with a body of its own", eventFrame("Event-Name: BACKGROUND_JOB\nContent-Length: 4\n\n+OK\n"), freeswitch.Limits{}, []string{
			`0 text/event-plain "Event-Name"="BACKGROUND_JOB" "Content-Length"="4" body "+OK\n"`,
		}},
		{"an event whose body is short", eventFrame("Event-Name: A\nContent-Length: 9\n\nxx"), freeswitch.Limits{}, []string{
			`! event socket stream, offset 84: got "xx", want the 9 bytes of the event's body`,
			`0 text/event-plain "Event-Name"="A" "Content-Length"="9" body "xx"`,
		}},
		{"CR LF, empty lines between frames, empty value", "\r\n\nContent-Type: command/reply\r\nX:\r\n\r\n", freeswitch.Limits{}, []string{
			`3 command/reply "Content-Type"="command/reply" "X"=""`,
		}},
		{"an unknown type", "Content-Type: text/x\nContent-Length: 1\n\n!", freeswitch.Limits{}, []string{
			`0 other "Content-Type"="text/x" "Content-Length"="1" body "!"`,
		}},
		{"garbage before a frame", "xx\nContent-Type: auth/request\n\n", freeswitch.Limits{}, []string{
			`! event socket stream, offset 0: got "xx", want "Key: value" or an empty line`,
			`3 auth/request "Content-Type"="auth/request"`,
		}},
		{"garbage in a head", "Content-Type: auth/request\n?!\n\n", freeswitch.Limits{}, []string{
			`! event socket stream, offset 27: got "?!", want "Key: value" or an empty line`,
			`0 auth/request "Content-Type"="auth/request"`,
		}},
		{"garbage in an event", eventFrame("Event-Name: A\n?!\n\n"), freeswitch.Limits{}, []string{
			`! event socket stream, offset 65: got "?!", want "Key: value" or an empty line`,
			`0 text/event-plain "Event-Name"="A"`,
		}},
		{"no Content-Type", "A: b\n\nContent-Type: auth/request\n\n", freeswitch.Limits{}, []string{
			`! event socket stream, offset 0: got "A: b\n\n", want a frame with a Content-Type`,
			`6 auth/request "Content-Type"="auth/request"`,
		}},
		{"a length that is none", "Content-Type: api/response\nContent-Length: -1\n\nContent-Type: auth/request\n\n", freeswitch.Limits{}, []string{
			`! event socket stream, offset 0: got "Content-Type: api/response\nConte", want a Content-Length in bytes`,
			`47 auth/request "Content-Type"="auth/request"`,
		}},
		{"an event without a name", eventFrame("A: b\n\n") + "Content-Type: auth/request\n\n", freeswitch.Limits{}, []string{
			`! event socket stream, offset 0: got "Content-Length: 6\nContent-Type: ", want an event with an Event-Name`,
			`56 auth/request "Content-Type"="auth/request"`,
		}},
		{"the end in a body", "Content-Type: api/response\nContent-Length: 5\n\nabc", freeswitch.Limits{}, []string{
			`! event socket stream, offset 0: got "Content-Type: api/response\nConte", want 2 more bytes of the frame`,
		}},
		{"the end in a head", "Content-Type: api/response\nCont", freeswitch.Limits{}, []string{
			`! event socket stream, offset 0: got "Content-Type: api/response\nCont", want an empty line at the end of the head`,
		}},
		{"a line at the limit", "Content-Type: auth/request\n\n", freeswitch.Limits{MaxLine: 26}, []string{
			`0 auth/request "Content-Type"="auth/request"`,
		}},
		{"a line over the limit", "Content-Type: auth/request\nA: b\n\nContent-Type: x/y\n\n", freeswitch.Limits{MaxLine: 25}, []string{
			`! event socket stream, offset 0: got "Content-Type: auth/reques", want a line of at most 25 bytes`,
			`33 other "Content-Type"="x/y"`,
		}},
		{"lines at the limit", "Content-Type: x/y\nA: b\n\n", freeswitch.Limits{MaxHead: 2}, []string{
			`0 other "Content-Type"="x/y" "A"="b"`,
		}},
		{"lines over the limit", "Content-Type: x/y\nA: b\nC: d\n\nContent-Type: x/z\n\n", freeswitch.Limits{MaxHead: 2}, []string{
			`! event socket stream, offset 23: got "C: d\n", want a head of at most 2 lines`,
			`29 other "Content-Type"="x/z"`,
		}},
		{"a body at the limit", eventFrame(eight), freeswitch.Limits{MaxBody: len(eight)}, []string{
			`0 text/event-plain "Event-Name"="A" "B"="c"`,
		}},
		{"a body over the limit", eventFrame(eight) + "Content-Type: x/y\n\n", freeswitch.Limits{MaxBody: len(eight) - 1}, []string{
			`! event socket stream, offset 0: got "Content-Length: 20\nContent-Type:", want a body of at most 19 bytes`,
			`71 other "Content-Type"="x/y"`,
		}},
		{"fields at the limit", eventFrame(eight), freeswitch.Limits{MaxFields: 2}, []string{
			`0 text/event-plain "Event-Name"="A" "B"="c"`,
		}},
		{"fields over the limit", eventFrame(eight), freeswitch.Limits{MaxFields: 1}, []string{
			`! event socket stream, offset 0: got "Content-Length: 20\nContent-Type:", want an event of at most 1 lines`,
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := strings.Join(c.want, "\n") + "\n"
			for name, sizes := range map[string]func() int{"whole": whole, "single bytes": single} {
				if got := transcript(c.lim, []byte(c.in), sizes); got != want {
					t.Errorf("%s:\n%swant:\n%s", name, got, want)
				}
			}
		})
	}
}

func TestReaderFaultsAreTestable(t *testing.T) {
	var got error
	r := freeswitch.NewReader(freeswitch.Limits{}, func(*freeswitch.Message) {}, func(e *freeswitch.SyntaxError) { got = e })
	fmt.Fprint(r, "nonsense\n")
	if !errors.Is(got, freeswitch.ErrSyntax) {
		t.Fatalf("got %v, want ErrSyntax", got)
	}
}

func TestValuesAreDecoded(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                       "plain",
		"support%40default":           "support@default",
		"Fri,%2020%20Nov":             "Fri, 20 Nov",
		"J%C3%B6rg%20%22a%22":         `Jörg "a"`,
		"100%":                        "100%",
		"%4":                          "%4",
		"%zz%41":                      "%zzA",
		"a%0Ab":                       "a\nb",
		"%25%34%30 is not decoded on": "%40 is not decoded on",
	} {
		got := ""
		r := freeswitch.NewReader(freeswitch.Limits{}, func(m *freeswitch.Message) { got = m.Get("value") }, nil)
		fmt.Fprint(r, eventFrame("Event-Name: A\nVALUE: "+in+"\n\n"))
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	// What is no event is not encoded.
	r := freeswitch.NewReader(freeswitch.Limits{}, func(m *freeswitch.Message) {
		if got := m.Get("Reply-Text"); got != "+OK %41" {
			t.Errorf("got %q", got)
		}
	}, nil)
	fmt.Fprint(r, "Content-Type: command/reply\nReply-Text: +OK %41\n\n")
}

// TestReaderLosesNothingAfterGarbage puts garbage between frames and wants
// every frame back.
func TestReaderLosesNothingAfterGarbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		count := rapid.IntRange(1, 20).Draw(t, "frames")
		for i := range count {
			in.WriteString(eventFrame(fmt.Sprintf("Event-Name: E%d\nK: v\n\n", i)))
			if g := rapid.StringMatching(`[a-z{}:\x00\x7f ]{0,20}(\r?\n)?[^\n:]{0,9}`).Draw(t, "garbage"); g != "" {
				in.WriteString(g + "\n\n")
			}
		}
		got := transcript(freeswitch.Limits{}, []byte(in.String()), whole)
		for i := range count {
			if !strings.Contains(got, fmt.Sprintf(`"Event-Name"="E%d" "K"="v"`, i)) {
				t.Fatalf("frame %d is lost in %q:\n%s", i, in.String(), got)
			}
		}
	})
}

func TestReaderSplitsOfTheCapture(t *testing.T) {
	data := capture(t)
	want := transcript(freeswitch.Limits{}, data, whole)
	if n := strings.Count(want, "\n"); n != 192 {
		t.Fatalf("got %d messages and faults, want 192 frames", n)
	}
	if strings.HasPrefix(want, "! ") || strings.Contains(want, "\n! ") {
		t.Fatal("the capture has faults")
	}
	if n := strings.Count(want, " text/event-plain "); n != 184 {
		t.Fatalf("got %d events, want 184", n)
	}
	if got := transcript(freeswitch.Limits{}, data, single); got != want {
		t.Error("single bytes give something else")
	}
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		if got := transcript(freeswitch.Limits{}, data, func() int { return rnd.IntN(3000) }); got != want {
			t.Errorf("random pieces of seed %d give something else", seed)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: +OK\n\n"), uint8(3))
	f.Add([]byte(eventFrame("Event-Name: A\nB: %41\nContent-Length: 2\n\nxy")), uint8(1))
	f.Add([]byte("Content-Type: api/response\nContent-Length: 50\n\nabc"), uint8(7))
	f.Add([]byte("Content-Type: a\nContent-Length: 0123456789\r\n\r\n\r\nA: b\n\n"), uint8(2))
	f.Add([]byte("\x00\xff\r\r\n:\n: \nContent-Type:\n\n"), uint8(2))
	f.Add([]byte("A: 0123456789012345678901234567890123456789\r\n\r\r\n\r\nContent-Type: b\n\n"), uint8(5))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		for _, lim := range []freeswitch.Limits{{}, {MaxLine: 20, MaxHead: 2, MaxBody: 24, MaxFields: 2}} {
			want := transcript(lim, data, whole)
			if got := transcript(lim, data, func() int { return int(step) }); got != want {
				t.Fatalf("pieces of %d:\n%swhole:\n%s", step, got, want)
			}
			if got := transcript(lim, data, single); got != want {
				t.Fatalf("single bytes:\n%swhole:\n%s", got, want)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	data := capture(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		r := freeswitch.NewReader(freeswitch.Limits{}, func(*freeswitch.Message) { n++ }, nil)
		for p := data; len(p) > 0; {
			k := min(len(p), 16<<10)
			r.Write(p[:k])
			p = p[k:]
		}
		if n != 192 {
			b.Fatalf("got %d messages", n)
		}
	}
}
