package config

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// WriteExample writes a file with every setting at its default and a comment above each. It loads to the defaults.
func WriteExample(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `# Configuration of trunkline. Every setting stands here with its default: delete what you do not change.
# Each can also be set by an environment variable: TRUNKLINE_ and the path in capitals, as in TRUNKLINE_LISTEN_ADDR.
# Durations: 500ms, 15m, 72h, 3d. Sizes: 512B, 64KiB, 8MiB, 20GiB.
`)
	c := Default()
	for _, f := range fields(reflect.ValueOf(&c).Elem(), "") {
		fmt.Fprintln(out)
		example(out, f, "")
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the example: %w", err)
	}
	return nil
}

func example(w io.Writer, f field, indent string) {
	comment(w, indent, f.doc)
	switch {
	case f.section():
		fmt.Fprintf(w, "%s%s:\n", indent, f.key)
		for i, sub := range fields(f.value, f.path) {
			if i > 0 && (sub.section() || indent == "") {
				fmt.Fprintln(w)
			}
			example(w, sub, indent+"  ")
		}
	case f.list():
		fmt.Fprintf(w, "%s%s: []\n", indent, f.key)
		entry(w, f, indent)
	default:
		if a := f.accepted(); a != "" {
			comment(w, indent, "Accepted: "+a+".")
		}
		fmt.Fprintf(w, "%s%s: %s\n", indent, f.key, f.yaml(f.text()))
	}
}

// entry writes one commented entry of a list of sections.
func entry(w io.Writer, f field, indent string) {
	element := reflect.New(f.value.Type().Elem()).Elem()
	setDefaults(element)
	fmt.Fprintf(w, "%s# As in:\n%s# %s:\n", indent, indent, f.key)
	dash := "- "
	for _, sub := range fields(element, "") {
		entryLines(w, sub, indent+"#   ", dash)
		if _, ok := sub.tag.Lookup("example"); ok {
			dash = "  "
		}
	}
}

// entryLines writes a key of an entry; one that has no example is commented once more.
func entryLines(w io.Writer, f field, before, dash string) {
	blank := strings.Repeat(" ", len(dash))
	value, ok := f.tag.Lookup("example")
	switch {
	case ok:
		fmt.Fprintf(w, "%s%s%-36s # %s\n", before, dash, f.key+": "+f.yaml(value), f.doc)
	case f.section():
		fmt.Fprintf(w, "%s%s# %-34s # %s\n", before, blank, f.key+":", f.doc)
		for _, sub := range fields(f.value, f.path) {
			fmt.Fprintf(w, "%s%s#   %-32s # %s\n", before, blank, sub.key+": "+sub.text(), sub.doc)
		}
	default:
		fmt.Fprintf(w, "%s%s# %-34s # %s\n", before, blank, strings.TrimSpace(f.key+": "+f.text()), f.doc)
	}
}

// yaml writes a value so that it is read as the same text.
func (f field) yaml(text string) string {
	if f.words() {
		if text == "" {
			return "[]"
		}
		return "[" + text + "]"
	}
	if _, ok := f.value.Interface().(string); ok && (text == "" || strings.ContainsAny(text, ":#*&!|>'\"%@`{}[], ")) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return text
}

const lineWidth = 110

// comment writes a paragraph as comment lines.
func comment(w io.Writer, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > lineWidth && line != indent+"#" {
			fmt.Fprintln(w, line)
			line = indent + "#"
		}
		line += " " + word
	}
	fmt.Fprintln(w, line)
}
