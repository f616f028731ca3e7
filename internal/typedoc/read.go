package typedoc

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// pkg is the source of a package, as far as it is looked at.
type pkg struct {
	path  string
	types map[string]declared
	words map[string][]string // the constants of each type of texts
	self  map[string]bool     // types that encode themselves
}

// declared is a type with what is said about it.
type declared struct {
	expr    ast.Expr
	doc     *ast.CommentGroup
	imports map[string]string // of its file
}

// open reads a package.
func (r *reader) open(path string) (*pkg, error) {
	if p := r.packages[path]; p != nil {
		return p, nil
	}
	p := &pkg{path: path, types: map[string]declared{}, words: map[string][]string{}, self: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(r.dir(path), "*.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &fs.PathError{Op: "read the source of", Path: path, Err: os.ErrNotExist}
	}
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.take(f)
	}
	r.packages[path] = p
	return p, nil
}

func (p *pkg) take(f *ast.File) {
	imports := map[string]string{}
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		imports[name] = path
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil && (d.Name.Name == "MarshalJSON" || d.Name.Name == "MarshalText") {
				t := d.Recv.List[0].Type
				if star, ok := t.(*ast.StarExpr); ok {
					t = star.X
				}
				if id, ok := t.(*ast.Ident); ok {
					p.self[id.Name] = true
				}
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					doc := s.Doc
					if doc == nil {
						doc = d.Doc
					}
					p.types[s.Name.Name] = declared{s.Type, doc, imports}
				case *ast.ValueSpec:
					p.constant(d, s)
				}
			}
		}
	}
}

// constant notes the constants of a type of texts.
func (p *pkg) constant(d *ast.GenDecl, s *ast.ValueSpec) {
	of, ok := s.Type.(*ast.Ident)
	if d.Tok != token.CONST || !ok {
		return
	}
	for _, v := range s.Values {
		if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && text != "" && !slices.Contains(p.words[of.Name], text) {
				p.words[of.Name] = append(p.words[of.Name], text)
			}
		}
	}
}

// members lists those of a struct, with those of the structs that it embeds, but for some.
func (r *reader) members(p *pkg, st *ast.StructType, without []string, depth int) ([]member, error) {
	var out []member
	for _, f := range st.Fields.List {
		tag := ""
		if f.Tag != nil {
			text, _ := strconv.Unquote(f.Tag.Value)
			tag = reflect.StructTag(text).Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		if len(f.Names) == 0 && tag == "" {
			inner, err := r.embedded(p, f.Type, without, depth)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
			continue
		}
		if name == "-" || slices.Contains(without, name) {
			continue
		}
		for _, id := range f.Names {
			if !id.IsExported() {
				continue
			}
			name := cmp.Or(name, id.Name)
			s, err := r.schema(p, f.Type)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			doc := cmp.Or(sentence(id.Name, f.Doc), sentence(id.Name, f.Comment))
			left := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
			_, pointer := f.Type.(*ast.StarExpr)
			out = append(out, member{name, s.text(doc, pointer && !left), !left, depth})
		}
	}
	return out, nil
}

func (r *reader) embedded(p *pkg, t ast.Expr, without []string, depth int) ([]member, error) {
	q, name, err := r.resolve(p, t)
	if err != nil {
		return nil, err
	}
	st, ok := q.types[name].expr.(*ast.StructType)
	if !ok {
		return nil, fmt.Errorf("%s.%s is embedded and is no struct", q.path, name)
	}
	return r.members(q, st, without, depth+1)
}
