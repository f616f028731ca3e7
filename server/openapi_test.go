package server_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"trunkline/docs"
)

// undescribed are the beginnings of paths that docs/openapi.yaml leaves out: those of vendors' other protocols, which are no
// REST, and of their download of exports.
var undescribed = []string{"/api/streaming/", "/api/sapi/", "/ws/", "/token/", "/rte", "/fileexporter/"}

// openAPIPath is a route's path as OpenAPI writes it.
func openAPIPath(method, path string) string {
	path = strings.ReplaceAll(strings.TrimSuffix(path, "{$}"), "...}", "}")
	switch {
	case path == "/v1/schemas/":
		return path + "{type}"
	case method == "POST" && strings.HasSuffix(path, "/subscriptions/{subscription}"):
		return path + ":renew"
	}
	return path
}

var reference = regexp.MustCompile(`\$ref: '#/components/(\w+)/(\w+)'`)

// TestOpenAPI holds docs/openapi.yaml against the routes, both ways: paths, methods, scopes.
func TestOpenAPI(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]any
		Components map[string]map[string]any
	}
	if err := yaml.Unmarshal(docs.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]string{} // scope by method and path
	for path, ops := range doc.Paths {
		for method, o := range ops {
			op, ok := o.(map[string]any)
			if !ok {
				continue // the parameters of the path
			}
			scope := ""
			if list, ok := op["security"].([]any); ok {
				for _, one := range list {
					for name, scopes := range one.(map[string]any) {
						if s := scopes.([]any); name == "token" && len(s) == 1 {
							scope, _ = s[0].(string)
						}
					}
				}
			}
			described[strings.ToUpper(method)+" "+path] = scope
			if responses, _ := op["responses"].(map[string]any); len(responses) == 0 || op["summary"] == nil {
				t.Errorf("%s %s has no responses or no summary", method, path)
			}
		}
	}
	for _, r := range start(t, nil).Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		left := false
		for _, beginning := range undescribed {
			left = left || strings.HasPrefix(path, beginning)
		}
		if left || method == "OPTIONS" {
			continue
		}
		key := method + " " + openAPIPath(method, path)
		switch scope, ok := described[key]; {
		case !ok:
			t.Errorf("docs/openapi.yaml lacks %s", key)
		case scope != string(r.Scope):
			t.Errorf("docs/openapi.yaml has the scope %q for %s, it is %q", scope, key, r.Scope)
		}
		delete(described, key)
	}
	for key := range described {
		t.Errorf("docs/openapi.yaml has %s, which is not served", key)
	}
	used := map[string]bool{}
	for _, m := range reference.FindAllStringSubmatch(string(docs.OpenAPI()), -1) {
		used[m[1]+"/"+m[2]] = true
		if doc.Components[m[1]][m[2]] == nil {
			t.Errorf("%s points at nothing", m[0])
		}
	}
	o := readOpenAPI(t)
	for name := range doc.Components["schemas"] {
		if _, err := o.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("the schema %s is none: %v", name, err)
		}
	}
	for kind, list := range doc.Components {
		for name := range list {
			if kind != "securitySchemes" && !used[kind+"/"+name] {
				t.Errorf("nothing points at %s/%s", kind, name)
			}
		}
	}
}
