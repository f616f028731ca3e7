package event_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/event"
)

// fill sets every field of a fact to a value that the vocabulary allows, so
// that a test covers all of them.
func fill(v reflect.Value, s *event.Shape) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s)
	case reflect.String:
		v.SetString("x")
		if len(s.Words) > 0 {
			v.SetString(s.Words[len(s.Words)-1].Value)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), s.Items)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		item := reflect.New(v.Type().Elem()).Elem()
		fill(item, s.Items)
		v.SetMapIndex(reflect.ValueOf("name"), item)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[event.Time]() {
			v.Set(reflect.ValueOf(event.At(time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC))))
			return
		}
		fillFields(v, s)
	}
}

func fillFields(v reflect.Value, s *event.Shape) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if sf.Anonymous {
			fillFields(v.Field(i), s)
			continue
		}
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		for _, f := range s.Fields {
			if f.Name == name {
				fill(v.Field(i), f.Shape)
			}
		}
	}
}

// full returns a fact of the type with every field set.
func full(t event.TypeInfo) event.Fact {
	v := reflect.New(reflect.TypeOf(t.Zero)).Elem()
	fill(v, t.Shape)
	return v.Interface().(event.Fact)
}

var meta = event.Meta{ID: "1", Source: "/test", Tenant: "acme", Time: time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)}

func TestEveryFactSurvivesEncodeAndDecode(t *testing.T) {
	for _, typ := range event.Types() {
		t.Run(typ.Type, func(t *testing.T) {
			want := full(typ)
			e, err := event.Encode(meta, want)
			if err != nil {
				t.Fatal(err)
			}
			if e.Type != typ.Type || e.Subject != want.EventSubject() || e.Tenant != "acme" || !e.Time.Equal(meta.Time) {
				t.Errorf("envelope: %+v", e)
			}
			got, err := event.Decode(e)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			var plain map[string]any
			if err := json.Unmarshal(e.Raw, &plain); err != nil {
				t.Errorf("not JSON: %v: %s", err, e.Raw)
			}
		})
	}
}

func TestEveryWordIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, typ := range event.Types() {
		if seen[typ.Type] {
			t.Errorf("%s is listed twice", typ.Type)
		}
		seen[typ.Type] = true
		if typ.Doc == "" || typ.Subject == "" {
			t.Errorf("%s: doc %q, subject %q", typ.Type, typ.Doc, typ.Subject)
		}
		checkDocumented(t, typ.Type, typ.Shape)
	}
	if len(seen) != 60 {
		t.Errorf("the vocabulary has %d words; the documents say 60", len(seen))
	}
}

func checkDocumented(t *testing.T, path string, s *event.Shape) {
	names := map[string]bool{}
	for _, f := range s.Fields {
		if f.Doc == "" {
			t.Errorf("%s.%s has no comment", path, f.Name)
		}
		if f.Name == "" || strings.ToLower(f.Name) != f.Name || names[f.Name] {
			t.Errorf("%s: bad or double field name %q", path, f.Name)
		}
		names[f.Name] = true
		checkDocumented(t, path+"."+f.Name, f.Shape)
	}
	if s.Items != nil {
		checkDocumented(t, path+"[]", s.Items)
	}
}
