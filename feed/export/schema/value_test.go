package schema_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"trunkline/feed/export/schema"
)

func TestValuesAsJSON(t *testing.T) {
	for _, c := range []struct {
		v    schema.Value
		want string
	}{
		{schema.Value{}, `null`},
		{schema.Text(""), `""`},
		{schema.Some(""), `null`},
		{schema.Text("a\n\"\\\x01\u2028é\U0001F600\xff"), "\"a\\n\\\"\\\\\\u0001\\u2028é\U0001F600\\ufffd\""},
		{schema.Text("\x7f\u0085"), `"\u007f\u0085"`},
		{schema.Int(int64(math.MinInt64)), `-9223372036854775808`},
		{schema.Real(0.25), `0.25`},
		{schema.Real(math.NaN()), `null`},
		{schema.Truth(true), `true`},
		{schema.Truth(false), `false`},
		{schema.Millis(time.Date(2020, 1, 8, 19, 32, 38, 352e6, time.UTC).UnixMilli()), `"2020-01-08T19:32:38.352000+00:00"`},
		{schema.Micros(1), `"1970-01-01T00:00:00.000001+00:00"`},
	} {
		if got := string(c.v.AppendJSON(nil)); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func FuzzTextIsJSON(f *testing.F) {
	for _, s := range []string{"", "plain", "a\x00b", "\u2028\u0085", "\xff\xfe", "\"\\", "\U0010FFFF"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw := schema.Text(s).AppendJSON(nil)
		var got string
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("%q came back as %q", want, got)
		}
		for _, r := range string(raw) {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
				t.Fatalf("%q has the control character %U", raw, r)
			}
		}
	})
}

func TestValuesCompare(t *testing.T) {
	up := []schema.Value{{}, schema.Text("a"), schema.Text("b")}
	for i, a := range up {
		for j, b := range up {
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%v against %v: %d", a, b, got)
			}
		}
	}
	if schema.Int(-1).Compare(schema.Int(1)) >= 0 || schema.Real(2).Compare(schema.Real(-3)) <= 0 || schema.Micros(5).Compare(schema.Micros(6)) >= 0 {
		t.Error("numbers are not in their order")
	}
}

func TestAppendingARowDoesNotAllocate(t *testing.T) {
	tb, _ := schema.Find("dim_queues")
	row := schema.Row{schema.Int(1), schema.Int(2), schema.Int(3), schema.Text("sales"), schema.Millis(1772442000000)}
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = tb.AppendJSON(buf[:0], row) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var got map[string]any
	if err := json.Unmarshal(buf, &got); err != nil || got["queue_name"] != "sales" || len(got) != 5 {
		t.Errorf("%s: %v", buf, err)
	}
}
