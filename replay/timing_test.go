package replay_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"trunkline/replay"
)

func TestReadTiming(t *testing.T) {
	reads := timing(t)
	n, events, end := 0, 0, int64(0)
	for _, r := range reads {
		if r.Len > 0 {
			n++
			end = r.Offset + int64(r.Len)
		} else {
			events++
		}
	}
	if n != 1175 || events != 21 || end != 2_860_378 {
		t.Errorf("got %d reads, %d events, the end at %d", n, events, end)
	}
	if at := reads[0].At.UnixMicro(); at != 1_795_210_739_844_667 {
		t.Errorf("the first read is at %d", at)
	}
}

func TestWrongTiming(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"t":1,"off":0,"n":5}` + "\n\n" + `{"t":1,"off":6,"n":1}`, "line 3: off must be 5"},
		{`{"off":0,"n":5}`, "line 1: t must be"},
		{`{"t":-1,"off":0,"n":5}`, "t must be"},
		{`{"t":1e12,"off":0,"n":5}`, "t must be"},
		{`{"t":1,"off":0}`, "either n or ev"},
		{`{"t":1,"off":0,"n":0}`, "n must be"},
		{`{"t":1,"off":0,"n":1073741825}`, "n must be"},
		{`{"t":9,"off":0,"n":5}` + "\n" + `{"t":7.9,"off":5,"n":5}`, "t goes back by 1.1s"},
		{`[]`, "line 1"},
		{`{"t":1,"off":0,"n":5,`, "line 1"},
		{strings.Repeat(" ", 70_000), "too long"},
	} {
		if _, err := replay.ReadTiming(strings.NewReader(c.in)); !errors.Is(err, replay.ErrTiming) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: got %v, want %q in it", c.in, err, c.want)
		}
	}
	if reads, err := replay.ReadTiming(strings.NewReader(`{"t":9,"off":0,"n":1073741824}` + "\n" + `{"t":8,"off":1073741824,"ev":"eof"}`)); err != nil || len(reads) != 2 {
		t.Errorf("got %v, %v", reads, err)
	}
}

func FuzzReadTiming(f *testing.F) {
	f.Add([]byte(`{"t":1,"off":0,"n":5}` + "\n" + `{"t":2.5,"off":5,"ev":"eof"}`))
	f.Add([]byte(`{"t": 1795210739.8446672, "off": 0, "ev": "connected"}`))
	f.Add([]byte(`{"t":1e400,"off":9223372036854775807,"n":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		reads, err := replay.ReadTiming(strings.NewReader(string(data)))
		if err != nil {
			if !errors.Is(err, replay.ErrTiming) {
				t.Fatalf("got %v", err)
			}
			return
		}
		next := int64(0)
		var again strings.Builder
		for _, r := range reads {
			if r.Offset != next || r.Len < 0 || (r.Len == 0) == (r.Event == "") {
				t.Fatalf("got %+v at %d", r, next)
			}
			next += int64(r.Len)
			us := r.At.UnixMicro()
			fmt.Fprintf(&again, `{"t":%d.%06d,"off":%d,`, us/1e6, us%1e6, r.Offset)
			if r.Len > 0 {
				fmt.Fprintf(&again, `"n":%d}`+"\n", r.Len)
			} else {
				fmt.Fprintf(&again, `"ev":"x"}`+"\n")
			}
		}
		if second, err := replay.ReadTiming(strings.NewReader(again.String())); err != nil || len(second) != len(reads) {
			t.Fatalf("written again: %v", err)
		}
	})
}
