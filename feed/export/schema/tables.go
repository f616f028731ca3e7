package schema

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// first is the day from which on the tables are there in their first version.
const first = "2026-11-21"

// Tables lists all tables by name. They are shared: nobody may change them.
func Tables() []*Table { return tables() }

// Find gives the table of a name.
func Find(name string) (*Table, bool) {
	all := tables()
	i, ok := slices.BinarySearchFunc(all, name, func(t *Table, n string) int { return strings.Compare(t.Name, n) })
	if !ok {
		return nil, false
	}
	return all[i], true
}

//go:embed columns.tsv
var columnsText string

//go:embed descriptions.tsv
var descriptionsText string

var tables = sync.OnceValue(func() []*Table {
	all := define()
	slices.SortFunc(all, func(a, b *Table) int { return strings.Compare(a.Name, b.Name) })
	byName := map[string]*Table{}
	for _, t := range all {
		t.index = map[string]int{}
		byName[t.Name] = t
	}
	words := descriptions()
	for n, line := range lines(columnsText) {
		f := strings.Split(line, "\t")
		if len(f) < 3 || byName[f[0]] == nil {
			panic(fmt.Sprintf("columns.tsv:%d: %q is not table, column and type", n, line))
		}
		t := byName[f[0]]
		c := Column{Name: f[1], SQL: f[2], Kind: kindOf(f[2]), Since: first, Null: t.Empty != ""}
		if slices.Contains(t.deprecated(), c.Name) {
			c.Deprecated = first
		}
		for _, more := range f[3:] {
			switch name, date, _ := strings.Cut(more, "="); name {
			case "-":
				c.Null = true
			case "since":
				c.Since = date
			case "changed":
				c.Changed = date
			case "deprecated":
				c.Deprecated = date
			default:
				panic(fmt.Sprintf("columns.tsv:%d: %q is not -, since=, changed= or deprecated= with a date", n, more))
			}
		}
		if d, ok := words[t.Name+"."+c.Name]; ok {
			c.Description = d
		} else {
			c.Description = words[c.Name]
		}
		if c.Null && words[t.Name+"."+c.Name] == "" {
			c.Description = "No value: no fact tells of it."
		}
		t.index[c.Name] = len(t.Columns)
		t.Columns = append(t.Columns, c)
	}
	return all
})

// lines gives the lines that are not comments, by their number.
func lines(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.TrimRight(line, "\r\n")
			if line != "" && line[0] != '#' && !yield(n, line) {
				return
			}
		}
	}
}

func descriptions() map[string]string {
	out := map[string]string{}
	for _, line := range lines(descriptionsText) {
		name, text, _ := strings.Cut(line, "\t")
		out[name] = text
	}
	return out
}

// kindOf tells which kind of values a documented type holds.
func kindOf(sql string) Kind {
	word, _, _ := strings.Cut(strings.ToLower(sql), "(")
	switch word, _, _ = strings.Cut(word, " "); word {
	case "bigint", "integer", "int", "smallint", "tinyint":
		return Integer
	case "double", "float", "numeric":
		return Float
	case "boolean":
		return Boolean
	case "timestamp", "datetime":
		return Timestamp
	}
	return String
}

const (
	quarter = 15 * time.Minute
	hour    = time.Hour
	day     = 24 * time.Hour
)

// of begins the definition of a table.
func of(name string, every time.Duration, key, order, description string) *Table {
	t := &Table{Name: name, Version: "1", Every: every, Description: description, Key: names(key), Order: names(order)}
	if len(t.Order) > 0 {
		t.Logical = t.Order[0]
	}
	return t
}

func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, " ")
}

// guide notes the key of the de-duplication guide where it is another one.
func (t *Table) guide(key string) *Table {
	t.Guide = names(key)
	return t
}

// by names the column of the logical time where the guide's order cannot tell.
func (t *Table) by(column string) *Table {
	t.Logical = column
	return t
}

func (t *Table) empty(why string) *Table {
	t.Empty = why
	return t
}

func (t *Table) optIn() *Table {
	t.OptIn = true
	return t
}

// deprecated lists the columns of former names that are there beside the new ones.
func (t *Table) deprecated() []string {
	switch t.Name {
	case "convos_intents", "convos_intents_ended":
		return names("conversation_id first_agent_id")
	case "convos_metadata", "convos_metadata_ended":
		return names("first_agent_id last_agent_id external_agent_id trigger_link")
	case "convos_metrics", "convos_metrics_ended":
		return names("conversation_id agent_sent_msgs agent_response_count auto_wait_for_agent_msgs customer_wait_for_agent_msgs")
	case "customer_params", "customer_params_hourly":
		return names("rep_id")
	case "issue_omnichannel":
		return names("opaque_id event_ts")
	case "reps":
		return names("agent_id crm_agent_id agent_status")
	case "transfers":
		return names("conversation_id agent_id requested_agent_transfer actual_agent_transfer")
	case "utterances":
		return names("conversation_id sequence_id sent_to_agent")
	case "rep_hierarchy":
		return names("subordinate_agent_id superior_agent_id")
	}
	return names("conversation_id agent_id last_agent_id agents_involved agent_name agent_attribute_id external_agent_id agent_first_response_ts")
}
