package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"trunkline/event"
	"trunkline/event/schema"
)

var update = flag.Bool("update", false, "write docs/vocabulary.md anew")

func TestTheDocumentIsNotStale(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "vocabulary.md")
	want := schema.Markdown()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale; run go test ./event/schema -update", path)
	}
}

// served fetches what a handler serves.
func served(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// compiled compiles the served schemas with an independent implementation that
// checks them against the meta-schema and formats as well.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	out := map[string]*jsonschema.Schema{}
	h := schema.Handler()
	for _, typ := range event.Types() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, schema.Path+typ.Type, nil))
		doc, err := jsonschema.UnmarshalJSON(w.Body)
		if err != nil {
			t.Fatalf("%s: %v", typ.Type, err)
		}
		url := "http://trunkline.test" + schema.Path + typ.Type
		if err := c.AddResource(url, doc); err != nil {
			t.Fatalf("%s: %v", typ.Type, err)
		}
		s, err := c.Compile(url)
		if err != nil {
			t.Fatalf("%s: %v", typ.Type, err)
		}
		out[typ.Type] = s
	}
	return out
}

var meta = event.Meta{ID: "1", Source: "/test", Tenant: "acme", Time: time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)}

// example builds the data of a type from its shape: with all fields, or with
// the required ones only.
func example(s *event.Shape, all bool) any {
	switch s.Kind {
	case event.KindText:
		return "x"
	case event.KindWord:
		return s.Words[0].Value
	case event.KindTime:
		return "2026-03-01T12:00:00.005Z"
	case event.KindInteger:
		return 7
	case event.KindNumber:
		return 0.5
	case event.KindFlag:
		return true
	case event.KindList:
		return []any{example(s.Items, all)}
	case event.KindMap:
		return map[string]any{"name": example(s.Items, all)}
	}
	o := map[string]any{}
	for _, f := range s.Fields {
		if all || f.Required {
			o[f.Name] = example(f.Shape, all)
		}
	}
	return o
}

// raw writes an event of a type with the given data.
func raw(t *testing.T, typ event.TypeInfo, data any) []byte {
	t.Helper()
	subject := typ.Subject + "/x"
	if typ.Subject == "entity" {
		subject = "x"
	}
	b, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "1", "source": "/test", "type": typ.Type, "subject": subject, "data": data})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verdicts asks the schema and the parser about one event.
func verdicts(t *testing.T, s *jsonschema.Schema, b []byte) (bySchema, byParser error) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	_, parsed := event.Parse(b, event.Limits{})
	return s.Validate(v), parsed
}

func TestEncodedFactsAreValid(t *testing.T) {
	schemas := compiled(t)
	for _, typ := range event.Types() {
		for _, all := range []bool{true, false} {
			b := raw(t, typ, example(typ.Shape, all))
			if bySchema, byParser := verdicts(t, schemas[typ.Type], b); bySchema != nil || byParser != nil {
				t.Errorf("%s, all fields %v: schema %v, parser %v", typ.Type, all, bySchema, byParser)
			}
			e, err := event.Parse(b, event.Limits{})
			if err != nil {
				continue
			}
			f, err := event.Decode(e)
			if err != nil {
				t.Fatal(err)
			}
			e, err = event.Encode(meta, f)
			if err != nil {
				t.Fatal(err)
			}
			if bySchema, _ := verdicts(t, schemas[typ.Type], e.Raw); bySchema != nil {
				t.Errorf("%s as we write it: %v\n%s", typ.Type, bySchema, e.Raw)
			}
		}
	}
}

// TestWrongFactsAreNot breaks each field of each type in several ways and
// asks both the schema and the parser; they must agree.
func TestWrongFactsAreNot(t *testing.T) {
	schemas := compiled(t)
	for _, typ := range event.Types() {
		for i := range typ.Shape.Fields {
			f := typ.Shape.Fields[i]
			if f.Name == typ.Subject {
				continue // its value decides about the subject too
			}
			for name, value := range map[string]any{"object": map[string]any{"": 1}, "list": []any{[]any{}}, "number": -1.5, "text": "no such word", "flag": false, "null": nil, "empty": ""} {
				data := example(typ.Shape, true).(map[string]any)
				data[f.Name] = value
				bySchema, byParser := verdicts(t, schemas[typ.Type], raw(t, typ, data))
				if (bySchema == nil) != (byParser == nil) {
					t.Errorf("%s with %s as %s: schema %v, parser %v", typ.Type, f.Name, name, bySchema, byParser)
				}
			}
			if !f.Required {
				continue
			}
			data := example(typ.Shape, true).(map[string]any)
			delete(data, f.Name)
			if bySchema, byParser := verdicts(t, schemas[typ.Type], raw(t, typ, data)); bySchema == nil || byParser == nil {
				t.Errorf("%s without %s: schema %v, parser %v", typ.Type, f.Name, bySchema, byParser)
			}
		}
	}
}

func TestWrongEnvelopesAreNot(t *testing.T) {
	schemas := compiled(t)
	typ := event.Types()[0]
	for name, change := range map[string]func(map[string]any){
		"type":        func(e map[string]any) { e["type"] = "interaction.ended" },
		"specversion": func(e map[string]any) { e["specversion"] = "0.3" },
		"subject":     func(e map[string]any) { e["subject"] = "agent/x" },
		"no subject":  func(e map[string]any) { delete(e, "subject") },
		"no id":       func(e map[string]any) { delete(e, "id") },
		"no data":     func(e map[string]any) { delete(e, "data") },
		"time":        func(e map[string]any) { e["time"] = "noon" },
		"media type":  func(e map[string]any) { e["datacontenttype"] = "text/plain" },
		"tenant":      func(e map[string]any) { e["tenant"] = "" },
	} {
		var e map[string]any
		if err := json.Unmarshal(raw(t, typ, example(typ.Shape, true)), &e); err != nil {
			t.Fatal(err)
		}
		change(e)
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if schemas[typ.Type].Validate(e) == nil {
			t.Errorf("%s: the schema accepts %s", name, b)
		}
	}
}

func TestHandler(t *testing.T) {
	h := schema.Handler()
	w := served(t, h, schema.Path)
	var index struct {
		Schemas []struct{ Type, Description, URL string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &index); err != nil || w.Code != http.StatusOK {
		t.Fatalf("index: %d %v", w.Code, err)
	}
	if len(index.Schemas) != len(event.Types()) {
		t.Errorf("index has %d types", len(index.Schemas))
	}
	for _, s := range index.Schemas {
		w := served(t, h, s.URL)
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK || doc["$id"] != s.URL || doc["description"] != s.Description {
			t.Errorf("%s: %d %v %v", s.URL, w.Code, err, doc["$id"])
		}
		if got := w.Header().Get("Content-Type"); got != "application/schema+json" {
			t.Errorf("%s: content type %s", s.URL, got)
		}
	}
	w = served(t, h, schema.Path+"interaction.enqueued")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "Did you mean interaction.queued?") {
		t.Errorf("unknown: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest(http.MethodGet, index.Schemas[0].URL, nil)
	r.Header.Set("If-None-Match", served(t, h, index.Schemas[0].URL).Header().Get("ETag"))
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Errorf("same tag: %d", w.Code)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, schema.Path, nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestDocumentsAreStable(t *testing.T) {
	for _, typ := range event.Types() {
		if !reflect.DeepEqual(schema.Document(typ), schema.Document(typ)) {
			t.Errorf("%s: two readings differ", typ.Type)
		}
	}
}
