package rows

import (
	"fmt"
	"strings"

	"trunkline/feed/export/schema"
	"trunkline/floor"
	"trunkline/floor/interval"
)

// view is what the cells of a row look at: what the row is about, nil for what it is
// not about.
type view struct {
	b *Books
	t *floor.Tenant

	i *issue
	v *visit
	p *part
	x *transfer
	n *note
	c *checkIn
	f *fact
	a *floor.Agent
	g *agent
	s *slot
	q *floor.Queue
	k *caller
	d *session

	status   *status
	in       *inStatus
	queueRow *interval.QueueRow
	agentRow *interval.AgentRow

	at   int64     // what the row's instance_ts is made of, where it is not the issue's
	with [4]string // texts that only one table has
	num  [4]int64
}

// cell makes one value of a row.
type cell func(*view) schema.Value

// cells are the columns of a table that have values.
type cells map[string]cell

// sheet writes the rows of one table.
type sheet struct {
	table *schema.Table
	cells []cell // by column, nil for those without values
	row   schema.Row
}

// newSheet makes the sheet of a table. Every column that the table's definition says
// has values must have a cell, and no other.
func newSheet(name string, parts ...cells) *sheet {
	t, ok := schema.Find(name)
	if !ok {
		panic("no table " + name)
	}
	s := &sheet{table: t, cells: make([]cell, len(t.Columns)), row: make(schema.Row, len(t.Columns))}
	for _, p := range parts {
		for column, c := range p {
			i, ok := t.Column(column)
			if !ok {
				panic(fmt.Sprintf("table %s has no column %s", name, column))
			}
			s.cells[i] = c
		}
	}
	var wrong []string
	for i, c := range t.Columns {
		if c.Null != (s.cells[i] == nil) {
			wrong = append(wrong, c.Name)
		}
	}
	if len(wrong) > 0 {
		panic(fmt.Sprintf("table %s: what its definition says of %s is not so", name, strings.Join(wrong, ", ")))
	}
	return s
}

// pick gives those of some cells that a table has.
func pick(from cells, columns string) cells {
	out := cells{}
	for name := range strings.FieldsSeq(columns) {
		c, ok := from[name]
		if !ok {
			panic("no cell " + name)
		}
		out[name] = c
	}
	return out
}

// secs gives milliseconds as seconds.
func secs(ms int64) schema.Value { return schema.Real(float64(ms) / 1000) }

// whole gives milliseconds as full seconds.
func whole(ms int64) schema.Value { return schema.Int(ms / 1000) }

// num gives the number of an id, null for none.
func num(id string) schema.Value {
	if id == "" {
		return schema.Value{}
	}
	return schema.Int(Number(id))
}

// queueNum gives the number of a queue, null for none.
func queueNum(id string) schema.Value {
	if id == "" {
		return schema.Value{}
	}
	return schema.Int(QueueNumber(id))
}

// flag gives a truth value as the 1 or 0 of columns that are numbers.
func flag(v bool) schema.Value {
	if v {
		return schema.Int(1)
	}
	return schema.Int(0)
}

// cut gives a text of at most so many bytes.
func cut(s string, most int) schema.Value {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return schema.Some(s)
}
