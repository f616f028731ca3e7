package asterisk_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline/source/asterisk"
)

// transcript feeds data in pieces and writes down all that comes out.
func transcript(lim asterisk.Limits, data []byte, sizes func() int) string {
	var b strings.Builder
	r := asterisk.NewReader(lim, func(m *asterisk.Message) {
		fmt.Fprintf(&b, "%d %s", m.Offset, m.Kind)
		for i := range m.Len() {
			k, v := m.Field(i)
			fmt.Fprintf(&b, " %q=%q", k, v)
		}
		b.WriteByte('\n')
	}, func(e *asterisk.SyntaxError) {
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

func TestReaderMessages(t *testing.T) {
	cases := []struct {
		name, in string
		lim      asterisk.Limits
		want     []string
	}{
		{"banner, response and event", "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: 1\r\n\r\nEvent: Hold\r\nChannel: a:b\r\n\r\n", asterisk.Limits{}, []string{
			`0 banner ""="Asterisk Call Manager/11.0.0"`,
			`30 response "Response"="Success" "ActionID"="1"`,
			`64 event "Event"="Hold" "Channel"="a:b"`,
		}},
		{"empty value, no space, bare LF, repeated key", "event:Hold\nReason: \nVariable: a=1\nVariable: b=2\n\n", asterisk.Limits{}, []string{
			`0 event "event"="Hold" "Reason"="" "Variable"="a=1" "Variable"="b=2"`,
		}},
		{"garbage before a message", "xx\r\nyy\r\nEvent: A\r\n\r\n", asterisk.Limits{}, []string{
			`! manager stream, offset 0: got "xx", want a banner, "Event:" or "Response:"`,
			`8 event "Event"="A"`,
		}},
		{"garbage line inside", "Event: A\r\n?!\r\nK: v\r\n\r\n", asterisk.Limits{}, []string{
			`! manager stream, offset 10: got "?!", want "Key: value" or an empty line`,
			`0 event "Event"="A" "K"="v"`,
		}},
		{"cut off by a banner", "Event: A\r\nK: v\r\nAsterisk Call Manager/11.0.0\r\nEvent: B\r\n\r\n", asterisk.Limits{}, []string{
			`! manager stream, offset 0: got "Event: A", want an empty line before the next message`,
			`16 banner ""="Asterisk Call Manager/11.0.0"`,
			`46 event "Event"="B"`,
		}},
		{"cut off by an event", "Event: A\r\nK: v\r\nEvent: B\r\nL: w\r\n\r\n", asterisk.Limits{}, []string{
			`! manager stream, offset 0: got "Event: A", want an empty line before the next message`,
			`16 event "Event"="B" "L"="w"`,
		}},
		{"a response field inside an event", "Event: OriginateResponse\r\nResponse: Failure\r\n\r\n", asterisk.Limits{}, []string{
			`0 event "Event"="OriginateResponse" "Response"="Failure"`,
		}},
		{"the end in the middle", "Event: A\r\nK: v", asterisk.Limits{}, []string{
			`! manager stream, offset 0: got "Event: A", want an empty line at the end of the message`,
		}},
		{"a line at the limit", "Event: A\r\nK: 56789\r\n\r\n", asterisk.Limits{MaxLine: 8}, []string{
			`0 event "Event"="A" "K"="56789"`,
		}},
		{"a line over the limit", "Event: A\r\nK: 567890\r\nL: w\r\n\r\nEvent: B\r\n\r\n", asterisk.Limits{MaxLine: 8}, []string{
			`! manager stream, offset 10: got "K: 56789", want a line of at most 8 bytes`,
			`0 event "Event"="A" "L"="w"`,
			`29 event "Event"="B"`,
		}},
		{"a message at the limit", "Event: A\r\nK: v\r\n\r\n", asterisk.Limits{MaxMessage: 14}, []string{
			`0 event "Event"="A" "K"="v"`,
		}},
		{"a message over the limit", "Event: A\r\nK: vv\r\nL: w\r\n\r\nEvent: B\r\n\r\n", asterisk.Limits{MaxMessage: 14}, []string{
			`! manager stream, offset 0: got "Event: A", want a message of at most 14 bytes`,
			`25 event "Event"="B"`,
		}},
		{"lines at the limit", "Event: A\r\nK: v\r\n\r\n", asterisk.Limits{MaxFields: 2}, []string{
			`0 event "Event"="A" "K"="v"`,
		}},
		{"lines over the limit", "Event: A\r\nK: v\r\nL: w\r\n\r\nEvent: B\r\n\r\n", asterisk.Limits{MaxFields: 2}, []string{
			`! manager stream, offset 0: got "Event: A", want a message of at most 2 lines`,
			`24 event "Event"="B"`,
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
	r := asterisk.NewReader(asterisk.Limits{}, func(*asterisk.Message) {}, func(e *asterisk.SyntaxError) { got = e })
	fmt.Fprint(r, "nonsense\n")
	if !errors.Is(got, asterisk.ErrSyntax) {
		t.Fatalf("got %v, want ErrSyntax", got)
	}
}

func TestMessageFields(t *testing.T) {
	var m struct {
		get, absent string
		all         []string
		empty       bool
	}
	r := asterisk.NewReader(asterisk.Limits{}, func(msg *asterisk.Message) {
		m.get = msg.Get("uniqueid")
		m.absent = msg.Get("Linkedid")
		m.all = msg.All("chanvariable")
		m.empty = msg.Bytes("Reason") != nil && msg.Bytes("None") == nil
	}, nil)
	fmt.Fprint(r, "Event: X\r\nUniqueID: 1.2\r\nReason: \r\nChanVariable: a=1\r\nCHANVARIABLE: b=2\r\n\r\n")
	if m.get != "1.2" || m.absent != "" || !m.empty || strings.Join(m.all, ",") != "a=1,b=2" {
		t.Fatalf("got %+v", m)
	}
}

// TestReaderLosesNothingAfterGarbage puts garbage between the messages of the
// capture and wants every message back.
func TestReaderLosesNothingAfterGarbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		count := rapid.IntRange(1, 20).Draw(t, "messages")
		for i := range count {
			fmt.Fprintf(&in, "Event: E%d\r\nK: v\r\n\r\n", i)
			if g := rapid.StringMatching(`[a-z{}:\x00\x7f ]{0,20}(\r?\n)?[^\n]{0,9}`).Draw(t, "garbage"); g != "" {
				if strings.HasPrefix(strings.ToLower(g), "event") {
					continue
				}
				in.WriteString(g + "\r\n\r\n")
			}
		}
		got := transcript(asterisk.Limits{}, []byte(in.String()), whole)
		for i := range count {
			if !strings.Contains(got, fmt.Sprintf(`"Event"="E%d" "K"="v"`, i)) {
				t.Fatalf("message %d is lost in %q:\n%s", i, in.String(), got)
			}
		}
	})
}

func TestReaderSplitsOfTheCapture(t *testing.T) {
	data := capture(t)
	want := transcript(asterisk.Limits{}, data, whole)
	if n := strings.Count(want, "\n"); n != 6052+18+3 {
		t.Fatalf("got %d messages and faults, want 6,052 events, 18 responses, 3 banners", n)
	}
	if strings.Contains(want, "! ") && strings.Contains(want, "\n! ") {
		t.Fatal("the capture has faults")
	}
	if got := transcript(asterisk.Limits{}, data, single); got != want {
		t.Error("single bytes give something else")
	}
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		if got := transcript(asterisk.Limits{}, data, func() int { return rnd.IntN(3000) }); got != want {
			t.Errorf("random pieces of seed %d give something else", seed)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("Asterisk Call Manager/11.0.0\r\nResponse: Success\r\n\r\nEvent: A\r\nK: v\r\n\r\n"), uint8(3))
	f.Add([]byte("Event: A\r\nEvent: B\r\n\nResponse: C\r\nResponse: D\r\nAsterisk Call Manager/1\r\n"), uint8(1))
	f.Add([]byte("Event: A\r\nK: 0123456789012345678901234567890123456789\r\nL: 1\r\n\r\n"), uint8(7))
	f.Add([]byte("\x00\xff\r\r\n:\n: \nEvent:\n\n"), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		for _, lim := range []asterisk.Limits{{}, {MaxLine: 12, MaxMessage: 40, MaxFields: 4}} {
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
		r := asterisk.NewReader(asterisk.Limits{}, func(*asterisk.Message) { n++ }, nil)
		for p := data; len(p) > 0; {
			k := min(len(p), 16<<10)
			r.Write(p[:k])
			p = p[k:]
		}
		if n != 6073 {
			b.Fatalf("got %d messages", n)
		}
	}
}
