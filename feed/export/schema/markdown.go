package schema

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the reference of the tables for people: each with its key, its
// order and its columns, and those that stay empty with the reason.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(preamble)
	b.WriteString("| table | window | rows | key | latest by |\n|---|---|---|---|---|\n")
	for _, t := range Tables() {
		rows := t.Description
		if t.Empty != "" {
			rows = "**empty**: " + t.Empty
		}
		if t.OptIn {
			rows += " For tenants that ask for it."
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", t.Name, t.Name, syncOf(t.Every), rows, code(t.Key), code(ByLogical.Columns(t)))
	}
	for _, t := range Tables() {
		section(&b, t)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const preamble = `# The export tables

Made by ` + "`trunkline export schema show --format markdown`" + ` from the definitions that also write the rows; do not edit.

The names, columns, documented types and keys are those of the ASAPP exports. What is not filled is there and null, so that
what loads those exports loads these.

- **Windows.** A row is in the window in which what it tells of was appended to the log. A fact that comes late writes its row
  anew in the window in which it came, with the ` + "`instance_ts`" + ` of when it happened.
- **Duplicates.** Of the rows with one key the latest holds: the highest logical time, then the latest window.
  ` + "`trunkline export dedupe-sql TABLE`" + ` prints the query; with ` + "`--ordering guide`" + ` by the columns of the vendor's guide.
  Within a window a key has one row. The query for ` + "`convos_metrics`" + ` looks like this (columns left out):

` + "```sql" + `
SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY issue_id ORDER BY first_utterance_ts DESC NULLS LAST, dt DESC, hr DESC) AS row_idx
  FROM convos_metrics) AS latest
WHERE row_idx = 1
` + "```" + `

- **Times** are UTC texts of one width, ` + "`2026-03-02T09:00:00.000000+00:00`" + `: their order as texts is their order in time.
- **Ids.** Where the documented type is a number (` + "`issue_id`, `customer_id`, `sender_id`, `agent_id`" + ` …) an id that is a number of up to 18 digits
  is taken as it is; of any other it is the first 63 bits of its SHA-256, with the sign bit cleared. ` + "`queue_id`" + ` has 31 bits, because its type
  is ` + "`integer`" + `. The ids themselves are in ` + "`rep_id`, `external_issue_id`, `external_user_id` and `issue_queue_id`" + `; ` + "`reps` and `dim_queues`" + ` tell which number is whose.
- **Types.** The vendor's schema leaves the type of some columns out; they have that of their twin.
- **A table's version** is in its path and changes when those who load it must do something: a column goes, a type, the key or the order
  changes. ` + "`trunkline export schema diff OLD NEW`" + ` shows what changed between two documents.

The tests of package ` + "`feed/export/rows`" + ` hold the tables of a simulated day against the books that the simulator keeps, against the floor, and
against what DuckDB and PostgreSQL make of them with the printed queries; ` + "`TRUNKLINE_EXPORT_HOURS=20 go test ./feed/export/rows`" + ` takes a longer day.

## All tables

`

func section(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "\n## %s\n\n%s", t.Name, t.Description)
	if t.Empty != "" {
		fmt.Fprintf(b, " Stays empty: %s.", t.Empty)
	}
	fmt.Fprintf(b, " Version %s, a window of %s.\n\nKey %s", t.Version, syncOf(t.Every), code(t.Key))
	if len(t.Guide) > 0 {
		fmt.Fprintf(b, " (the guide's is %s, %s)", code(t.Guide), t.guideIs())
	}
	if len(t.Order) > 0 {
		fmt.Fprintf(b, "; guide's order %s", code(t.Order))
	}
	if t.Logical != "" {
		fmt.Fprintf(b, "; logical time `%s`", t.Logical)
	}
	b.WriteString(".\n")
	if t.Empty == "" {
		b.WriteString("\n| column | type | what it holds |\n|---|---|---|\n")
	}
	var none []string
	for _, c := range t.Columns {
		switch {
		case c.Null && !strings.HasPrefix(c.Description, "Always null"):
			none = append(none, c.Name)
		case c.Deprecated != "":
			fmt.Fprintf(b, "| `%s` | %s | deprecated: %s |\n", c.Name, c.SQL, c.Description)
		default:
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", c.Name, c.SQL, c.Description)
		}
	}
	if len(none) > 0 {
		fmt.Fprintf(b, "\nAlways null: %s.\n", code(none))
	}
}

func code(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
