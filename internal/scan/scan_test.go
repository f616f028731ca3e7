package scan_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"trunkline/internal/scan"
)

func TestReadsWhatIsThere(t *testing.T) {
	c := scan.Of(` { "text" : "a \"b\" \u00e9" , "plain":"x","n":-12,"big":12345678901234567890123,"frac":1.9,
		"yes":true,"no":null,"list":[1,"two",{"three":[3]}],"object":{"in":"side"},"last":"}" } `)
	if !c.Open(scan.Object) {
		t.Fatal("it is no object")
	}
	got := map[string]any{}
	for {
		k, ok := c.Member()
		if !ok {
			break
		}
		switch k {
		case "text", "plain", "last":
			got[k] = c.Str()
		case "n", "big", "frac":
			got[k] = c.Num()
		case "yes", "no":
			got[k] = c.Truth()
		case "list":
			n := 0
			for c.Open(scan.Array); c.Item(']'); n++ {
				c.Value()
			}
			got[k] = n
		default:
			got[k] = c.Value()
		}
	}
	want := map[string]any{"text": `a "b" é`, "plain": "x", "n": int64(-12), "big": int64(0), "frac": int64(1),
		"yes": true, "no": false, "list": 3, "object": `{"in":"side"}`, "last": "}"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %v, not %v", k, got[k], v)
		}
	}
}

// FuzzMembers holds the reader against encoding/json on valid objects, and lets
// it come to an end on anything else.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":"\\\"","b":[{}, []],"c":"x"}`, `{"a"`, `{"a":`, `[`, `{"a":"b`, `{"a":,}`, `{"\u0061":"\ud800"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := scan.Of(s)
		got := map[string]string{}
		n := 0
		for c.Open(scan.Object); ; n++ {
			k, ok := c.Member()
			if !ok {
				break
			}
			if n > len(s) {
				t.Fatal("it does not come to an end")
			}
			got[k] = c.Value()
		}
		var want map[string]json.RawMessage
		if !utf8.ValidString(s) || json.Unmarshal([]byte(s), &want) != nil || want == nil {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%d members of %d in %s", len(got), len(want), s)
		}
		for k, v := range want {
			if got[k] != string(v) {
				t.Fatalf("%q is %s, not %s", k, got[k], v)
			}
		}
	})
}
