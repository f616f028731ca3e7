package schema

import (
	"bytes"
	"fmt"
	"strings"

	"trunkline/event"
)

const preface = `# The vocabulary

<!-- Made from the Go types in package event. Change those, then run: go test ./event/schema -update -->

What happens in a contact centre reaches Trunkline as facts. Each fact is a CloudEvent whose type is a word of this
vocabulary. The JSON Schema of each is served under ` + "`/v1/schemas/`" + `.

- ` + "`subject`" + ` is required and names the entity of the data: the part before the slash is given with each fact.
- Fields marked **required** must be there; texts among them must not be empty. ` + "`null`" + ` is the same as absent.
- Fields that end in ` + "`_ms`" + ` are durations in whole milliseconds. Times are RFC 3339.
- Fields that are not listed are carried, but nothing reads them.
- Facts marked *derived* are made by the log itself.

An example:

` + "```json" + `
{"specversion":"1.0","id":"0192-7","source":"/asterisk/pbx1","type":"interaction.queued","subject":"interaction/1789560001.118",
 "time":"2026-09-16T12:00:01.238Z","data":{"interaction":"1789560001.118","media":"phone","queue":"support","position":3}}
` + "```" + `
`

// Markdown writes the vocabulary as a document for people.
func Markdown() []byte {
	types := event.Types()
	m := markdown{seen: map[string]bool{}}
	m.WriteString(preface)
	m.WriteString("\n## Facts\n\n| type | what it says |\n|---|---|\n")
	for _, t := range types {
		fmt.Fprintf(&m, "| [`%s`](#%s) | %s |\n", t.Type, anchor(t.Type), cell(firstSentence(t.Doc)))
	}
	for _, t := range types {
		fmt.Fprintf(&m, "\n### %s\n\n%s Subject: `%s`.", t.Type, plain(t.Doc), subject(t))
		if t.Derived {
			m.WriteString(" *Derived.*")
		}
		m.WriteString("\n")
		m.table(t.Shape)
	}
	m.WriteString("\n## Parts\n")
	for i := 0; i < len(m.parts); i++ {
		s := m.parts[i]
		fmt.Fprintf(&m, "\n### %s\n\n%s\n", s.Name, plain(s.Doc))
		if s.Kind == event.KindObject {
			m.table(s)
			continue
		}
		m.WriteString("\n| word | meaning |\n|---|---|\n")
		for _, w := range s.Words {
			fmt.Fprintf(&m, "| `%s` | %s |\n", w.Value, cell(w.Doc))
		}
	}
	return m.Bytes()
}

// markdown is a document in the making; parts are the named shapes that it has
// mentioned and must describe.
type markdown struct {
	bytes.Buffer
	parts []*event.Shape
	seen  map[string]bool
}

func (m *markdown) table(s *event.Shape) {
	m.WriteString("\n| field | kind | |\n|---|---|---|\n")
	for _, f := range s.Fields {
		doc := cell(plain(f.Doc))
		if f.Required {
			doc = "**required** " + doc
		}
		fmt.Fprintf(m, "| `%s` | %s | %s |\n", f.Name, m.kind(f.Shape), doc)
	}
}

// kind names a shape, and remembers it when it has a section of its own.
func (m *markdown) kind(s *event.Shape) string {
	if s.Name != "" {
		if !m.seen[s.Name] {
			m.seen[s.Name] = true
			m.parts = append(m.parts, s)
		}
		return fmt.Sprintf("[%s](#%s)", s.Name, anchor(s.Name))
	}
	switch s.Kind {
	case event.KindTime:
		return "time"
	case event.KindInteger:
		return "integer"
	case event.KindNumber:
		return "number"
	case event.KindFlag:
		return "true or false"
	case event.KindList:
		return "list of " + m.kind(s.Items)
	case event.KindMap:
		return "object of " + m.kind(s.Items)
	default:
		return "text"
	}
}

func subject(t event.TypeInfo) string {
	if t.Subject == "entity" {
		return "<entity>"
	}
	return t.Subject + "/<" + t.Subject + ">"
}

// anchor is the fragment under which Markdown renderers offer a heading.
func anchor(heading string) string {
	return strings.ToLower(strings.ReplaceAll(heading, ".", ""))
}

func firstSentence(doc string) string {
	doc = plain(doc)
	if s, _, ok := strings.Cut(doc, ". "); ok {
		return s + "."
	}
	return doc
}

// cell makes a text fit into a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
