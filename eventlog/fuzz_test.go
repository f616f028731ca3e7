package eventlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"trunkline/event"
)

func FuzzParseCursor(f *testing.F) {
	for _, seq := range []uint64{0, 1, 127, 128, 1 << 40, 1<<64 - 1} {
		f.Add(Cursor{Epoch{1, 2, 3, 4, 5, 6, 7, 8}, seq}.String())
	}
	f.Add("")
	f.Add("c1")
	f.Add("c2AQIDBAUGBwgA")
	f.Add("c1AQIDBAUGBwiAAA") // 0 spelled in two bytes
	f.Add("c1" + strings.Repeat("A", 60))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			if !errors.Is(err, ErrCursor) || c != (Cursor{}) {
				t.Fatalf("%q: %+v, %v", s, c, err)
			}
			return
		}
		// A position has one spelling only.
		if c.String() != s {
			t.Fatalf("%q and %q are one cursor", s, c.String())
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Cursor
		if err := json.Unmarshal(b, &back); err != nil || back != c {
			t.Fatalf("%q came back as %+v, %v", s, back, err)
		}
	})
}

func FuzzDecodeForward(f *testing.F) {
	events := []event.Event{{Source: "pbx", ID: "1", Raw: []byte(`{"id":"1"}`)}, {Source: "", ID: "2", Raw: []byte(`{}`)}}
	f.Add(encodeForward("acme", events))
	f.Add(encodeForward("", nil))
	f.Add([]byte{})
	f.Add([]byte{4, 'a', 'c', 'm', 'e', 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		tenant, events, err := decodeForward(b)
		if err != nil {
			if tenant != "" || events != nil {
				t.Fatal("a refused append left something")
			}
			return
		}
		again, evs, err := decodeForward(encodeForward(tenant, events))
		if err != nil || again != tenant || len(evs) != len(events) {
			t.Fatalf("%q, %d events, %v", again, len(evs), err)
		}
		for i := range evs {
			if evs[i].Source != events[i].Source || evs[i].ID != events[i].ID || !bytes.Equal(evs[i].Raw, events[i].Raw) {
				t.Fatalf("event %d differs", i)
			}
		}
	})
}

func FuzzWitness(f *testing.F) {
	good := make([]byte, witnessSlot)
	f.Add(good)
	f.Add([]byte("TLW1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, ok := parseSlot(b, 0); ok && st.seq == 0 && len(b) != witnessSlot {
			t.Fatal("a cut slot was taken")
		}
	})
}
