package live

import (
	"net/url"
	"strings"
	"testing"

	"trunkline/eventlog"
)

// FuzzQuery reads arbitrary queries: what is accepted keeps the limits, and its
// cursors and filters survive being written again.
func FuzzQuery(f *testing.F) {
	cursor := eventlog.Cursor{Epoch: eventlog.Epoch{1, 2}, Seq: 300}.String()
	for _, q := range []string{
		"", "after=" + cursor, "before=" + cursor + "&limit=10", "order=desc&types=a.*,b&subject=x", "after=oldest&limit=10000",
		"from=2026-05-04T09:30:00Z&to=2026-05-04T09:30:00.5%2B02:00", "limit=-1", "types=*", "types=%00", "consumer=a&ack=explicit", "ack=pong", "after=&after=", "%zz", "limits=1",
	} {
		f.Add(q, cursor)
	}
	f.Fuzz(func(t *testing.T, raw, lastID string) {
		if h, err := parseHistory(raw, 1000); err == nil {
			if h.limit < 1 || h.limit > MaxLimit {
				t.Fatalf("limit %d", h.limit)
			}
			if !h.from.IsZero() && !h.to.IsZero() && !h.from.Before(h.to) {
				t.Fatal("from is not before to")
			}
			checkFilter(t, h.filter)
			checkCursor(t, h.cursor)
		} else if err.Error() == "" {
			t.Fatal("a refusal without a reason")
		}
		for _, socket := range []bool{false, true} {
			l, err := parseLive(raw, lastID, socket)
			if err != nil {
				continue
			}
			checkFilter(t, l.filter)
			checkCursor(t, l.cursor)
			if l.consumer != "" && (!socket || checkConsumer(l.consumer) != nil) {
				t.Fatalf("consumer %q", l.consumer)
			}
		}
	})
}

func checkCursor(t *testing.T, c eventlog.Cursor) {
	if back, err := eventlog.ParseCursor(c.String()); err != nil || back != c {
		t.Fatalf("cursor %v became %v, %v", c, back, err)
	}
}

func checkFilter(t *testing.T, f *filter) {
	if f == nil {
		return
	}
	types := append([]string{}, f.exact...)
	for _, p := range f.prefixes {
		types = append(types, p+"*")
	}
	q := url.Values{"types": {strings.Join(types, ",")}, "subject": {f.subject}}
	if f.expr != nil {
		q.Set("filter", f.expr.Key())
	}
	again, err := parseFilter(q.Get("types"), q.Get("subject"), q.Get("filter"))
	if err != nil || again == nil || again.key != f.key {
		t.Fatalf("filter %q became %+v, %v", f.key, again, err)
	}
}

// FuzzAck reads arbitrary messages of a client.
func FuzzAck(f *testing.F) {
	f.Add([]byte(`{"ack":"` + eventlog.Cursor{Seq: 1}.String() + `"}`))
	f.Add([]byte(`{"ack":null}`))
	f.Add([]byte(`{"ack":"c1"} {}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		if c, err := parseAck(p); err == nil {
			checkCursor(t, c)
			if !strings.Contains(string(p), "ack") && !strings.Contains(string(p), `\u`) && !strings.Contains(strings.ToLower(string(p)), "ac") {
				t.Fatalf("%q was taken", p)
			}
		}
	})
}
