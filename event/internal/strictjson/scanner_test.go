package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"trunkline/event/internal/strictjson"
)

// scan reads one whole text and returns what is wrong with it.
func scan(text string, limit int) string {
	s := strictjson.New([]byte(text), limit)
	s.Value()
	s.End()
	reason, _ := s.Problem()
	return reason
}

func TestScanner(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{`{}`, ""},
		{`[]`, ""},
		{` { "a" : [ 1 , -0.5e-3 , true , false , null , "x" ] } `, ""},
		{`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, ""},
		{`0`, ""},
		{`-0`, ""},
		{`1e308`, ""},
		{`"` + strings.Repeat("a", 31) + `"`, ""},
		{"\"\x7f\"", ""},
		{``, "ends early"},
		{`{`, "ends early"},
		{`[1,`, "ends early"},
		{`{"a"`, "colon"},
		{`{"a":}`, "expected a value"},
		{`{"a":1,}`, "name"},
		{`[1,]`, "expected a value"},
		{`[1 2]`, "comma"},
		{`{"a":1 "b":2}`, "comma"},
		{`{1:2}`, "name"},
		{`01`, "after the value"},
		{`1.`, "digit"},
		{`.5`, "expected a value"},
		{`-`, "digit"},
		{`1e`, "exponent"},
		{`1e309`, "range"},
		{strings.Repeat("9", 310), "range"},
		{`+1`, "expected a value"},
		{`NaN`, "expected a value"},
		{`nul`, "expected a value"},
		{`truex`, "after the value"},
		{`"a`, "inside a string"},
		{`"\`, "inside a string"},
		{`"\x"`, "unknown escape"},
		{`"\u12"`, "malformed"},
		{`"\u12g4"`, "malformed"},
		{`"\ud800"`, "surrogate"},
		{`"\ud800\u0041"`, "surrogate"},
		{`"\ud800\n"`, "surrogate"},
		{`"\udc00"`, "surrogate"},
		{"\"a\nb\"", "control"},
		{"\"1234567\x00\"", "control"},
		{"\xef\xbb\xbf{}", "expected a value"},
		{"{}\x00", "after the value"},
		{"\x00", "expected a value"},
		{strings.Repeat("[", 8) + strings.Repeat("]", 8), ""},
		{strings.Repeat("[", 9) + strings.Repeat("]", 9), "deeper than 8"},
		{strings.Repeat(`{"a":`, 9) + "1" + strings.Repeat("}", 9), "deeper than 8"},
	} {
		got := scan(c.text, 8)
		if (c.problem == "") != (got == "") || !strings.Contains(got, c.problem) {
			t.Errorf("%.40q: problem %q, want %q", c.text, got, c.problem)
		}
	}
}

func TestText(t *testing.T) {
	for _, text := range []string{`""`, `"abc"`, `"a\"b"`, `"\/\\\b\f\n\r\t"`, `"\u0041\u00e9\u20ac\ud83d\ude00x"`, `"é€😀"`} {
		s := strictjson.New([]byte(text), 1)
		got := string(s.Text().Bytes())
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// FuzzScanner holds the scanner against encoding/json: it accepts nothing that
// is not JSON, and refuses JSON only for the reasons it documents.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9"],"b":null}`, `"\ud83d\ude00"`, `[[[[]]]]`, `-0.1E+2`, `{"a":{"b":{"c":{}}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		reason := scan(text, 32)
		valid := json.Valid([]byte(text))
		switch {
		case reason == "" && !valid:
			t.Fatalf("accepted %q, which is not JSON", text)
		case reason != "" && valid && utf8.ValidString(text):
			for _, ours := range []string{"surrogate", "range", "deeper"} {
				if strings.Contains(reason, ours) {
					return
				}
			}
			t.Fatalf("refused %q: %s", text, reason)
		}
	})
}

func BenchmarkValue(b *testing.B) {
	text := []byte(`{"specversion":"1.0","id":"a1b2c3","data":{"interaction":"int-184a63564dc-ohWfVIbHJz2Hr2JFhAfdlb4Fa-phone-00","media":"phone","n":[1,2,3],"customer":{"number":"+358401234567","name":"Jane Example"}}}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := strictjson.New(text, 64)
		s.Value()
		s.End()
		if !s.OK() {
			b.Fatal(s.Problem())
		}
	}
}
