package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"trunkline/docs"
)

// openAPI is docs/openapi.yaml, to hold requests and answers against.
type openAPI struct {
	compiler *jsonschema.Compiler
	doc      map[string]any
	checked  map[string]bool // what was held against it, as "GET /v1/tokens 200"
}

func readOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(docs.OpenAPI(), &tree); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	o := &openAPI{compiler: jsonschema.NewCompiler(), doc: doc.(map[string]any), checked: map[string]bool{}}
	o.compiler.AssertFormat()
	if err := o.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return o
}

// at finds what lies at a path in the document, nil when there is nothing.
func (o *openAPI) at(path ...string) any {
	var here any = o.doc
	for _, step := range path {
		m, _ := here.(map[string]any)
		if here = m[step]; here == nil {
			return nil
		}
		if ref, ok := here.(map[string]any)["$ref"].(string); ok {
			here = o.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return here
}

// valid says what is wrong with a body by the schema at a path in the document.
func (o *openAPI) valid(body []byte, path ...string) error {
	for i, step := range path {
		path[i] = strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
	}
	s, err := o.compiler.Compile("openapi.json#/" + strings.Join(path, "/"))
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// check holds an answer against the document: that the status is described, and the body of the form. pattern is the one
// under which the endpoint is mounted.
func (o *openAPI) check(t *testing.T, pattern string, status int, header http.Header, body string) {
	t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	for _, beginning := range undescribed {
		if strings.HasPrefix(path, beginning) {
			return
		}
	}
	path = openAPIPath(method, path)
	place := []string{"paths", path, strings.ToLower(method), "responses", fmt.Sprint(status)}
	if o.at(place...) == nil {
		t.Errorf("docs/openapi.yaml does not say that %s answers %d: %s", pattern, status, body)
		return
	}
	o.checked[method+" "+path+" "+fmt.Sprint(status)] = true
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if !strings.HasSuffix(media, "json") {
		return
	}
	if o.at(append(place, "content", media)...) == nil {
		t.Errorf("docs/openapi.yaml does not say that %s answers %d with %s", pattern, status, media)
		return
	}
	if ref, ok := o.doc["paths"].(map[string]any)[path].(map[string]any)[place[2]].(map[string]any)["responses"].(map[string]any)[place[4]].(map[string]any)["$ref"].(string); ok {
		place = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	}
	if err := o.valid([]byte(body), append(place, "content", media, "schema")...); err != nil {
		t.Errorf("%s answers what docs/openapi.yaml does not say: %v\n%.2000s", pattern, err, body)
	}
}
