package event_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/event"
)

// drawValue draws any value that a shape allows.
func drawValue(t *rapid.T, s *event.Shape, required bool) any {
	switch s.Kind {
	case event.KindText:
		text := rapid.String()
		if required {
			text = text.Filter(func(s string) bool { return s != "" })
		}
		return text.Draw(t, "text")
	case event.KindWord:
		return rapid.SampledFrom(s.Words).Draw(t, "word").Value
	case event.KindTime:
		zone := time.FixedZone("", rapid.IntRange(-12, 12).Draw(t, "zone")*3600)
		return time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "time")).In(zone).Format(time.RFC3339Nano)
	case event.KindInteger:
		return rapid.Int64Range(0, 1<<62).Draw(t, "integer")
	case event.KindNumber:
		return rapid.Float64Range(-1e300, 1e300).Draw(t, "number")
	case event.KindFlag:
		return rapid.Bool().Draw(t, "flag")
	case event.KindList:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = drawValue(t, s.Items, false)
		}
		return list
	case event.KindMap:
		m := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "size") {
			m[rapid.String().Draw(t, "name")] = drawValue(t, s.Items, false)
		}
		return m
	}
	o := map[string]any{}
	for _, f := range s.Fields {
		if f.Required || rapid.Bool().Draw(t, f.Name) {
			o[f.Name] = drawValue(t, f.Shape, f.Required)
		} else if rapid.Bool().Draw(t, "null") {
			o[f.Name] = nil
		}
	}
	return o
}

// TestAnyFactSurvives draws data from the shapes: the parser takes it, and the
// fact that it decodes to is the same after being written and read again.
func TestAnyFactSurvives(t *testing.T) {
	types := event.Types()
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		data := drawValue(t, typ.Shape, true).(map[string]any)
		id := rapid.StringMatching(`[!-~][ -~]{0,20}`).Draw(t, "id")
		data[typ.Subject] = id
		subject := typ.Subject + "/" + id
		if typ.Subject == "entity" {
			subject = id
		}
		raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": id, "source": "/s", "type": typ.Type, "subject": subject, "data": data})
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Parse(raw, event.Limits{})
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		first, err := event.Decode(e)
		if err != nil {
			t.Fatal(err)
		}
		if first.EventSubject() != subject {
			t.Fatalf("subject %q, sent %q", first.EventSubject(), subject)
		}
		written, err := event.Encode(event.Meta{ID: id, Source: "/s"}, first)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		second, err := event.Decode(written)
		if err != nil {
			t.Fatal(err)
		}
		third, err := event.Encode(event.Meta{ID: id, Source: "/s"}, second)
		if err != nil || string(third.Raw) != string(written.Raw) {
			t.Fatalf("written anew it is %s, before %s (%v)", third.Raw, written.Raw, err)
		}
		if reflect.TypeOf(first) != reflect.TypeOf(typ.Zero) {
			t.Fatalf("decoded a %T", first)
		}
	})
}

func TestEncodeRefusesWhatIsNotAFact(t *testing.T) {
	held := event.InteractionHeld{Ref: event.Ref{Interaction: "1", Media: event.MediaPhone}}
	for name, c := range map[string]struct {
		meta event.Meta
		fact event.Fact
	}{
		"no id":        {event.Meta{Source: "/s"}, held},
		"no source":    {event.Meta{ID: "1"}, held},
		"bad id":       {event.Meta{ID: "\xff", Source: "/s"}, held},
		"no entity":    {meta, event.InteractionHeld{Ref: event.Ref{Media: event.MediaPhone}}},
		"no word":      {meta, event.InteractionHeld{Ref: event.Ref{Interaction: "1"}}},
		"unknown word": {meta, event.InteractionHeld{Ref: event.Ref{Interaction: "1", Media: "fax"}}},
		"negative":     {meta, event.InteractionResumed{Ref: held.Ref, HeldMS: -1}},
		"nil list":     {meta, event.InteractionJoinRequested{Ref: held.Ref}},
	} {
		if e, err := event.Encode(c.meta, c.fact); err == nil {
			t.Errorf("%s: wrote %s", name, e.Raw)
		}
		if dst, err := event.AppendFact([]byte("before"), c.meta, c.fact); err == nil || string(dst) != "before" {
			t.Errorf("%s: appended %s, %v", name, dst, err)
		}
	}
	dst, err := event.AppendFact([]byte("before"), meta, held)
	if err != nil || string(dst) != `before{"specversion":"1.0","id":"1","source":"/test","type":"interaction.held","subject":"interaction/1","time":"2026-03-01T12:00:00.123Z","tenant":"acme","data":{"interaction":"1","media":"phone"}}` {
		t.Errorf("appended %s, %v", dst, err)
	}
}
