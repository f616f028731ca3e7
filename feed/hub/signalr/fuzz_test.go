package signalr

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func call(t testing.TB, id any, target string, args ...any) []byte {
	t.Helper()
	record, err := packRecord(func(e *msgpack.Encoder) error {
		return e.Encode([]any{kindInvocation, map[string]any{"h": "x"}, id, target, args, []any{}, "more than is known"})
	})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// fuzz takes a stream apart at once and byte by byte: both give the same records, and
// what is no SignalR is said to be that.
func fuzz(t *testing.T, proto int, data []byte) {
	const limit = 1 << 10
	var whole [][]byte
	rest, end := data, error(nil)
	for {
		record, n, err := cut(proto, rest, limit)
		if err != nil || n == 0 {
			end = err
			break
		}
		whole = append(whole, record)
		rest = rest[n:]
	}
	if end != nil && !errors.Is(end, ErrProtocol) && !errors.Is(end, errTooLong) {
		t.Fatal(end)
	}
	var buf []byte
	at := 0
	for _, b := range data {
		buf = append(buf, b)
		record, n, err := cut(proto, buf, limit)
		if err != nil {
			break
		}
		if n > 0 {
			if at >= len(whole) || !bytes.Equal(record, whole[at]) {
				t.Fatalf("record %d is %q", at, record)
			}
			at++
			buf = buf[n:]
		}
	}
	if end == nil && at != len(whole) {
		t.Fatalf("%d records, byte by byte %d", len(whole), at)
	}
	for _, record := range whole {
		in, err := parse(proto, record)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Fatal(err)
			}
			continue
		}
		for _, a := range in.args {
			if !json.Valid(a) {
				t.Fatalf("argument %q", a)
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		"{}\x1e", `{"type":6}` + "\x1e", `{"type":1,"invocationId":"1","target":"Echo","arguments":[1,"a",null,{"b":[]}]}` + "\x1e" + `{"type":7,"error":"x"}`,
		`{"arguments":null,"type":4,"target":"x","invocationId":null}` + "\x1e", "\x1e\x1e", `{"type":1e99}` + "\x1e", strings.Repeat("x", 1100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, protoJSON, data) })
}

func FuzzMessagePack(f *testing.F) {
	for _, seed := range [][]byte{
		call(f, nil, "Echo", 1, "a", nil, map[string]any{"b": []any{}}), call(f, "1", "Subscribe"), ping(protoMsgpack), closing(protoMsgpack, "x", true), closing(protoMsgpack, "", false),
		{0x80, 0x80, 0x80, 0x80, 0x80, 1}, {0x05, 0x95, 1, 0x80, 0xc0, 0xa0}, {0x06, 0xdd, 0xff, 0xff, 0xff, 0xff, 1}, {0x0a, 0x95, 1, 0x80, 0xc0, 0xa0, 0xdd, 0xff, 0xff, 0xff, 0xff}, nil,
		{0x0c, 0x95, 1, 0x80, 0xc0, 0xa0, 0x91, 0xdd, 0xff, 0xff, 0xff, 0xff, 1}, {0x0c, 0x95, 1, 0x80, 0xc0, 0xa0, 0x91, 0xdf, 0xff, 0xff, 0xff, 0xff, 1},
		append([]byte{0xe6, 0x07, 0x95, 1, 0x80, 0xc0, 0xa0, 0x91}, bytes.Repeat([]byte{0x91}, 991)...),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, protoMsgpack, data) })
}

// Both protocols say the same of the same call, and take what a newer client adds.
func TestProtocolsAgree(t *testing.T) {
	record, _, err := cut(protoMsgpack, call(t, "7", "Echo", map[string]any{"EntityId": "x"}, nil, 1.5), 1000)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := parse(protoMsgpack, record)
	if err != nil {
		t.Fatal(err)
	}
	text, err := parse(protoJSON, []byte(`{"type":1,"more":1,"headers":{},"invocationId":"7","target":"Echo","arguments":[{"EntityId":"x"},null,1.5],"streamIds":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(packed.args)
	b, _ := json.Marshal(text.args)
	if packed.id != text.id || packed.target != text.target || packed.kind != text.kind || !bytes.Equal(a, b) {
		t.Errorf("%+v %s, %+v %s", packed, a, text, b)
	}
	if got := ping(protoMsgpack); !bytes.Equal(got, []byte{0x02, 0x91, 0x06}) {
		t.Errorf("%x", got)
	}
	for n, want := range map[int][]byte{0: {0}, 127: {127}, 128: {0x80, 1}, 300: {0xac, 2}, 1 << 14: {0x80, 0x80, 1}} {
		if got := appendLength(nil, n); !bytes.Equal(got, want) {
			t.Errorf("%d: %x", n, got)
		}
	}
}
