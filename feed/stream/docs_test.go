package stream_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/tidwall/gjson"

	"trunkline/docs"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/stream"
	"trunkline/sim"
)

// schema is what these tests look at of a schema in docs/asyncapi.yaml.
type schema struct {
	Ref        string             `yaml:"$ref"`
	Type       any                `yaml:"type"`
	Const      any                `yaml:"const"`
	Enum       []any              `yaml:"enum"`
	AllOf      []*schema          `yaml:"allOf"`
	Items      *schema            `yaml:"items"`
	Required   []string           `yaml:"required"`
	Properties map[string]*schema `yaml:"properties"`
	More       *bool              `yaml:"additionalProperties"`
}

type asyncAPI struct {
	Channels struct {
		Stream struct {
			Messages map[string]schema `yaml:"messages"`
			Bindings struct {
				WS struct {
					Query schema `yaml:"query"`
				} `yaml:"ws"`
			} `yaml:"bindings"`
		} `yaml:"streamTenantUpdates"`
	} `yaml:"channels"`
	Components struct {
		Messages map[string]struct {
			Payload schema `yaml:"payload"`
		} `yaml:"messages"`
		Schemas map[string]*schema `yaml:"schemas"`
	} `yaml:"components"`
}

func readAsyncAPI(t *testing.T) *asyncAPI {
	t.Helper()
	var doc asyncAPI
	if err := yaml.Unmarshal(docs.AsyncAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

// resolve follows a reference within the document.
func (d *asyncAPI) resolve(t *testing.T, s *schema) *schema {
	if s.Ref == "" {
		return s
	}
	path, ok := strings.CutPrefix(s.Ref, "#/components/schemas/")
	name, member, _ := strings.Cut(path, "/properties/")
	out := d.Components.Schemas[name]
	if out != nil && member != "" {
		out = out.Properties[member]
	}
	if !ok || out == nil {
		t.Fatalf("%s points at nothing", s.Ref)
	}
	return d.resolve(t, out)
}

// fits says what of a value is not as its schema has it, "" when all is.
func (d *asyncAPI) fits(t *testing.T, s *schema, v gjson.Result, seen func(path string), path string) string {
	s = d.resolve(t, s)
	seen(path)
	for _, o := range s.AllOf {
		if bad := d.fits(t, o, v, func(string) {}, path); bad != "" {
			return bad
		}
	}
	same := func(w any) bool { text, ok := w.(string); return ok && v.Type == gjson.String && v.Str == text }
	number := func(w any) bool {
		n, ok := w.(uint64)
		return ok && v.Type == gjson.Number && v.Uint() == n
	}
	if s.Const != nil && !same(s.Const) || len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(w any) bool { return same(w) || number(w) }) {
		return path + " is " + v.Raw
	}
	kind := map[gjson.Type]string{gjson.String: "string", gjson.Number: "number", gjson.True: "boolean", gjson.False: "boolean"}[v.Type]
	if v.IsObject() {
		kind = "object"
	} else if v.IsArray() {
		kind = "array"
	}
	types, ok := s.Type.([]any)
	if !ok && s.Type != nil {
		types = []any{s.Type}
	}
	if len(types) > 0 && !slices.ContainsFunc(types, func(w any) bool {
		return w == kind || w == "integer" && kind == "number" && !strings.Contains(v.Raw, ".")
	}) {
		return path + " is " + v.Raw
	}
	for _, name := range s.Required {
		if !v.Get(gjson.Escape(name)).Exists() {
			return path + " has no " + name
		}
	}
	bad := ""
	v.ForEach(func(k, m gjson.Result) bool {
		switch {
		case v.IsArray():
			bad = d.fits(t, s.Items, m, seen, path)
		case s.Properties[k.Str] != nil:
			bad = d.fits(t, s.Properties[k.Str], m, seen, path+"/"+k.Str)
		case s.More != nil && !*s.More:
			bad = path + " has " + k.Str
		}
		return bad == ""
	})
	return bad
}

// TestAsyncAPI holds what is sent against docs/asyncapi.yaml: every event is
// documented, has what it must have and nothing that is not documented; and
// nothing is documented that is never sent.
func TestAsyncAPI(t *testing.T) {
	doc := readAsyncAPI(t)
	names := stream.EventNames()
	if n, m := len(doc.Components.Messages), len(doc.Channels.Stream.Messages); m != len(names) || n < m {
		t.Errorf("%d events, of which %d are in the channel and %d are messages", len(names), m, n)
	}
	seen := map[string]bool{}
	check := func(payload []byte) {
		m := gjson.ParseBytes(payload)
		var name string
		m.ForEach(func(k, v gjson.Result) bool {
			if name = k.Str; name == "Interaction" {
				name = v.Get("event").Str
			}
			return true
		})
		if _, ok := doc.Channels.Stream.Messages[name]; !ok {
			t.Fatalf("%s is not documented", name)
		}
		payloadOf := doc.Components.Messages[name].Payload
		if bad := doc.fits(t, &payloadOf, m, func(path string) { seen[path] = true }, name); bad != "" {
			t.Fatalf("%s in %s", bad, payload)
		}
	}
	books := []*book{everyWord(t), samples(t)}
	if !testing.Short() {
		books = append(books, simulated(t, func(c *sim.Config) { c.Agents, c.Length, c.Busy = 60, time.Hour, true }))
	}
	for _, b := range books {
		b.each(stream.JSON, func(_ *eventlog.Record, _ uint64, payload []byte) { check(payload) })
	}
	check(stream.NewProjection().Heartbeat(nil, stream.JSON, tenant, "sub", epoch, 7, time.Now()))
	for _, name := range names {
		m := doc.Components.Messages[name].Payload
		for envelope, s := range m.Properties {
			for member := range s.Properties {
				if path := name + "/" + envelope + "/" + member; !seen[path] {
					t.Errorf("%s is never sent", path)
				}
			}
		}
	}
}

// TestEventsPage looks for every event, member and added pair in
// docs/stream-events.md.
func TestEventsPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/stream-events.md")
	if err != nil {
		t.Fatal(err)
	}
	want := stream.EventNames()
	for name := range readAsyncAPI(t).Components.Schemas["StreamMembers"].Properties {
		want = append(want, name)
	}
	b := newBook(t)
	x := event.Ref{Interaction: "x", Parent: "p", Media: event.MediaChat}
	b.add(event.QueueConfigured{Queue: "591", Name: "Sales", Media: event.MediaChat},
		event.InteractionCreated{Ref: x, Direction: event.DirectionIn, Channel: "web", ChannelName: "Web", Campaign: "1", CampaignName: "One", Language: "fi",
			Session: &event.Session{ID: "s"}, Customer: &event.Customer{Number: "+15515557212", Name: "Andrew"}}, queued(x))
	pairs := b.last().Get("Interaction.attachedData.attachedDatum.#.attachedDataKey").Array()
	if len(pairs) < 19 {
		t.Errorf("only %d pairs", len(pairs))
	}
	for _, p := range pairs {
		want = append(want, p.Str)
	}
	for _, name := range want {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("`%s` is not on the page", name)
		}
	}
}

