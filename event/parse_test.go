package event_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/event"
)

// queued is a realistic event of about 600 bytes.
const queued = `{"specversion":"1.0","id":"pbx1-1789560001.118-queued-1","source":"/asterisk/pbx1","type":"interaction.queued","subject":"interaction/pbx1-1789560001.118","time":"2026-09-16T12:00:01.238Z","tenant":"acmecorp01","datacontenttype":"application/json","data":{"interaction":"pbx1-1789560001.118","media":"phone","leg":"pbx1-1789560001.118","queue":"support","reason":"overflow","priority":50,"position":3,"skills":["finnish","billing","mobile-subscriptions"],"limit_ms":60000,"estimated_wait_ms":41250,"channel":"+358401234567","note":"asked to be called by the name on the contract","trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}`

func reasons(err error) string {
	if err == nil {
		return ""
	}
	var bad *event.InvalidError
	if !errors.As(err, &bad) {
		return "not an InvalidError: " + err.Error()
	}
	list := make([]string, len(bad.Problems))
	for i, p := range bad.Problems {
		list[i] = fmt.Sprintf("%d %s: %s", p.Index, p.Field, p.Reason)
	}
	return strings.Join(list, "\n")
}

func TestParseReadsTheAttributes(t *testing.T) {
	e, err := event.Parse([]byte(queued), event.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	want := event.Event{
		ID: "pbx1-1789560001.118-queued-1", Source: "/asterisk/pbx1", Type: "interaction.queued",
		Subject: "interaction/pbx1-1789560001.118", Tenant: "acmecorp01",
		Time: time.Date(2026, 9, 16, 12, 0, 1, 238e6, time.UTC), Raw: []byte(queued),
	}
	data := string(e.Data())
	if !strings.HasPrefix(data, `{"interaction"`) || !strings.HasSuffix(data, `-01"}`) {
		t.Errorf("data: %s", data)
	}
	if again := (event.Event{Raw: e.Raw}); string(again.Data()) != data {
		t.Errorf("data of a bare Raw: %s", again.Data())
	}
	if e.ID != want.ID || e.Source != want.Source || e.Type != want.Type || e.Subject != want.Subject || e.Tenant != want.Tenant || !e.Time.Equal(want.Time) || string(e.Raw) != queued {
		t.Errorf("got %+v", e)
	}
	f, err := event.Decode(e)
	if err != nil {
		t.Fatal(err)
	}
	if q := f.(event.InteractionQueued); q.Queue != "support" || q.Position != 3 || len(q.Skills) != 3 {
		t.Errorf("fact: %+v", q)
	}
}

// base is a valid event of a foreign type into which the cases put members.
func base(members string) string {
	return `{"specversion":"1.0","id":"1","source":"/s","type":"com.example.x"` + members + `}`
}

// agent is a valid event of the vocabulary with the given data.
func agent(data string) string {
	return `{"specversion":"1.0","id":"1","source":"/s","type":"agent.status_changed","subject":"agent/7","data":` + data + `}`
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"nothing", ``, "not valid JSON"},
		{"not an object", `[]`, "expected an object"},
		{"two", base("") + base(""), "unexpected text after"},
		{"BOM", "\xef\xbb\xbf" + base(""), "not valid JSON at byte 0"},
		{"UTF-8", base(`,"subject":"` + "\xff" + `"`), "not valid UTF-8 at byte 78"},
		{"surrogate", base(`,"subject":"\ud800"`), "surrogate"},
		{"double key", base(`,"id":"2"`), "0 id: given twice"},
		{"double key in escapes", base(`,"\u0069d":"2"`), "0 id: given twice"},
		{"double extension", base(`,"abc":1,"\u0061bc":2`), "0 abc: given twice"},
		{"double data", base(`,"data":1,"data":2`), "0 data: given twice"},
		{"depth", base(`,"data":` + strings.Repeat("[", 64) + strings.Repeat("]", 64)), "deeper than 64"},
		{"no id", `{"specversion":"1.0","source":"/s","type":"com.example.x"}`, "0 id: required"},
		{"nothing at all", `{}`, "0 specversion: required\n0 id: required\n0 source: required\n0 type: required"},
		{"null id", `{"specversion":"1.0","id":null,"source":"/s","type":"com.example.x"}`, "0 id: must not be null"},
		{"number id", `{"specversion":"1.0","id":1,"source":"/s","type":"com.example.x"}`, "0 id: must be a string"},
		{"blank id", `{"specversion":"1.0","id":" ","source":"/s","type":"com.example.x"}`, "0 id: must not be empty"},
		{"version", `{"specversion":"0.3","id":"1","source":"/s","type":"com.example.x"}`, `0 specversion: must be "1.0"`},
		{"empty source", `{"specversion":"1.0","id":"1","source":"","type":"com.example.x"}`, "0 source: must not be empty"},
		{"source", `{"specversion":"1.0","id":"1","source":"a b","type":"com.example.x"}`, "0 source: must be a URI reference"},
		{"source scheme", `{"specversion":"1.0","id":"1","source":"1a:b","type":"com.example.x"}`, "0 source: must be a URI reference"},
		{"source percent", `{"specversion":"1.0","id":"1","source":"/%zz","type":"com.example.x"}`, "0 source: must be a URI reference"},
		{"control", base(`,"subject":"a\u0001"`), "0 subject: must not have the character U+0001"},
		{"control above ASCII", base(`,"subject":"a` + "\u0085" + `"`), "0 subject: must not have the character U+0085"},
		{"noncharacter", base(`,"note":"\ufffe"`), "0 note: must not have the character U+FFFE"},
		{"name", base(`,"Abc":1`), "0 Abc: attribute names have only"},
		{"name with underscore", base(`,"a_b":1`), "0 a_b: attribute names have only"},
		{"empty name", base(`,"":1`), "0 : attribute names have from 1"},
		{"long name", base(`,"` + strings.Repeat("a", 41) + `":1`), "attribute names have from 1"},
		{"reserved", base(`,"sequence":1,"received":"x","context":{},"derived":true`), "0 sequence: is set by the log and must not be sent\n0 received: is set by the log and must not be sent\n0 context: is set by the log"},
		{"reserved in escapes", base(`,"sequenc\u0065":null`), "0 sequence: is set by the log"},
		{"object attribute", base(`,"abc":{}`), "0 abc: must be a string, a boolean or an integer"},
		{"fraction attribute", base(`,"abc":1.5`), "0 abc: must be an integer within 32 bits"},
		{"wide attribute", base(`,"abc":2147483648`), "0 abc: must be an integer within 32 bits"},
		{"tenant null", base(`,"tenant":null`), "0 tenant: must not be null"},
		{"tenant empty", base(`,"tenant":""`), "0 tenant: must not be empty"},
		{"subject empty", base(`,"subject":""`), "0 subject: must not be empty"},
		{"time", base(`,"time":"2026-03-01 12:00:00"`), "0 time: must be an RFC 3339"},
		{"time beyond the years", base(`,"time":"9999-12-31T23:59:59-01:00"`), "0 time: must be an RFC 3339"},
		{"time number", base(`,"time":12`), "0 time: must be a string"},
		{"content type", base(`,"datacontenttype":"json"`), "0 datacontenttype: must be a media type"},
		{"object as text", base(`,"datacontenttype":"text/plain","data":{}`), "0 data: must be a string"},
		{"schema", base(`,"dataschema":"/relative"`), "0 dataschema: must be an absolute URI"},
		{"both", base(`,"data":1,"data_base64":"AA=="`), "0 data_base64: must not be given together"},
		{"base64", base(`,"data_base64":"A"`), "0 data_base64: not valid base64"},
		{"base64 line", base(`,"data_base64":"AAAA\n"`), "0 data_base64: not valid base64"},
		{"one label", `{"specversion":"1.0","id":"1","source":"/s","type":"order"}`, `0 type: "order" is neither`},
		{"our family", `{"specversion":"1.0","id":"1","source":"/s","type":"interaction.enqueued"}`, `0 type: unknown word "interaction.enqueued" of the vocabulary, did you mean "interaction.queued"?`},
		{"empty label", `{"specversion":"1.0","id":"1","source":"/s","type":"com..x"}`, "not a reverse-DNS name"},
		{"bad label", `{"specversion":"1.0","id":"1","source":"/s","type":"com.exa mple"}`, "not a reverse-DNS name"},
		{"no data", `{"specversion":"1.0","id":"1","source":"/s","type":"agent.status_changed","subject":"agent/7"}`, "0 data: required for agent.status_changed"},
		{"data list", agent(`[]`), "0 data: must be an object"},
		{"missing field", agent(`{"agent":"7"}`), "0 data.presence: required"},
		{"null field", agent(`{"agent":"7","presence":null}`), "0 data.presence: required"},
		{"empty field", agent(`{"agent":"","presence":"away"}`), "0 data.agent: must not be empty"},
		{"double field", agent(`{"agent":"7","presence":"away","\u0061gent":"8"}`), "0 data.agent: given twice"},
		{"word", agent(`{"agent":"7","presence":"avaliable"}`), `0 data.presence: unknown word "avaliable", did you mean "available"?; the words are logged_out,`},
		{"kind", agent(`{"agent":7,"presence":"away"}`), "0 data.agent: must be a string"},
		{"deep kind", agent(`{"agent":"7","presence":"away","queues":["a",{}]}`), "0 data.queues[1]: must be a string"},
		{"deep field", agent(`{"agent":"7","presence":"away","reason":{"item":5}}`), "0 data.reason.item: must be a string"},
		{"data time", agent(`{"agent":"7","presence":"away","since":"today"}`), "0 data.since: must be an RFC 3339"},
		{"case", agent(`{"agent":"7","presence":"away","Note":"x"}`), `0 data.Note: must be written "note"`},
		{"case folding", agent(`{"agent":"7","presence":"away","ſince":"x"}`), `must be written "since"`},
		{"no subject", strings.Replace(agent(`{"agent":"7","presence":"away"}`), `"subject":"agent/7",`, "", 1), `0 subject: required: must be "agent/7"`},
		{"other subject", agent(`{"agent":"8","presence":"away"}`), `0 subject: must be "agent/8", after data.agent`},
		{"media type", strings.Replace(agent(`{"agent":"7","presence":"away"}`), `"data":`, `"datacontenttype":"text/plain","data":`, 1), "0 datacontenttype: must be application/json"},
		{"late type", `{"specversion":"1.0","id":"1","source":"/s","subject":"agent/7","data":{"agent":"7"},"type":"agent.status_changed"}`, "0 data.presence: required"},
		{"integer", `{"specversion":"1.0","id":"1","source":"/s","type":"interaction.queued","subject":"interaction/1","data":{"interaction":"1","media":"fax","queue":"q","position":1.5,"limit_ms":-1,"priority":99999999999999999999}}`,
			"0 data.media: unknown word \"fax\"; the words are phone, chat, email, sms, video\n0 data.position: must be a whole number within 64 bits\n0 data.limit_ms: must not be less than 0\n0 data.priority: must be a whole number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := event.Parse([]byte(c.raw), event.DefaultLimits())
			if got := reasons(err); !strings.Contains(got, c.want) {
				t.Errorf("got  %q\nwant %q\nin %s", got, c.want, c.raw)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	for name, raw := range map[string]string{
		"minimal":            base(""),
		"extensions":         base(`,"abc":1,"def":true,"ghi":"x","jkl":null,"traceparent":"00-ab"`),
		"nulls":              base(`,"subject":null,"time":null,"datacontenttype":null,"dataschema":null,"data":null,"data_base64":null`),
		"deep":               base(`,"data":` + strings.Repeat("[", 63) + strings.Repeat("]", 63)),
		"base64":             base(`,"data_base64":"AAE\/"`),
		"text":               base(`,"datacontenttype":"text/plain; charset=utf-8","data":"x"`),
		"foreign label":      `{"specversion":"1.0","id":"1","source":"urn:a:b","type":"com.exa-mple.Order_1"}`,
		"unknown data field": agent(`{"agent":"7","presence":"away","mood":{"x":[1]}}`),
		"null optional":      agent(`{"agent":"7","presence":"away","reason":null,"since":null}`),
		"escaped id":         agent(`{"agent":"\u0037","presence":"away"}`),
		"space":              " \n" + base(" , \"x\" : 1 ") + "\r\n",
		"zero durations":     `{"specversion":"1.0","id":"1","source":"/s","type":"interaction.queued","subject":"interaction/1","data":{"interaction":"1","media":"phone","queue":"q","limit_ms":0}}`,
	} {
		e, err := event.Parse([]byte(raw), event.DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if string(e.Raw) != strings.TrimSpace(raw) {
			t.Errorf("%s: raw is %q", name, e.Raw)
		}
	}
}

func TestLimitsOnBothSides(t *testing.T) {
	attribute := func(n int) string { return base(`,"subject":"` + strings.Repeat("x", n) + `"`) }
	extensions := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"x%d":1`, i)
		}
		return base(b.String())
	}
	lim := event.Limits{MaxEvent: 4096, MaxBatchEvents: 2, MaxBatchBytes: 3 * len(base("")), MaxAttribute: 20, MaxAttributes: 3}
	single := func(s string) error { _, err := event.Parse([]byte(s), lim); return err }
	batch := func(s string) error { _, err := event.ParseBatch([]byte(s), lim); return err }
	lines := func(s string) error { _, err := event.ParseNDJSON([]byte(s), lim); return err }
	one := base("")
	padded := func(n int) string { return base(`,"data":"` + strings.Repeat("x", n-len(base(`,"data":""`))) + `"`) }
	for _, c := range []struct {
		name      string
		parse     func(string) error
		good, bad string
	}{
		{"attribute", single, attribute(20), attribute(21)},
		{"attributes", single, extensions(3), extensions(4)},
		{"event", single, padded(4096), padded(4097)},
		{"events in an array", batch, "[" + one + "," + one + "]", "[" + one + "," + one + ",1]"},
		{"events in lines", lines, one + "\n\n" + one + "\n", one + "\n" + one + "\n1\n"},
		{"batch bytes", batch, "[" + one + strings.Repeat(" ", 2*len(one)-2) + "]", "[" + one + strings.Repeat(" ", 2*len(one)-1) + "]"},
		{"lines bytes", lines, one + strings.Repeat(" ", 2*len(one)), one + strings.Repeat(" ", 2*len(one)+1)},
	} {
		if err := c.parse(c.good); err != nil {
			t.Errorf("%s, at the limit: %v", c.name, err)
		}
		var bad *event.InvalidError
		if err := c.parse(c.bad); !errors.As(err, &bad) || !bad.TooLarge {
			t.Errorf("%s, beyond the limit: %v", c.name, err)
		}
	}
}

func TestBatchNamesEveryBadEvent(t *testing.T) {
	good, bad := base(""), base(`,"time":"x"`)
	want := "1 time: must be an RFC 3339 time such as 2026-03-01T12:00:00.123Z\n2 : must be an object, not 5\n3 id: required"
	noID := `{"specversion":"1.0","source":"/s","type":"com.example.x"}`
	_, err := event.ParseBatch([]byte("["+good+","+bad+",5,"+noID+","+good+"]"), event.Limits{})
	if got := reasons(err); got != want {
		t.Errorf("array: got %q", got)
	}
	_, err = event.ParseNDJSON([]byte(good+"\n\n"+bad+"\r\n5\n"+noID+"\n{\n"+good), event.Limits{})
	if got := reasons(err); got != strings.Replace(want, "must be an object, not 5", "not valid JSON at byte 0: expected an object", 1)+"\n4 : not valid JSON at byte 1: the text ends early" {
		t.Errorf("lines: got %q", got)
	}
	_, err = event.ParseBatch([]byte("["+good+","+bad+",{"), event.Limits{})
	if got := reasons(err); !strings.Contains(got, "1 time") || !strings.Contains(got, "2 : not valid JSON at byte") {
		t.Errorf("broken array: got %q", got)
	}
	_, err = event.ParseNDJSON([]byte(strings.Repeat(bad+"\n", 250)), event.Limits{})
	var many *event.InvalidError
	if !errors.As(err, &many) || len(many.Problems) != event.MaxProblems || many.More != 150 {
		t.Errorf("many: %v", err)
	} else if !strings.HasSuffix(err.Error(), "and 247 more") {
		t.Errorf("many: %v", err)
	}
}

func TestBatchesReadWhatIsThere(t *testing.T) {
	a, b := base(""), base(`,"tenant":"t","subject":"x"`)
	fromArray, err := event.ParseBatch([]byte(" [ "+a+" , "+b+" ] "), event.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	fromLines, err := event.ParseNDJSON([]byte("\n"+a+"\r\n  "+b), event.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(fromArray) != 2 || !reflect.DeepEqual(fromArray, fromLines) || string(fromLines[1].Raw) != b || fromLines[1].Tenant != "t" || fromLines[0].Tenant != "" {
		t.Errorf("array %+v, lines %+v", fromArray, fromLines)
	}
	for _, parse := range []func([]byte, event.Limits) ([]event.Event, error){event.ParseBatch, event.ParseNDJSON} {
		if list, err := parse([]byte("[]")[:0], event.Limits{}); err == nil && len(list) > 0 {
			t.Errorf("nothing gave %v", list)
		}
	}
	if list, err := event.ParseBatch([]byte("[]"), event.Limits{}); err != nil || len(list) != 0 {
		t.Errorf("empty array: %v %v", list, err)
	}
}

func TestParseAllocatesLittle(t *testing.T) {
	raw, lim := []byte(queued), event.DefaultLimits()
	if n := testing.AllocsPerRun(200, func() {
		if _, err := event.Parse(raw, lim); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("Parse allocates %v times", n)
	}
	lines := []byte(strings.Repeat(queued+"\n", 256))
	if n := testing.AllocsPerRun(20, func() {
		if _, err := event.ParseNDJSON(lines, lim); err != nil {
			t.Fatal(err)
		}
	}); n > 270 {
		t.Errorf("ParseNDJSON of 256 events allocates %v times", n)
	}
}

func BenchmarkParse(b *testing.B) {
	raw, lim := []byte(queued), event.DefaultLimits()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Parse(raw, lim); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseNDJSON256(b *testing.B) {
	raw, lim := []byte(strings.Repeat(queued+"\n", 256)), event.DefaultLimits()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseNDJSON(raw, lim); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	f := event.InteractionQueued{Ref: event.Ref{Interaction: "pbx1-1789560001.118", Media: event.MediaPhone}, Queue: "support", Priority: 50, Position: 3}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Encode(meta, f); err != nil {
			b.Fatal(err)
		}
	}
}
