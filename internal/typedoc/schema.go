package typedoc

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// schema is a JSON Schema in one line of YAML, in parts.
type schema struct {
	ref   string // of another schema; "" for none
	kind  string // "" for anything
	parts []string
}

// text writes a schema with what is said about the member.
func (s schema) text(doc string, orNull bool) string {
	var parts []string
	switch {
	case s.ref != "" && orNull:
		parts = append(parts, "anyOf: [{$ref: '#/components/schemas/"+s.ref+"'}, {type: 'null'}]")
	case s.ref != "":
		parts = append(parts, "$ref: '#/components/schemas/"+s.ref+"'")
	case s.kind != "" && orNull:
		parts = append(parts, "type: ["+s.kind+", 'null']")
	case s.kind != "":
		parts = append(parts, "type: "+s.kind)
	}
	parts = append(parts, s.parts...)
	if doc != "" {
		parts = append(parts, "description: "+quote(doc))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// resolve finds the package and the name of a named type.
func (r *reader) resolve(p *pkg, t ast.Expr) (*pkg, string, error) {
	switch t := t.(type) {
	case *ast.StarExpr:
		return r.resolve(p, t.X)
	case *ast.Ident:
		if _, ok := p.types[t.Name]; ok {
			return p, t.Name, nil
		}
	case *ast.SelectorExpr:
		if x, ok := t.X.(*ast.Ident); ok {
			full := p.imported(x.Name)
			path, inside := strings.CutPrefix(full, r.o.Module+"/")
			if !inside {
				return &pkg{path: full}, t.Sel.Name, nil
			}
			q, err := r.open(path)
			return q, t.Sel.Name, err
		}
	}
	return nil, "", fmt.Errorf("%T cannot be described", t)
}

// imported gives the path of a package that files of p call so.
func (p *pkg) imported(name string) string {
	for _, d := range p.types {
		if path, ok := d.imports[name]; ok {
			return path
		}
	}
	return name
}

// schema describes a type where it stands.
func (r *reader) schema(p *pkg, t ast.Expr) (schema, error) {
	switch t := t.(type) {
	case *ast.StarExpr:
		return r.schema(p, t.X)
	case *ast.ArrayType:
		if id, ok := t.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return schema{kind: "string", parts: []string{"contentEncoding: base64"}}, nil
		}
		items, err := r.schema(p, t.Elt)
		return schema{kind: "array", parts: []string{"items: " + items.text("", false)}}, err
	case *ast.MapType:
		values, err := r.schema(p, t.Value)
		return schema{kind: "object", parts: []string{"additionalProperties: " + values.text("", false)}}, err
	case *ast.InterfaceType:
		return schema{}, nil
	case *ast.Ident:
		if s, ok := basic(t.Name); ok {
			return s, nil
		}
	}
	q, name, err := r.resolve(p, t)
	if err != nil {
		return schema{}, err
	}
	return r.named(q, name)
}

// named describes a named type.
func (r *reader) named(p *pkg, name string) (schema, error) {
	full := p.path + "." + name
	if text, ok := r.o.Known[full]; ok {
		kind, rest, _ := strings.Cut(strings.TrimPrefix(strings.Trim(text, "{}"), "type: "), ", ")
		s := schema{kind: kind}
		if rest != "" {
			s.parts = []string{rest}
		}
		return s, nil
	}
	d, ok := p.types[name]
	switch {
	case !ok:
		return schema{}, fmt.Errorf("%s is not of this module: say what it is", full)
	case p.self[name]:
		return schema{}, fmt.Errorf("%s encodes itself: say what it is", full)
	}
	if _, is := d.expr.(*ast.StructType); is {
		if r.names[full] == "" {
			if err := r.name(Wanted{Type: full}); err != nil {
				return schema{}, err
			}
		}
		return schema{ref: r.names[full]}, nil
	}
	s, err := r.schema(p, d.expr)
	if words := p.words[name]; err == nil && s.kind == "string" && len(words) > 0 && !slices.Contains(r.o.Open, full) {
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = quote(w)
		}
		s.parts = append(s.parts, "enum: ["+strings.Join(quoted, ", ")+"]")
	}
	return s, err
}

// basic describes the types of the language.
func basic(name string) (schema, bool) {
	switch name {
	case "string":
		return schema{kind: "string"}, true
	case "bool":
		return schema{kind: "boolean"}, true
	case "float32", "float64":
		return schema{kind: "number"}, true
	case "any":
		return schema{}, true
	}
	switch {
	case strings.HasPrefix(name, "uint"):
		return schema{kind: "integer", parts: []string{"minimum: 0"}}, true
	case strings.HasPrefix(name, "int"):
		return schema{kind: "integer"}, true
	}
	return schema{}, false
}

// sentence makes one line of the comment of what Go calls name.
func sentence(name string, doc *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(doc.Text()), " ")
	if text == "" {
		return ""
	}
	text = strings.NewReplacer("[", "", "]", "").Replace(text)
	// What a Go comment begins with is understood in a description.
	for _, verb := range []string{"is", "are", "says that", "says", "means that"} {
		if rest, ok := strings.CutPrefix(text, name+" "+verb+" "); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

// quote quotes a text for YAML.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