// TestFormatsAreDocumented compares the formats with those of docs/asyncapi.yaml.
func TestFormatsAreDocumented(t *testing.T) {
	var doc struct {
		Channels struct {
			Stream struct {
				Bindings struct {
					WS struct {
						Query schema `yaml:"query"`
					} `yaml:"ws"`
				} `yaml:"bindings"`
			} `yaml:"streamTenantUpdates"`
		} `yaml:"channels"`
	}
	if err := yaml.Unmarshal(docs.AsyncAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	names := doc.Channels.Stream.Bindings.WS.Query.Properties["desiredOutputType"].Enum
	if len(names) != 4 {
		t.Fatalf("the formats are %v", names)
	}
	for i, name := range names {
		if f, err := stream.ParseFormat(name.(string)); err != nil || int(f) != i {
			t.Errorf("%v: %v, %v", name, f, err)
		}
	}
}

// TestParametersAreDocumented asks with every value that a parameter may have by the
// document, and without those that it calls required.
func TestParametersAreDocumented(t *testing.T) {
	e := serve(t, numbered(), stream.Options{Connected: 100})
	query := readAsyncAPI(t).Channels.Stream.Bindings.WS.Query
	slices.Sort(query.Required)
	if len(query.Properties) == 0 || !slices.Equal(query.Required, []string{"subsId", "tenantId"}) {
		t.Fatalf("required: %q of %d", query.Required, len(query.Properties))
	}
	ask := func(q url.Values) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", e.URL+updates+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"X-Tenant": "alpha", "Connection": "Upgrade", "Upgrade": "websocket",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	for name, p := range query.Properties {
		if p.Enum == nil {
			continue // any text, or one that is checked where it is read
		}
		for i, value := range slices.Concat(p.Enum, []any{"no value of this parameter"}) {
			q := url.Values{"tenantId": {"alpha"}, "subsId": {fmt.Sprint(name, i)}}
			q.Set(name, fmt.Sprint(value))
			want := http.StatusSwitchingProtocols
			if i == len(p.Enum) && !strings.HasPrefix(name, "X-") { // the framework's are let be
				want = http.StatusBadRequest
			}
			if resp := ask(q); resp.StatusCode != want {
				t.Errorf("%s=%v: %d, not %d", name, value, resp.StatusCode, want)
			}
		}
	}
	for _, name := range query.Required {
		q := url.Values{"tenantId": {"alpha"}, "subsId": {"a"}}
		q.Del(name)
		if resp := ask(q); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("without %s: %d", name, resp.StatusCode)
		}
	}
}
