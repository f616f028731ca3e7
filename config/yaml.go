package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"trunkline/nearest"
)

// readFile takes the settings of a YAML file. The syntax is the library's business, what the keys mean is ours: so a
// complaint can name the place, the whole path and the nearest known key.
func (l *loader) readFile(data []byte, root reflect.Value) {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		l.syntax(err)
		return
	}
	var bodies []ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) > 1 {
		l.complain(l.at(bodies[1].GetToken()), "", "a second document begins here, only one is read")
	}
	if len(bodies) > 0 {
		l.section(bodies[0], root, "")
	}
}

func (l *loader) syntax(err error) {
	var e yaml.Error
	if errors.As(err, &e) {
		l.complain(l.at(e.GetToken()), "", "%s", e.GetMessage())
		return
	}
	l.complain(l.file, "", "%v", err)
}

// at is file:line:column.
func (l *loader) at(t *token.Token) string {
	if t == nil || t.Position == nil {
		return l.file
	}
	return fmt.Sprintf("%s:%d:%d", l.file, t.Position.Line, t.Position.Column)
}

// section takes the keys of a mapping into the struct v.
func (l *loader) section(n ast.Node, v reflect.Value, path string) {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode:
		return // a section without keys
	default:
		l.complain(l.at(n.GetToken()), path, "keys with values are expected here, not %s", describe(n))
		return
	}
	known := map[string]field{}
	var names []string
	for _, f := range fields(v, path) {
		known[f.key] = f
		names = append(names, f.key)
	}
	for _, p := range pairs {
		key, ok := p.Key.(*ast.StringNode)
		if !ok {
			l.complain(l.at(p.Key.GetToken()), path, "a plain key is expected here, not %s", p.Key.String())
			continue
		}
		f, ok := known[key.Value]
		if !ok {
			l.unknownKey(key, path, names)
			continue
		}
		l.take(p.Value, f)
	}
}

// unknownKey names the nearest key of the same section, otherwise one of that name elsewhere.
func (l *loader) unknownKey(key *ast.StringNode, path string, names []string) {
	where := l.at(key.GetToken())
	hint := ""
	if near, ok := nearest.Of(key.Value, names); ok {
		hint = ", did you mean " + join(path, near) + "?"
	} else {
		walk(reflect.ValueOf(&l.loaded.Config).Elem(), "", func(f field) {
			if f.key == key.Value && hint == "" {
				hint = ", did you mean " + f.path + "?"
			}
		})
	}
	if hint == "" {
		hint = "; known here are " + strings.Join(names, ", ")
	}
	l.complain(where, "", "unknown key %s%s", join(path, key.Value), hint)
}

// take takes the value of a known key.
func (l *loader) take(n ast.Node, f field) {
	where := l.at(n.GetToken())
	if _, ok := n.(*ast.NullNode); ok {
		return // "key:" with nothing behind it leaves the default
	}
	switch {
	case f.section():
		l.section(n, f.value, f.path)
	case f.list():
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			l.complain(where, f.path, "a list is expected here, not %s", describe(n))
			return
		}
		f.value.SetZero()
		for i, item := range seq.Values {
			path := fmt.Sprintf("%s[%d]", f.path, i)
			l.loaded.origins[path] = l.at(item.GetToken())
			v := reflect.New(f.value.Type().Elem()).Elem()
			setDefaults(v)
			l.section(item, v, path)
			f.value.Set(reflect.Append(f.value, v))
		}
	case f.words():
		l.words(n, f)
	default:
		text, ok := scalar(n)
		if !ok {
			l.complain(where, f.path, "a %s is expected here, not %s", f.kind(), describe(n))
			return
		}
		l.set(f, text, where)
	}
}

// words takes a list of texts.
func (l *loader) words(n ast.Node, f field) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		l.complain(l.at(n.GetToken()), f.path, "a list such as [a, b] is expected here, not %s", describe(n))
		return
	}
	l.loaded.origins[f.path] = l.at(n.GetToken())
	f.value.SetZero()
	for _, item := range seq.Values {
		text, ok := scalar(item)
		if !ok {
			l.complain(l.at(item.GetToken()), f.path, "a text is expected here, not %s", describe(item))
			continue
		}
		f.value.Set(reflect.Append(f.value, reflect.ValueOf(text)))
	}
}

// scalar gives a plain value as it stands in the file: 1_000 and 0x10 are for the setting to read.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag"
	case *ast.NullNode:
		return "nothing"
	}
	return fmt.Sprintf("%q", n.GetToken().Value)
}
