package event

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strconv"
	"strings"
	"sync"
)

// The comments in these files are the documentation of the vocabulary: the
// schemas and documents take them from here, so there is no second text that
// could say something else.
//
//go:embed agent.go callback.go directory.go interaction_*.go measured.go queue.go system.go types.go
var factSource embed.FS

// comments holds the comments of the embedded files.
type comments struct {
	types  map[string]string            // by type name
	fields map[string]string            // by "Type.Field"
	values map[string]map[string]string // by type name and constant value
}

var readComments = sync.OnceValue(func() comments {
	c := comments{types: map[string]string{}, fields: map[string]string{}, values: map[string]map[string]string{}}
	entries, err := fs.ReadDir(factSource, ".")
	if err != nil {
		panic("event: read the embedded sources: " + err.Error())
	}
	for _, e := range entries {
		src, err := factSource.ReadFile(e.Name())
		if err != nil {
			panic("event: read the embedded sources: " + err.Error())
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), src, parser.ParseComments)
		if err != nil {
			panic("event: parse the embedded sources: " + err.Error())
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				c.read(g)
			}
		}
	}
	return c
})

func (c *comments) read(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			c.types[s.Name.Name] = paragraph(g.Doc)
			if st, ok := s.Type.(*ast.StructType); ok {
				for _, f := range st.Fields.List {
					for _, n := range f.Names {
						c.fields[s.Name.Name+"."+n.Name] = paragraph(f.Doc)
					}
				}
			}
		case *ast.ValueSpec:
			typ, ok := s.Type.(*ast.Ident)
			if !ok || len(s.Values) != 1 {
				continue
			}
			lit, ok := s.Values[0].(*ast.BasicLit)
			if !ok {
				continue
			}
			value, err := strconv.Unquote(lit.Value)
			if err != nil {
				continue
			}
			if c.values[typ.Name] == nil {
				c.values[typ.Name] = map[string]string{}
			}
			c.values[typ.Name][value] = paragraph(s.Comment)
		}
	}
}

// paragraph is the text of a comment on one line, with doc links unmarked.
func paragraph(g *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(g.Text()), " ")
	return strings.NewReplacer("[", "", "]", "").Replace(text)
}

// documentOnce fills the comments into the shared shapes.
var documentOnce sync.Once

// document fills the comments into a list of types and their shapes.
func document(list []TypeInfo) {
	c := readComments()
	documentOnce.Do(func() {
		for i := range list {
			c.fill(list[i].Shape)
		}
	})
	for i := range list {
		list[i].Doc = c.types[list[i].Name]
	}
}

func (c *comments) fill(s *Shape) {
	s.Doc = c.types[s.Name]
	for i := range s.Words {
		s.Words[i].Doc = c.values[s.Name][s.Words[i].Value]
	}
	for i := range s.Fields {
		s.Fields[i].Doc = c.fields[s.Fields[i].goName]
		c.fill(s.Fields[i].Shape)
	}
	if s.Items != nil {
		c.fill(s.Items)
	}
}
