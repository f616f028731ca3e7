package signalr

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func inJSON(t *testing.T, packed []byte) (string, error) {
	t.Helper()
	u := unpacker{packed}
	got, err := u.appendJSON(nil, 0)
	if err == nil && len(u.rest) > 0 {
		t.Errorf("% x: % x is left", packed, u.rest)
	}
	return string(got), err
}

// What the library packs is read as what it was, in every width.
func TestUnpack(t *testing.T) {
	at := time.Date(2026, 11, 21, 7, 8, 9, 120_000_000, time.UTC)
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, `null`}, {true, `true`}, {false, `false`},
		{0, `0`}, {127, `127`}, {uint8(200), `200`}, {uint16(65535), `65535`}, {uint32(math.MaxUint32), `4294967295`}, {uint64(math.MaxUint64), `18446744073709551615`},
		{-1, `-1`}, {-32, `-32`}, {int8(-100), `-100`}, {int16(-30000), `-30000`}, {int32(-2000000000), `-2000000000`}, {int64(math.MinInt64), `-9223372036854775808`},
		{float32(0.5), `0.5`}, {1.25, `1.25`}, {1e300, `1e+300`},
		{"", `""`}, {"grüß \"Gott\"\n", `"grüß \"Gott\"\n"`}, {strings.Repeat("x", 40), `"` + strings.Repeat("x", 40) + `"`},
		{strings.Repeat("y", 300), `"` + strings.Repeat("y", 300) + `"`}, {strings.Repeat("z", 70000), `"` + strings.Repeat("z", 70000) + `"`},
		{[]byte{1, 2, 3}, `"AQID"`}, {bytes.Repeat([]byte{0}, 300), `"` + strings.Repeat("A", 400) + `"`},
		{[]any{}, `[]`}, {[]any{1, []any{"a"}, nil}, `[1,["a"],null]`}, {make([]any, 20), `[` + strings.Repeat("null,", 19) + `null]`},
		{map[string]any{}, `{}`}, {map[string]any{"a": map[string]any{"b": 1}}, `{"a":{"b":1}}`}, {map[int]string{-7: "x"}, `{"-7":"x"}`}, {map[uint8]int{7: 1}, `{"7":1}`},
		{at.Truncate(time.Second), `"2026-11-21T07:08:09Z"`}, {at, `"2026-11-21T07:08:09.12Z"`}, {time.Date(1900, 1, 2, 3, 4, 5, 6, time.UTC), `"1900-01-02T03:04:05.000000006Z"`},
	} {
		packed, err := msgpack.Marshal(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := inJSON(t, packed); err != nil || got != tt.want {
			t.Errorf("%v: %.100s, %v", tt.value, got, err)
		}
	}
	long := make(map[string]any, 70000)
	for i := range 70000 {
		long[strings.Repeat("k", 1+i%3)+string(rune(0x4000+i%20000))] = i
	}
	packed, err := msgpack.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	got, err := inJSON(t, packed)
	var back map[string]any
	if err != nil || json.Unmarshal([]byte(got), &back) != nil || len(back) != len(long) {
		t.Errorf("a long map: %d of %d, %v", len(back), len(long), err)
	}
}

// What is announced is not believed, and depth has an end.
func TestUnpackRefuses(t *testing.T) {
	deep := func(n int) []byte { return append(bytes.Repeat([]byte{0x91}, n), 0xc0) }
	if _, err := inJSON(t, deep(maxDepth)); err != nil {
		t.Error(err)
	}
	for what, packed := range map[string][]byte{
		"nothing": {}, "a reserved code": {0xc1}, "half a number": {0xcd, 1}, "half a text": {0xa5, 'a'}, "half a length": {0xdb, 0, 0},
		"an array of 4,294,967,295": {0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0}, "a map of as many": {0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0, 0xc0}, "a text of as many": {0xdb, 0xff, 0xff, 0xff, 0xff, 'x'},
		"binary data of as many": {0xc6, 0xff, 0xff, 0xff, 0xff, 'x'}, "an extension of as many": {0xc9, 0xff, 0xff, 0xff, 0xff, 1, 'x'}, "half an extension": {0xd8, 1, 0},
		"a list as a key": {0x81, 0x90, 0xc0}, "a map without its value": {0x81, 0xa0}, "too deep": deep(maxDepth + 1), "much too deep": deep(30000),
	} {
		if got, err := inJSON(t, packed); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
	nan, _ := msgpack.Marshal(math.NaN())
	for what, packed := range map[string][]byte{
		"no number": nan, "an extension that nobody knows": {0xd4, 5, 1}, "a timestamp of three bytes": {0xc7, 3, 0xff, 1, 2, 3},
		"a timestamp in the year 292277026596": {0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if got, err := inJSON(t, packed); !errors.Is(err, errNoJSON) {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
}

// Arguments that no method could take are the caller's business, not the connection's.
func TestArgumentsThatCannotBeTaken(t *testing.T) {
	in, err := parsePack(callOf(t, "7", "Echo", 1, math.Inf(1), 3))
	if err != nil || in.wrong == "" || in.id != "7" || in.target != "Echo" {
		t.Errorf("%+v, %v", in, err)
	}
	for n, ok := range map[int]bool{maxArgs: true, maxArgs + 1: false} {
		packed, text := callOf(t, "7", "Echo", make([]any, n)...), `{"type":1,"arguments":[`+strings.TrimSuffix(strings.Repeat("1,", n), ",")+`]}`
		if in, err := parsePack(packed); (err == nil) != ok || ok && len(in.args) != n {
			t.Errorf("%d arguments in MessagePack: %v", n, err)
		}
		if in, err := parseJSON([]byte(text)); (err == nil) != ok || ok && len(in.args) != n {
			t.Errorf("%d arguments in JSON: %v", n, err)
		}
	}
	// A number may be sent in any width.
	wide := []byte{0x95, 0xd3, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0xc0, 0xa1, 'x', 0x90}
	if in, err := parsePack(wide); err != nil || !reflect.DeepEqual(in, incoming{kind: kindInvocation, target: "x"}) {
		t.Errorf("%+v, %v", in, err)
	}
}

func callOf(t *testing.T, id, target string, args ...any) []byte {
	t.Helper()
	record, _, err := cut(protoMsgpack, call(t, id, target, args...), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// A record may be as long as the limit, whatever its length is written in.
func TestLengthOfRecords(t *testing.T) {
	for _, limit := range []int{10, 127, 128, 32 << 10, 1 << 21} {
		for over, ok := range map[int]bool{-1: true, 0: true, 1: false} {
			content := bytes.Repeat([]byte("x"), limit+over)
			for proto, data := range [][]byte{append(bytes.Clone(content), recordEnd), append(appendLength(nil, len(content)), content...)} {
				record, n, err := cut(proto, append(bytes.Clone(data), "more"...), limit)
				if ok != (err == nil) || ok && (n != len(data) || !bytes.Equal(record, content)) || !ok && !errors.Is(err, errTooLong) {
					t.Errorf("protocol %d, %d bytes of %d: %d, %v", proto, len(content), limit, n, err)
				}
				// What is too long is known before it has arrived.
				if _, n, err := cut(proto, data[:len(data)-1], limit); n != 0 || ok && err != nil || !ok && !errors.Is(err, errTooLong) {
					t.Errorf("protocol %d, %d bytes of %d, the last one missing: %d, %v", proto, len(content), limit, n, err)
				}
			}
		}
	}
}
