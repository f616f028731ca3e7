package measures_test

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"trunkline/auth/oauth"
	"trunkline/docs"
	"trunkline/event"
	"trunkline/feed/measures"
)

// shape is what these tests look at of a schema.
type shape struct {
	Ref        string           `yaml:"$ref"`
	Type       any              `yaml:"type"`
	Const      any              `yaml:"const"`
	Enum       []any            `yaml:"enum"`
	Required   []string         `yaml:"required"`
	Items      *shape           `yaml:"items"`
	Properties map[string]shape `yaml:"properties"`
}

type document struct {
	Channels struct {
		Measures struct{ Messages map[string]any }
	}
	Components struct {
		Schemas  map[string]shape
		Messages map[string]struct{ Payload shape }
	}
}

func read(t *testing.T, raw []byte) (d document) {
	t.Helper()
	if err := yaml.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// same says whether a schema has just the members of a type, of the right kinds, and requires those that are never left out.
func (d *document) same(t *testing.T, name string, s shape, typ reflect.Type) {
	t.Helper()
	required := []string{}
	for i := range typ.NumField() {
		tag, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		p, ok := s.Properties[tag]
		if !ok {
			t.Errorf("%s lacks %s", name, tag)
			continue
		}
		if options == "" {
			required = append(required, tag)
		}
		d.kind(t, name+"."+tag, p, typ.Field(i).Type)
	}
	if typ.NumField() != len(s.Properties) {
		t.Errorf("%s has %v, the type %d members", name, slices.Sorted(maps.Keys(s.Properties)), typ.NumField())
	}
	if slices.Sort(required); !slices.Equal(required, slices.Sorted(slices.Values(s.Required))) {
		t.Errorf("%s requires %v, %v are always there", name, s.Required, required)
	}
}

// kind says whether a schema is of a type's kind.
func (d *document) kind(t *testing.T, name string, s shape, typ reflect.Type) {
	t.Helper()
	if s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	want := map[reflect.Kind]string{reflect.String: "string", reflect.Int: "integer", reflect.Bool: "boolean", reflect.Slice: "array", reflect.Map: "object", reflect.Struct: "object"}[typ.Kind()]
	if typ == reflect.TypeFor[time.Time]() {
		want = "string"
	}
	if s.Type != want {
		t.Errorf("%s is %v, the type has %v", name, s.Type, want)
	}
	if typ.Kind() == reflect.Slice && s.Items != nil {
		d.kind(t, name+"[]", *s.Items, typ.Elem())
	}
}

func TestOpenAPIHasTheTypes(t *testing.T) {
	d := read(t, docs.OpenAPI())
	for name, v := range map[string]any{
		"Subscription": measures.Subscription{}, "Transport": measures.Transport{}, "SubscriptionPage": measures.Page{}, "Pagination": measures.Pagination{}, "Links": measures.Links{},
		"Violation": measures.Violation{}, "Producer": measures.Producer{}, "MeasureSet": measures.MeasureSet{}, "Measure": measures.Measure{}, "Dictionary": measures.Dictionary{},
		"Entry": measures.Entry{}, "Token": oauth.Answer{},
	} {
		d.same(t, name, d.Components.Schemas[name], reflect.TypeOf(v))
	}
	e := serve(t, measures.Options{})
	var producers []measures.Producer
	if status := e.ask(t, "GET", "/api/analytics/producer-management/v1/accounts/"+account+"/measure-producers", e.token(t, tenant), "", &producers); status != 200 {
		t.Fatal(status)
	}
	types, described := map[string]bool{}, d.Components.Schemas["Measure"].Properties["type"].Enum
	for _, p := range producers {
		for _, s := range p.MeasureSets {
			for _, m := range s.Measures {
				types[m.Type] = true
				if !slices.Contains(described, any(m.Type)) {
					t.Errorf("%s is of the type %s", m.Name, m.Type)
				}
			}
		}
	}
	if len(types) != len(described) {
		t.Errorf("the types are %v", types)
	}
	// What the document says that a request needs, it needs.
	var refusal struct{ Violations []measures.Violation }
	e.ask(t, "POST", subscriptions, e.token(t, tenant), "{}", &refusal)
	var missing []string
	for _, v := range refusal.Violations {
		name, _, _ := strings.Cut(v.Field, ".")
		missing = append(missing, name)
	}
	if want := d.Components.Schemas["SubscriptionRequest"].Required; !slices.Equal(missing, want) {
		t.Errorf("%v are missing, the document requires %v", missing, want)
	}
}

func TestAsyncAPIHasTheMessages(t *testing.T) {
	d := read(t, docs.AsyncAPI())
	for name, v := range map[string]any{
		"MeasuresAuthentication": measures.Authentication{}, "MeasuresAuthenticationResponse": measures.AuthenticationResponse{},
		"MeasuresEventData": measures.EventData{}, "MeasuresInitialized": measures.Initialized{},
	} {
		d.same(t, name, d.Components.Messages[name].Payload, reflect.TypeOf(v))
		if d.Channels.Measures.Messages[name] == nil {
			t.Errorf("%s is not in the channel", name)
		}
	}
	// The words of what is sent are those of the document.
	e := serve(t, measures.Options{})
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One"})
	c := e.connect(t, e.subscribe(t, "Queue_itd", "initializedMarker", "true"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for live := false; !live; {
		_, raw, err := c.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		payload := d.Components.Messages["MeasuresEventData"].Payload
		if m["event"] != nil {
			payload = d.Components.Messages["MeasuresInitialized"].Payload
			e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One", Removed: true})
		}
		live = live || m["payloadType"] == "LIVE"
		for name, v := range m {
			p, ok := payload.Properties[name]
			if !ok || p.Const != nil && v != p.Const || len(p.Enum) > 0 && !slices.Contains(p.Enum, v) {
				t.Errorf("%s is %v in %s", name, v, raw)
			}
		}
		if len(m) != len(payload.Properties) {
			t.Errorf("%s has not the members of the document", raw)
		}
	}
}
