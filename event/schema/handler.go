package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"trunkline/event"
	"trunkline/nearest"
	"trunkline/problem"
)

// page is one finished answer.
type page struct {
	contentType, tag string
	body             []byte
}

// Handler serves the index at [Path] and the schema of each type below it. It
// answers GET and HEAD; answers carry an ETag and never change while the
// program runs.
func Handler() http.Handler {
	pages := map[string]page{}
	types := event.Types()
	type entry struct {
		Type        string `json:"type"`
		Description string `json:"description"`
		Derived     bool   `json:"derived,omitempty"`
		URL         string `json:"url"`
	}
	list := make([]entry, len(types))
	names := make([]string, len(types))
	for i, t := range types {
		list[i] = entry{t.Type, plain(t.Doc), t.Derived, Path + t.Type}
		names[i] = t.Type
		pages[t.Type] = newPage("application/schema+json", Document(t))
	}
	pages[""] = newPage("application/json", map[string]any{"schemas": list})

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem.Write(w, problem.Detail{Status: http.StatusMethodNotAllowed})
			return
		}
		name := strings.TrimPrefix(r.URL.Path, Path)
		p, ok := pages[name]
		if !ok {
			detail := "The vocabulary has no such type."
			if near, ok := nearest.Of(name, names); ok {
				detail += " Did you mean " + near + "?"
			}
			problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "unknown-type", Title: "Unknown type of event", Detail: detail})
			return
		}
		w.Header().Set("Content-Type", p.contentType)
		w.Header().Set("ETag", p.tag)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
	})
}

// newPage encodes a document. It panics on what JSON cannot express: the
// documents are made here, and the tests make all of them.
func newPage(contentType string, doc any) page {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		panic(fmt.Sprintf("schema: encode a document: %v", err))
	}
	sum := sha256.Sum256(buf.Bytes())
	return page{contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, buf.Bytes()}
}
