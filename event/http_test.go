package event_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"trunkline/event"
)

// headers makes a header set of name-value pairs.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// binary makes the headers of an event in binary mode, with more of them.
func binary(pairs ...string) http.Header {
	return headers(append([]string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "com.example.x"}, pairs...)...)
}

func TestFromHTTPChoosesTheForm(t *testing.T) {
	one := base("")
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   []string
	}{
		{"structured", headers("Content-Type", "application/cloudevents+json; charset=UTF-8"), one, []string{one}},
		{"structured wins over headers", binary("Content-Type", "application/cloudevents+json"), one, []string{one}},
		{"batch", headers("Content-Type", "application/cloudevents-batch+json"), "[" + one + "," + one + "]", []string{one, one}},
		{"lines", headers("Content-Type", "application/x-ndjson"), one + "\n" + one, []string{one, one}},
		{"JSON, one", headers("Content-Type", "application/json"), " " + one, []string{one}},
		{"JSON, array", headers("Content-Type", "application/json"), "\n[" + one + "]", []string{one}},
		{"binary without data", binary(), "", []string{`{"id":"1","source":"/s","specversion":"1.0","type":"com.example.x"}`}},
		{"binary, JSON", binary("Content-Type", "application/json", "ce-subject", "caf%C3%A9 %22x%22"), ` {"a": 1} `,
			[]string{`{"id":"1","source":"/s","specversion":"1.0","subject":"café \"x\"","type":"com.example.x","datacontenttype":"application/json","data":{"a": 1}}`}},
		{"binary, no content type", binary(), `[1]`, []string{`{"id":"1","source":"/s","specversion":"1.0","type":"com.example.x","data":[1]}`}},
		{"binary, text", binary("Content-Type", "text/plain"), "a\n\"b\"", []string{`{"id":"1","source":"/s","specversion":"1.0","type":"com.example.x","datacontenttype":"text/plain","data":"a\u000a\"b\""}`}},
		{"binary, bytes", binary("Content-Type", "image/png"), "\x89PNG", []string{`{"id":"1","source":"/s","specversion":"1.0","type":"com.example.x","datacontenttype":"image/png","data_base64":"iVBORw=="}`}},
		{"binary, Latin-1 text", binary("Content-Type", "text/plain; charset=iso-8859-1"), "\xe9", []string{`{"id":"1","source":"/s","specversion":"1.0","type":"com.example.x","datacontenttype":"text/plain; charset=iso-8859-1","data_base64":"6Q=="}`}},
		{"binary, quoted", binary("ce-note", `"a \"b\" %41"`), "", []string{`{"id":"1","note":"a \"b\" A","source":"/s","specversion":"1.0","type":"com.example.x"}`}},
		{"binary, tenant", binary("ce-tenant", "acme", "ce-time", "2026-03-01T12:00:00Z"), "", []string{`{"id":"1","source":"/s","specversion":"1.0","tenant":"acme","time":"2026-03-01T12:00:00Z","type":"com.example.x"}`}},
	} {
		list, err := event.FromHTTP(c.header, []byte(c.body), event.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, e := range list {
			if i >= len(c.want) || string(e.Raw) != c.want[i] {
				t.Errorf("%s: event %d is %s", c.name, i, e.Raw)
			}
		}
		if len(list) != len(c.want) {
			t.Errorf("%s: %d events", c.name, len(list))
		}
	}
}

func TestFromHTTPRefuses(t *testing.T) {
	media := event.ErrMediaType.Error()
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"no content type", headers(), base(""), media},
		{"form", headers("Content-Type", "application/x-www-form-urlencoded"), base(""), media},
		{"XML", headers("Content-Type", "application/cloudevents+xml"), "<a/>", media},
		{"garbage", headers("Content-Type", "///"), base(""), media},
		{"binary with garbage", binary("Content-Type", "///"), "", media},
		{"charset", headers("Content-Type", "application/json; charset=utf-16"), base(""), "charset must be UTF-8"},
		{"binary without id", headers("ce-specversion", "1.0", "ce-source", "/s", "ce-type", "com.example.x"), "", "id: required"},
		{"binary twice", binary("ce-id", "2"), "", "id: given 2 times"},
		{"binary percent", binary("ce-note", "%zz"), "", "note: the header's value is not"},
		{"binary percent UTF-8", binary("ce-note", "%ff"), "", "note: the header's value is not"},
		{"binary UTF-8", binary("ce-note", "\xff"), "", "note: the header's value is not"},
		{"binary control", binary("ce-note", "%01"), "", "note: must not have the character U+0001"},
		{"binary reserved", binary("ce-sequence", "7"), "", "sequence: is set by the log"},
		{"binary data header", binary("ce-data", "7", "ce-datacontenttype", "x/y"), "", "data: must not be sent as a header"},
		{"binary bad JSON", binary("Content-Type", "application/json"), "{", "data: the body is not valid JSON at byte 1"},
		{"binary JSON in Latin-1", binary("Content-Type", "application/json"), "\"\xe9\"", "data: the body is not valid UTF-8"},
		{"binary large", binary("Content-Type", "application/json"), `"` + strings.Repeat("x", 256<<10) + `"`, "more than 262144 bytes"},
		{"binary vocabulary", headers("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "agent.status_changed", "ce-subject", "agent/7"), `{"agent":"7"}`, "data.presence: required"},
	} {
		_, err := event.FromHTTP(c.header, []byte(c.body), event.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if errors.Is(err, event.ErrMediaType) != (c.want == media || strings.Contains(c.want, "charset")) {
			t.Errorf("%s: wrong kind of error: %v", c.name, err)
		}
	}
}
