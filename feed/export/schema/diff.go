package schema

import (
	"fmt"
	"slices"
	"strconv"
)

// Change is one difference between two schema documents.
type Change struct {
	Table, Column string // Column is "" for what is of the table
	What          string // in words
	Breaking      bool   // somebody who loads the table as it was must do something
	added         bool   // the column is new
}

// String gives the change as one line.
func (c Change) String() string {
	name, mark := c.Table, " "
	if c.Column != "" {
		name += "." + c.Column
	}
	if c.Breaking {
		mark = "!"
	}
	return mark + " " + name + ": " + c.What
}

// Diff gives what is different in a newer document, by table and column in the order of
// the newer one; what is gone comes behind.
func Diff(older, newer Document) []Change {
	var out []Change
	for _, t := range newer.tables() {
		if o, ok := older.Find(t.Name); ok {
			out = diffTable(out, o, &t)
		} else {
			out = append(out, Change{Table: t.Name, What: "added"})
		}
	}
	for _, t := range older.tables() {
		if _, ok := newer.Find(t.Name); !ok {
			out = append(out, Change{Table: t.Name, What: "removed", Breaking: true})
		}
	}
	return out
}

func diffTable(out []Change, o, n *DocTable) []Change {
	differs := func(what, a, b string, breaking bool) {
		if a != b {
			out = append(out, Change{Table: n.Name, What: fmt.Sprintf("%s is %q, was %q", what, b, a), Breaking: breaking})
		}
	}
	differs("version", o.Version, n.Version, false)
	differs("primary key", o.PrimaryKey, n.PrimaryKey, true)
	differs("ordering", o.OrderingKey, n.OrderingKey, true)
	differs("logical timestamp", o.Logical, n.Logical, true)
	differs("sync time", o.SyncTime, n.SyncTime, true)
	differs("release state", o.ReleaseState, n.ReleaseState, n.ReleaseState == "empty")
	differs("description", o.Description, n.Description, false)
	differs("notes", o.Notes, n.Notes, false)
	for _, c := range n.Columns {
		i := slices.IndexFunc(o.Columns, func(x DocColumn) bool { return x.Name == c.Name })
		if i < 0 {
			out = append(out, Change{Table: n.Name, Column: c.Name, What: "added, " + c.Type, added: true})
			continue
		}
		out = diffColumn(out, n.Name, &o.Columns[i], &c)
	}
	for _, c := range o.Columns {
		if !slices.ContainsFunc(n.Columns, func(x DocColumn) bool { return x.Name == c.Name }) {
			out = append(out, Change{Table: n.Name, Column: c.Name, What: "removed", Breaking: true})
		}
	}
	return out
}

func diffColumn(out []Change, table string, o, n *DocColumn) []Change {
	differs := func(what, a, b string, breaking bool) {
		if a != b {
			out = append(out, Change{Table: table, Column: n.Name, What: fmt.Sprintf("%s is %q, was %q", what, b, a), Breaking: breaking})
		}
	}
	differs("type", o.Type, n.Type, true)
	differs("kind", o.Kind, n.Kind, true)
	differs("description", o.Description, n.Description, false)
	differs("deprecated since", o.Deprecated, n.Deprecated, false)
	if o.Ignore != n.Ignore {
		what := "has values now"
		if n.Ignore {
			what = "has no values any more"
		}
		out = append(out, Change{Table: table, Column: n.Name, What: what, Breaking: n.Ignore})
	}
	return out
}

// Check says what a newer document owes those who follow it. A table whose change
// breaks those who load it has a higher version; a version never goes down, and is a
// whole number; a column that was added says since when, and one that changed when.
func Check(older, newer Document) []error {
	var out []error
	wrong := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	changes := Diff(older, newer)
	for _, t := range newer.tables() {
		version, err := strconv.Atoi(t.Version)
		if err != nil || version < 1 {
			wrong("table %s: version %q is not a whole number from 1 on", t.Name, t.Version)
			continue
		}
		o, ok := older.Find(t.Name)
		if !ok {
			continue
		}
		before, _ := strconv.Atoi(o.Version)
		if version < before {
			wrong("table %s: version %d comes after %d", t.Name, version, before)
		}
		for _, c := range changes {
			if c.Table != t.Name {
				continue
			}
			if c.Breaking && version <= before {
				wrong("table %s: %s, and the version is still %d", t.Name, c, version)
			}
			if c.Column != "" {
				owed(o, &t, c, wrong)
			}
		}
	}
	return out
}

// owed checks the dates of a column that was added or changed.
func owed(o, n *DocTable, c Change, wrong func(string, ...any)) {
	find := func(t *DocTable) DocColumn {
		i := slices.IndexFunc(t.Columns, func(x DocColumn) bool { return x.Name == c.Column })
		if i < 0 {
			return DocColumn{}
		}
		return t.Columns[i]
	}
	was, is := find(o), find(n)
	switch {
	case is.Name == "": // removed: the version says so
	case c.added && is.Created <= o.ActiveDate:
		wrong("table %s: column %s was added and says that it is there since %q", n.Name, c.Column, is.Created)
	case !c.added && is.Updated <= was.Updated:
		wrong("table %s: column %s changed (%s) and says that its last change was on %q", n.Name, c.Column, c.What, is.Updated)
	}
}
