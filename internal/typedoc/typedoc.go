// Package typedoc describes Go types as JSON Schemas, from their source: members as encoding/json has them, what is always there,
// and what the comments say. docs/openapi.yaml has what it writes, so that nothing about these types is written down twice.
//
// [Schemas] is given the types that a document names; structs that they lead to are described as well. A type that encodes itself
// has no form that can be read from its source: whoever asks says what it is.
package typedoc

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// Wanted is a type to describe.
type Wanted struct {
	Name string // of the schema; "" for that of the type
	Type string // as in feed/push.Destination: the package below the module, and the type
	// Request says that it is read and not written: no member is required.
	Request bool
	// Without are members that are never there, though the type has them.
	Without []string
}

// Options say where the source is, and what cannot be read from it.
type Options struct {
	Root   string // the module's directory
	Module string // its path
	// Known are the schemas, as YAML in one line, of types that encode themselves or lie outside of the module.
	Known map[string]string
	// Open are types of texts whose constants are not all there is.
	Open []string
}

// Schemas describes types, and those that they lead to: a line of YAML for each schema and each member, indented by so many spaces,
// in the order of the names.
func Schemas(o Options, indent int, wanted ...Wanted) (string, error) {
	r := &reader{o: o, packages: map[string]*pkg{}, names: map[string]string{}, taken: map[string]string{}}
	for _, w := range wanted {
		if err := r.name(w); err != nil {
			return "", err
		}
	}
	texts := map[string]string{}
	for len(r.todo) > 0 {
		w := r.todo[0]
		r.todo = r.todo[1:]
		text, err := r.describe(w)
		if err != nil {
			return "", err
		}
		texts[w.Name] = text
	}
	var out strings.Builder
	margin := strings.Repeat(" ", indent)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range texts {
			if !yield(name) {
				return
			}
		}
	}) {
		for line := range strings.Lines(name + ":\n" + texts[name]) {
			out.WriteString(margin + line)
		}
	}
	return out.String(), nil
}

// reader reads the source of types as they are needed.
type reader struct {
	o        Options
	packages map[string]*pkg
	names    map[string]string // of schemas, by type
	taken    map[string]string // the type that has a name
	todo     []Wanted
}

// name gives a type its place among the schemas.
func (r *reader) name(w Wanted) error {
	if w.Name == "" {
		_, name := split(w.Type)
		w.Name = strings.ToUpper(name[:1]) + name[1:]
	}
	if other, there := r.taken[w.Name]; there {
		return fmt.Errorf("%s and %s are both called %s: name one of them otherwise", other, w.Type, w.Name)
	}
	r.taken[w.Name] = w.Type
	if !w.Request && r.names[w.Type] == "" {
		r.names[w.Type] = w.Name
	}
	r.todo = append(r.todo, w)
	return nil
}

// split parts a package and a type in it.
func split(full string) (path, name string) {
	dot := strings.LastIndexByte(full, '.')
	return full[:dot], full[dot+1:]
}

// describe describes a struct, member by member.
func (r *reader) describe(w Wanted) (string, error) {
	path, name := split(w.Type)
	p, err := r.open(path)
	if err != nil {
		return "", err
	}
	d, ok := p.types[name]
	if !ok {
		return "", fmt.Errorf("there is no type %s", w.Type)
	}
	st, ok := d.expr.(*ast.StructType)
	if !ok {
		return "", fmt.Errorf("%s is no struct", w.Type)
	}
	members, err := r.members(p, st, w.Without, 0)
	if err != nil {
		return "", fmt.Errorf("%s: %w", w.Type, err)
	}
	members = visible(members)
	out := "  type: object\n"
	if text := sentence(name, d.doc); text != "" {
		out = "  description: " + quote(text) + "\n" + out
	}
	var required []string
	for _, m := range members {
		if m.required && !w.Request {
			required = append(required, m.name)
		}
	}
	if len(required) > 0 {
		out += "  required: [" + strings.Join(required, ", ") + "]\n"
	}
	out += "  additionalProperties: false\n  properties:\n"
	for _, m := range members {
		out += "    " + m.name + ": " + m.schema + "\n"
	}
	return out, nil
}

// member is one of an object.
type member struct {
	name, schema string
	required     bool
	depth        int // of the struct that has it
}

// visible leaves out what another member hides, as encoding/json does.
func visible(all []member) []member {
	var out []member
	for i, m := range all {
		hidden := slices.ContainsFunc(all, func(o member) bool { return o.name == m.name && o.depth < m.depth }) ||
			slices.ContainsFunc(all[:i], func(o member) bool { return o.name == m.name && o.depth == m.depth })
		if !hidden {
			out = append(out, m)
		}
	}
	return out
}

// dir is where a package lies.
func (r *reader) dir(path string) string { return filepath.Join(r.o.Root, filepath.FromSlash(path)) }
