package clean_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"trunkline/source/clean"
)

func TestText(t *testing.T) {
	long := strings.Repeat("a", clean.MaxText)
	for in, want := range map[string]string{
		"":                                 "",
		"support@default":                  "support@default",
		"Jörg":                             "Jörg",
		"a\x00b\nc":                        "a\ufffdb\ufffdc",
		"a\xffb":                           "a\ufffdb",
		long:                               long,
		long + "b":                         long,
		strings.Repeat("a", 511) + "ö":     strings.Repeat("a", 511),
		"tab\tand \u007f and \ufffe, done": "tab\ufffdand \ufffd and \ufffd, done",
	} {
		if got := clean.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
		if got := clean.Text([]byte(in)); got != want {
			t.Errorf("Text of the bytes %q = %q, want %q", in, got, want)
		}
	}
}

func TestTextIsAlwaysPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got := clean.Text(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if !utf8.ValidString(got) || len(got) > clean.MaxText || clean.Text(got) != got {
			t.Fatalf("got %q", got)
		}
	})
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]int{"": 0, "12": 12, "-3": -3, "1.5": 0, "x": 0, "99999999999999999999": 0} {
		if got := clean.Number(in); got != want {
			t.Errorf("Number(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestMillis(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, c := range []struct {
		from, to time.Time
		want     int64
	}{
		{at, at.Add(1500 * time.Microsecond), 1},
		{at, at, 0},
		{at, at.Add(-time.Second), 0},
		{time.Time{}, at, 0},
	} {
		if got := clean.Millis(c.from, c.to); got != c.want {
			t.Errorf("Millis(%v, %v) = %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

func TestSameKey(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Event", "Event", true}, {"event", "Event", true}, {"EVENT", "event", true}, {"", "", true},
		{"Event", "Events", false}, {"Events", "Event", false}, {"Evant", "Event", false}, {"[", "{", false}, {"", "E", false},
	} {
		if got := clean.SameKey([]byte(c.a), c.b); got != c.want {
			t.Errorf("SameKey(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
