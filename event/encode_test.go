package event

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawFact fills a value of any type of fact; wild ones often with what a plan
// must not write by itself.
func drawFact(t *rapid.T, v reflect.Value, wild bool) {
	switch {
	case v.Type() == reflect.TypeFor[Time]():
		if rapid.IntRange(0, 2).Draw(t, "time") > 0 {
			v.Set(reflect.ValueOf(At(drawTime(t))))
		}
		return
	case v.Kind() == reflect.String:
		if w, ok := v.Interface().(worded); ok {
			words := w.words()
			if wild {
				words = append(words, "", "nonsense")
			}
			v.SetString(rapid.SampledFrom(words).Draw(t, "word"))
			return
		}
		v.SetString(drawText(t, wild))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.SampledFrom([]int64{0, 1, 42, 1 << 62, -1}[:4+flag(wild)]).Draw(t, "integer"))
	case reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{0, 0.5, 0.987654321, 123456, -2.5, 1e-7, 1e21}[:5+2*flag(wild)]).Draw(t, "number"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			drawFact(t, v.Elem(), wild)
		}
	case reflect.Slice:
		n := rapid.IntRange(-flag(wild), 2).Draw(t, "length")
		if n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range max(n, 0) {
			drawFact(t, v.Index(i), wild)
		}
	case reflect.Map:
		n := rapid.IntRange(-1, 3).Draw(t, "size")
		if n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
		}
		for range max(n, 0) {
			x := reflect.New(v.Type().Elem()).Elem()
			drawFact(t, x, wild)
			v.SetMapIndex(reflect.ValueOf(drawText(t, wild)), x)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			drawFact(t, v.Field(i), wild)
		}
	}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func drawText(t *rapid.T, wild bool) string {
	list := []string{"a", "b", "support", "pbx1-17.4", "int-184a-x", "/a"}
	if wild {
		list = append(list, "", "two words", "Zoë Ångström", "\u2028", "a\"b", "tab\t", "back\\slash",
			"<b>&amp;</b>", "\xff", "\u007f", "日本", "//a", "a:b", "é\u2029")
	}
	return rapid.SampledFrom(list).Draw(t, "text")
}

func drawTime(t *rapid.T) time.Time {
	at := time.Unix(rapid.Int64Range(-70_000_000_000, 260_000_000_000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
	return at.In(time.FixedZone("", rapid.SampledFrom([]int{0, 3600, -20_000}).Draw(t, "zone")))
}

// Whatever a plan writes, the careful way writes too, byte for byte, and the
// parser makes the same event of it.
func TestPlansWriteWhatTheCarefulWayWrites(t *testing.T) {
	quickly := 0
	rapid.Check(t, func(t *rapid.T) {
		info := rapid.SampledFrom(dictionary().types).Draw(t, "type")
		v := reflect.New(reflect.TypeOf(info.Zero)).Elem()
		wild := rapid.IntRange(0, 3).Draw(t, "wild") == 0
		drawFact(t, v, wild)
		f := v.Interface().(Fact)
		m := Meta{ID: drawText(t, wild), Source: drawText(t, wild), Tenant: drawText(t, wild)}
		if rapid.Bool().Draw(t, "timed") {
			m.Time = drawTime(t)
		}
		got, from, to, ok := quick([]byte("before"), m, f)
		if !ok {
			return
		}
		quickly++
		want, err := write([]byte("before"), m, f)
		if err != nil || string(got) != string(want) {
			t.Fatalf("by the plan:  %s\nby the other: %s %v", got, want, err)
		}
		parsed, err := parseWritten(got[len("before"):], f)
		if err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if parsed.dataStart != from || parsed.dataEnd != to {
			t.Fatalf("%s: data at %d to %d, want %d to %d", got, from, to, parsed.dataStart, parsed.dataEnd)
		}
		e, err := Encode(m, f)
		if err != nil || !reflect.DeepEqual(e, parsed) {
			t.Fatalf("encoded %+v\nparsed  %+v, %v", e, parsed, err)
		}
	})
	t.Logf("%d facts by their plans", quickly)
	if quickly == 0 {
		t.Error("no plan wrote anything")
	}
}

// A fact filled with what real sources send goes by its plan.
func TestPlansWriteOrdinaryFacts(t *testing.T) {
	m := Meta{ID: "1", Source: "/asterisk/pbx1", Tenant: "acmecorp01", Time: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)}
	for _, f := range []Fact{
		InteractionQueued{Ref: Ref{Interaction: "pbx1-1789560001.118", Media: MediaPhone}, Queue: "support", Skills: []string{"a", "b"}, Priority: 50},
		InteractionCreated{Ref: Ref{Interaction: "7", Media: MediaChat}, Direction: DirectionIn, Customer: &Customer{Name: "Zoë Ångström"}, Attributes: Attributes{"@pri": "100", "cha": "+1555"}},
		InteractionMessage{Ref: Ref{Interaction: "7", Media: MediaChat}, Role: RoleAgent, Text: "That's <b>right</b> & good", Confidence: 0.93, OffsetMS: 12},
		InteractionParticipantsChanged{Ref: Ref{Interaction: "7", Media: MediaPhone}, Participants: []Participant{}},
		AgentStatusChanged{AgentRef: AgentRef{Agent: "1001"}, Presence: PresenceBreak, Until: At(m.Time)},
	} {
		got, _, _, ok := quick(nil, m, f)
		if !ok || !json.Valid(got) {
			t.Errorf("%T: %v %s", f, ok, got)
		}
	}
}
