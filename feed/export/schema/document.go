package schema

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// DocsName is the name of the schema document in a bucket.
const DocsName = "export_docs.yaml"

// ErrDocs is what the errors of a schema document that cannot be read wrap.
var ErrDocs = errors.New("not a schema document")

// Document is the schema document: what consumers find out from, by comparing the
// documents of two days, that a table has changed. It has the shape of the vendor's.
type Document struct {
	Schemas []DocSchema `yaml:"schemas"`
}

// DocSchema is a set of tables.
type DocSchema struct {
	Name   string     `yaml:"name"`
	Source string     `yaml:"source"`
	Tables []DocTable `yaml:"tables"`
}

// DocTable is a table in the document.
type DocTable struct {
	Name         string      `yaml:"name"`
	Version      string      `yaml:"version"`
	Description  string      `yaml:"description"`
	PrimaryKey   string      `yaml:"primary_key"`                 // columns, joined by ", "
	OrderingKey  string      `yaml:"ordering_key"`                // columns, each with DESC, joined by ", "
	Logical      string      `yaml:"logical_timestamp,omitempty"` // a column
	SyncTime     string      `yaml:"sync_time"`                   // 15m, 1h or 1d
	ActiveDate   string      `yaml:"active_date"`
	ModifiedDate string      `yaml:"modified_date,omitempty"`
	ReleaseState string      `yaml:"release_state"` // active, or empty for a table without rows
	Notes        string      `yaml:"notes,omitempty"`
	OptIn        bool        `yaml:"opt_in,omitempty"`
	Columns      []DocColumn `yaml:"columns"`
}

// DocColumn is a column in the document.
type DocColumn struct {
	Name        string `yaml:"name"`
	Type        string `yaml:"type"` // as the interface documents it
	Kind        string `yaml:"kind"` // string, integer, float, boolean or timestamp
	Description string `yaml:"description"`
	Created     string `yaml:"created_date"`
	Updated     string `yaml:"updated_date,omitempty"`
	Deprecated  string `yaml:"deprecation_date,omitempty"`
	Primary     bool   `yaml:"primary,omitempty"`
	Ignore      bool   `yaml:"ignore,omitempty"` // it never has a value
}

// Docs gives the document of the tables as they are.
func Docs() Document {
	s := DocSchema{Name: "exports", Source: "trunkline"}
	for _, t := range Tables() {
		s.Tables = append(s.Tables, docOf(t))
	}
	return Document{Schemas: []DocSchema{s}}
}

func docOf(t *Table) DocTable {
	d := DocTable{
		Name: t.Name, Version: t.Version, Description: t.Description, PrimaryKey: strings.Join(t.Key, ", "), Logical: t.Logical,
		SyncTime: syncOf(t.Every), ReleaseState: "active", OptIn: t.OptIn,
	}
	order := make([]string, len(t.Order))
	for i, c := range t.Order {
		order[i] = c + " DESC"
	}
	d.OrderingKey = strings.Join(order, ", ")
	if t.Empty != "" {
		d.ReleaseState, d.Notes = "empty", t.Empty
	}
	if t.Guide != nil {
		d.Notes = strings.TrimPrefix(d.Notes+"; the guide's key is "+strings.Join(t.Guide, ", ")+", "+t.guideIs(), "; ")
	}
	for _, c := range t.Columns {
		d.Columns = append(d.Columns, DocColumn{
			Name: c.Name, Type: c.SQL, Kind: c.Kind.String(), Description: c.Description, Created: c.Since, Updated: c.Changed,
			Deprecated: c.Deprecated, Primary: slices.Contains(t.Key, c.Name), Ignore: c.Null,
		})
		d.ModifiedDate = max(d.ModifiedDate, c.Changed)
		if d.ActiveDate == "" || c.Since < d.ActiveDate {
			d.ActiveDate = c.Since
		}
	}
	return d
}

func syncOf(every time.Duration) string {
	switch {
	case every >= 24*time.Hour:
		return "1d"
	case every >= time.Hour:
		return "1h"
	}
	return "15m"
}

// WriteDocs writes the schema document as YAML. It says nothing of when it was
// written: of two days it differs only if a table does.
func WriteDocs(w io.Writer) error {
	raw, err := yaml.MarshalWithOptions(Docs(), yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("write the schema document: %w", err)
	}
	_, err = w.Write(raw)
	return err
}

// maxDocs bounds a document that is read, in bytes.
const maxDocs = 8 << 20

// ParseDocs reads a schema document. Members that are not known are passed over.
func ParseDocs(raw []byte) (Document, error) {
	var d Document
	if len(raw) > maxDocs {
		return d, fmt.Errorf("%w: it has more than %d bytes", ErrDocs, maxDocs)
	}
	if err := yaml.Unmarshal(raw, &d); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocs, err)
	}
	seen := map[string]bool{}
	for _, t := range d.tables() {
		switch {
		case t.Name == "":
			return Document{}, fmt.Errorf("%w: a table has no name", ErrDocs)
		case seen[t.Name]:
			return Document{}, fmt.Errorf("%w: table %s is there twice", ErrDocs, t.Name)
		case len(t.Columns) == 0:
			return Document{}, fmt.Errorf("%w: table %s has no columns", ErrDocs, t.Name)
		}
		seen[t.Name] = true
	}
	if len(seen) == 0 {
		return Document{}, fmt.Errorf("%w: it has no tables", ErrDocs)
	}
	return d, nil
}

func (d *Document) tables() []DocTable {
	var out []DocTable
	for _, s := range d.Schemas {
		out = append(out, s.Tables...)
	}
	return out
}

// Find gives the table of a name as the document has it.
func (d *Document) Find(name string) (*DocTable, bool) {
	for i := range d.Schemas {
		for j := range d.Schemas[i].Tables {
			if t := &d.Schemas[i].Tables[j]; t.Name == name {
				return t, true
			}
		}
	}
	return nil, false
}

// Table makes a table of what a document says: what a consumer reads rows by that have
// columns which its own definitions do not know.
func (d *DocTable) Table() (*Table, error) {
	t := &Table{
		Name: d.Name, Version: d.Version, Description: d.Description, Logical: d.Logical, OptIn: d.OptIn, Key: list(d.PrimaryKey),
		Order: list(strings.ReplaceAll(d.OrderingKey, " DESC", "")), index: map[string]int{},
	}
	switch d.SyncTime {
	case "15m":
		t.Every = quarter
	case "1h":
		t.Every = hour
	case "1d":
		t.Every = day
	default:
		return nil, fmt.Errorf("%w: table %s has the sync_time %q; there are 15m, 1h and 1d", ErrDocs, d.Name, d.SyncTime)
	}
	if d.ReleaseState == "empty" {
		t.Empty = d.Notes
	}
	for _, c := range d.Columns {
		if _, twice := t.index[c.Name]; twice || c.Name == "" {
			return nil, fmt.Errorf("%w: table %s has column %q twice or without a name", ErrDocs, d.Name, c.Name)
		}
		t.index[c.Name] = len(t.Columns)
		t.Columns = append(t.Columns, Column{
			Name: c.Name, SQL: c.Type, Kind: kindOf(c.Type), Description: c.Description, Null: c.Ignore, Since: c.Created, Changed: c.Updated, Deprecated: c.Deprecated,
		})
	}
	for _, n := range slices.Concat(t.Key, t.Order) {
		if _, ok := t.index[n]; !ok {
			return nil, fmt.Errorf("%w: table %s has no column %s, which its key or order names", ErrDocs, d.Name, n)
		}
	}
	return t, nil
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
