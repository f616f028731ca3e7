package measures

import (
	_ "embed" // the dictionaries
	"slices"
	"strings"
	"sync"
)

// dictionaryText has a line for each measure of the catalogue: its name, and what it is called in each of the locales.
//
//go:embed dictionary.tsv
var dictionaryText string

// locales lists the languages, in the order of the dictionary's columns.
func locales() []string { return []string{"en", "fr", "pt", "ko"} }

var dictionaries = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(dictionaryText) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		out[columns[0]] = columns[1:]
	}
	return out
})

// displayName is what a measure is called in a language; its own name where the dictionary has none.
func displayName(name, language string) string {
	columns := dictionaries()[name]
	if i := slices.Index(locales(), language); i >= 0 && i < len(columns) {
		return columns[i]
	}
	return name
}
