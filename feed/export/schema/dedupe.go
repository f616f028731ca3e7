package schema

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ordering is how the latest of the rows with one key is found.
type Ordering uint8

// The orderings.
const (
	// ByLogical takes the highest logical time, then the latest window: the column of
	// the logical time, and behind it the time of insertion.
	ByLogical Ordering = iota
	// ByGuide takes the columns that the de-duplication guide names, then the latest
	// window.
	ByGuide
)

// String gives the ordering's name.
func (o Ordering) String() string { return [...]string{"logical", "guide", ""}[min(o, ByGuide+1)] }

// ParseOrdering reads an ordering's name.
func ParseOrdering(name string) (Ordering, error) {
	for _, o := range [...]Ordering{ByLogical, ByGuide} {
		if o.String() == name {
			return o, nil
		}
	}
	return 0, fmt.Errorf("%q is no ordering; there are logical and guide", name)
}

// Columns gives the columns by which an ordering finds the latest row, the higher
// first. After them the window decides.
func (o Ordering) Columns(t *Table) []string {
	if o == ByGuide {
		return t.Order
	}
	if t.Logical == "" {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(t.Order), func(c string) bool { return c == t.Logical })
	return append([]string{t.Logical}, rest...)
}

// Query is what a statement that removes duplicates reads.
type Query struct {
	// From is what stands behind FROM: a table's or view's name, or a function that
	// reads files. The table's name when it is empty. It is taken as it is.
	From     string
	Ordering Ordering
}

// DedupeSQL gives the statement that reads a table without duplicates, in standard
// SQL with ROW_NUMBER. What it reads must have the keys of the paths as columns: dt,
// and hr and mi where the table has them.
func DedupeSQL(t *Table, q Query) string {
	from := q.From
	if from == "" {
		from = quoteName(t.Name)
	}
	var b strings.Builder
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = quoteName(c.Name)
	}
	columns := strings.Join(names, ",\n       ")
	order := make([]string, 0, 5)
	for _, c := range slices.Concat(q.Ordering.Columns(t), t.Partitions()) {
		order = append(order, quoteName(c)+" DESC NULLS LAST")
	}
	key := make([]string, len(t.Key))
	for i, c := range t.Key {
		key[i] = quoteName(c)
	}
	fmt.Fprintf(&b, "SELECT %s\nFROM (\n  SELECT numbered.*,\n         ROW_NUMBER() OVER (\n           PARTITION BY %s\n           ORDER BY %s\n         ) AS row_idx\n  FROM %s AS numbered\n) AS latest\nWHERE row_idx = 1",
		columns, strings.Join(key, ", "), strings.Join(order, ",\n                    "), from)
	return b.String()
}

// quoteName quotes a name, so that one that is also a word of the language is taken
// for a name. All names are lower case, which all dialects read alike.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Dedupe removes duplicates from rows of one table.
type Dedupe struct {
	key, order []int
}

// NewDedupe prepares to remove duplicates from a table's rows.
func NewDedupe(t *Table, o Ordering) *Dedupe {
	at := func(names []string) []int {
		out := make([]int, 0, len(names))
		for _, n := range names {
			if i, ok := t.Column(n); ok {
				out = append(out, i)
			}
		}
		return out
	}
	return &Dedupe{at(t.Key), at(o.Columns(t))}
}

// AppendKey appends what a row has in common with its duplicates and with no other
// row: the values of the key's columns.
func (d *Dedupe) AppendKey(dst []byte, r Row) []byte {
	for _, i := range d.key {
		dst = append(r[i].AppendJSON(dst), ',')
	}
	return dst
}

// Newer says that row a of a window holds before row b of another, or of the same
// window where b came first.
func (d *Dedupe) Newer(a Row, windowA time.Time, b Row, windowB time.Time) bool {
	for _, i := range d.order {
		if c := a[i].Compare(b[i]); c != 0 {
			return c > 0
		}
	}
	return !windowA.Before(windowB)
}
