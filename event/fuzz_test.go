package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"trunkline/event"
)

var small = event.Limits{MaxEvent: 4096, MaxBatchBytes: 16384, MaxBatchEvents: 8}

// holds checks what every accepted event promises.
func holds(t *testing.T, e event.Event) {
	t.Helper()
	if e.ID == "" || e.Source == "" || e.Type == "" {
		t.Fatalf("accepted without identity: %s", e.Raw)
	}
	if !utf8.Valid(e.Raw) || !json.Valid(e.Raw) || e.Raw[0] != '{' || e.Raw[len(e.Raw)-1] != '}' {
		t.Fatalf("accepted raw %q", e.Raw)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.Raw, &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range event.Reserved() {
		if _, ok := members[name]; ok {
			t.Fatalf("accepted %s: %s", name, e.Raw)
		}
	}
	var id string
	if err := json.Unmarshal(members["id"], &id); err != nil || id != e.ID {
		t.Fatalf("read id %q: %s", e.ID, e.Raw)
	}
	if data, ok := members["data"]; ok && string(data) != "null" && !bytes.Equal(data, e.Data()) {
		t.Fatalf("read data %s: %s", e.Data(), e.Raw)
	}
	again, err := event.Parse(e.Raw, small)
	if err != nil || again.ID != e.ID || again.Source != e.Source || again.Type != e.Type || again.Subject != e.Subject || again.Tenant != e.Tenant || !again.Time.Equal(e.Time) {
		t.Fatalf("read again: %+v, %v", again, err)
	}
	f, err := event.Decode(e)
	if event.Known(e.Type) {
		if err != nil {
			t.Fatalf("accepted, but does not decode: %v: %s", err, e.Raw)
		}
		if f.EventSubject() != e.Subject || f.EventType() != e.Type {
			t.Fatalf("subject %q, fact %q: %s", e.Subject, f.EventSubject(), e.Raw)
		}
		if _, err := event.Encode(event.Meta{ID: e.ID, Source: e.Source, Tenant: e.Tenant, Time: e.Time}, f); err != nil {
			t.Fatalf("decoded, but does not encode: %v: %s", err, e.Raw)
		}
	} else if !errors.Is(err, event.ErrUnknownType) {
		t.Fatalf("foreign type decoded: %v", err)
	}
}

func seeds() []string {
	list := []string{queued, base(""), base(`,"data":[1,{"a":"\u00e9\ud83d\ude00"}],"abc":true`), base(`,"data_base64":"AA=="`), agent(`{"agent":"7","presence":"away","reason":{"list":"1","item":"2"},"since":"2026-03-01T12:00:00Z"}`)}
	for _, typ := range event.Types() {
		e, err := event.Encode(meta, full(typ))
		if err != nil {
			panic(err)
		}
		list = append(list, string(e.Raw))
	}
	return list
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		e, err := event.Parse(raw, small)
		if !bytes.Equal(before, raw) {
			t.Fatal("changed its input")
		}
		if err == nil {
			holds(t, e)
		} else if bad := (*event.InvalidError)(nil); !errors.As(err, &bad) || len(bad.Problems) == 0 {
			t.Fatalf("refused without a problem: %v", err)
		}
	})
}

func FuzzParseBatch(f *testing.F) {
	f.Add([]byte("[" + queued + "," + base("") + "]"))
	f.Add([]byte("[]"))
	f.Add([]byte("[1,{},null"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := event.ParseBatch(raw, small)
		if err != nil {
			return
		}
		var plain []json.RawMessage
		if json.Unmarshal(raw, &plain) != nil || len(plain) != len(list) {
			t.Fatalf("%d events out of %q", len(list), raw)
		}
		for i, e := range list {
			if !bytes.Equal(plain[i], e.Raw) {
				t.Fatalf("event %d is %s", i, e.Raw)
			}
			holds(t, e)
		}
	})
}

func FuzzParseNDJSON(f *testing.F) {
	f.Add([]byte(queued + "\n\n" + base("") + "\r\n"))
	f.Add([]byte("{}\n1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := event.ParseNDJSON(raw, small)
		if err != nil {
			return
		}
		for _, e := range list {
			if bytes.IndexByte(e.Raw, '\n') >= 0 {
				t.Fatalf("event over two lines: %q", e.Raw)
			}
			holds(t, e)
		}
	})
}

func FuzzFromBinary(f *testing.F) {
	f.Add("1", "/s", "com.example.x", "caf%C3%A9", "application/json", []byte(`{"a":1}`))
	f.Add("1", "/s", "agent.mode_changed", "agent/7", "application/json", []byte(`{"agent":"7","fetch":true,"serving":true,"serving_callbacks":false}`))
	f.Add("\"a\\\"\"", "urn:x:y", "com.example.x", "%", "text/plain", []byte("x\x00\xff"))
	f.Fuzz(func(t *testing.T, id, source, typ, note, contentType string, body []byte) {
		h := headers("ce-specversion", "1.0", "ce-id", id, "ce-source", source, "ce-type", typ, "ce-subject", note)
		if contentType != "" {
			h.Set("Content-Type", contentType)
		}
		list, err := event.FromHTTP(h, body, small)
		if err != nil {
			return
		}
		for _, e := range list {
			holds(t, e)
		}
	})
}
