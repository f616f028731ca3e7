package config

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// WriteDocs writes docs/configuration.md.
func WriteDocs(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `# Configuration

<!-- Written by "go test ./config -update" from the tags in config/config.go: change it there. -->

`+"`trunkline serve -c FILE`"+` reads a YAML file. `+"`trunkline config example`"+` prints one with every setting at its default,
`+"`trunkline config check -c FILE`"+` says what is wrong with one and which settings differ from the defaults.

- A key that is not known is refused with its line and column and the nearest known key. All complaints are given at once.
- Every setting outside of the lists can also be given in the environment, which goes before the file. A `+"`TRUNKLINE_`"+`
  variable that is not known is a warning, because orchestrators set such variables on their own.
- Durations: `+"`500ms`, `15m`, `72h`, `3d`. Sizes: `512B`, `64KiB`, `8MiB`, `20GiB`"+` (kB, MB, GB, TB are powers of ten).
- Anchors, aliases, tags and merge keys are not read.
`)
	c := Default()
	for _, f := range fields(reflect.ValueOf(&c).Elem(), "") {
		document(out, f)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the documentation: %w", err)
	}
	return nil
}

func document(w io.Writer, top field) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n", top.key, top.doc)
	if top.list() {
		entries(w, top)
		return
	}
	head := "\n| key | environment | default | accepted | meaning |\n|---|---|---|---|---|\n"
	var lists []field
	walk(top.value, top.path, func(f field) {
		if f.list() {
			lists = append(lists, f)
			return
		}
		fmt.Fprint(w, head)
		head = ""
		if f.section() {
			fmt.Fprintf(w, "| **%s** | | | | %s |\n", f.path, cell(f.doc))
			return
		}
		fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %s |\n", f.path, f.env(), code(f.text()), f.takes(), cell(f.doc))
	})
	for _, f := range lists {
		fmt.Fprintf(w, "\n### %s\n\n%s\n", f.path, f.doc)
		entries(w, f)
	}
}

// entries documents the keys of an entry of a list.
func entries(w io.Writer, list field) {
	fmt.Fprint(w, "\n| key of an entry | default | accepted | meaning |\n|---|---|---|---|\n")
	element := reflect.New(list.value.Type().Elem()).Elem()
	setDefaults(element)
	walk(element, "", func(f field) {
		if f.section() {
			fmt.Fprintf(w, "| **%s** | | | %s |\n", f.path, cell(f.doc))
			return
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", f.path, code(f.text()), f.takes(), cell(f.doc))
	})
}

// takes says in words what may be given.
func (f field) takes() string {
	if a := f.accepted(); a != "" {
		return a
	}
	return f.kind()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
