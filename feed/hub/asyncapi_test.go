package hub_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"trunkline/docs"
)

// member is what this test looks at of a property in docs/asyncapi.yaml.
type member struct {
	Type  any    `yaml:"type"`
	Const string `yaml:"const"`
	Enum  []any  `yaml:"enum"`
	Ref   string `yaml:"$ref"`
}

type shape struct {
	Ref        string            `yaml:"$ref"`
	AllOf      []shape           `yaml:"allOf"`
	OneOf      []shape           `yaml:"oneOf"`
	Required   []string          `yaml:"required"`
	Properties map[string]member `yaml:"properties"`
}

// asyncapi holds messages, by their events, against docs/asyncapi.yaml: each has just the
// properties that are described, and each is of a kind that is.
func asyncapi(t *testing.T, messages map[string]map[string]any) {
	t.Helper()
	var doc struct {
		Components struct {
			Messages map[string]struct {
				Payload struct{ Properties map[string]shape }
			}
			Schemas map[string]shape
		}
	}
	if err := yaml.Unmarshal(docs.AsyncAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	schemas := doc.Components.Schemas
	list := doc.Components.Messages["HubMessageReceived"].Payload.Properties["data"].OneOf
	if len(list) != len(messages)+1 { // and the notice of the end of a subscription
		t.Errorf("docs/asyncapi.yaml has %d kinds of messages, %d were sent", len(list), len(messages))
	}
	page, err := os.ReadFile("../../docs/hub-feed.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range messages {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("%s is not in docs/hub-feed.md", name)
		}
		if !slices.ContainsFunc(list, func(s shape) bool { return s.Ref == "#/components/schemas/Hub"+name }) || len(schemas["Hub"+name].AllOf) != 2 {
			t.Errorf("%s is not in docs/asyncapi.yaml", name)
			continue
		}
		own, data := schemas["Hub"+name].AllOf[1], m["data"].(map[string]any)
		want := maps.Clone(schemas["HubEvent"].Properties)
		maps.Copy(want, own.Properties)
		if got := slices.Sorted(maps.Keys(data)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) || len(own.Required) != len(own.Properties)-1 {
			t.Errorf("%s has %v, docs/asyncapi.yaml %v, of which %d are required", name, got, slices.Sorted(maps.Keys(want)), len(own.Required))
			continue
		}
		for k, p := range want {
			is := kindOf(data[k])
			if is == "bool" {
				is = "boolean"
			}
			types, ok := p.Type.([]any)
			if !ok {
				types = []any{p.Type}
			}
			if !slices.Contains(types, any(is)) && (is != "number" || !slices.Contains(types, any("integer"))) {
				t.Errorf("%s.%s is %v, in docs/asyncapi.yaml it is %v", name, k, data[k], p.Type)
			}
			if p.Const != "" && data[k] != p.Const {
				t.Errorf("%s.%s is %v, in docs/asyncapi.yaml %s", name, k, data[k], p.Const)
			}
			if len(p.Enum) > 0 && !slices.ContainsFunc(p.Enum, func(v any) bool { return same(v, data[k]) }) {
				t.Errorf("%s.%s is %v, in docs/asyncapi.yaml one of %v", name, k, data[k], p.Enum)
			}
		}
	}
}

// same compares a value of YAML with one of JSON.
func same(yaml, json any) bool {
	switch n := yaml.(type) {
	case uint64:
		return json == float64(n)
	case int64:
		return json == float64(n)
	}
	return yaml == json
}
