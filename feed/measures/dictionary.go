package measures

import (
	_ "embed" // the dictionaries
	"slices"
	"strings"
	"sync"
)

// namesText has a line for each measure of the catalogue: its name, and what it is called in each of the locales.
//
//go:embed dictionary.tsv
var namesText string

// descriptionsText has a line for each measure: its name, and what it is in each of the locales but the first, which is that of
// the catalogue.
//
//go:embed descriptions.tsv
var descriptionsText string

// locales lists the languages, in the order of the dictionaries' columns.
func locales() []string { return []string{"en", "fr", "pt", "ko"} }

var (
	names        = sync.OnceValue(func() map[string][]string { return table(namesText) })
	descriptions = sync.OnceValue(func() map[string][]string { return table(descriptionsText) })
)

// table reads lines of columns by their first.
func table(text string) map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		out[columns[0]] = columns[1:]
	}
	return out
}

// displayName is what a measure is called in a language; its own name where the dictionary has none.
func displayName(name, language string) string {
	columns := names()[name]
	if i := slices.Index(locales(), language); i >= 0 && i < len(columns) {
		return columns[i]
	}
	return name
}

// describeIn says what a measure is in a language; what the catalogue says where the dictionary has nothing.
func describeIn(name, english, language string) string {
	columns := descriptions()[name]
	if i := slices.Index(locales()[1:], language); i >= 0 && i < len(columns) {
		return columns[i]
	}
	return english
}
