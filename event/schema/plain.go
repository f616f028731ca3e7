package schema

import "strings"

// plain drops the Go name with which a Go comment begins, and what is
// understood in a description: "InteractionHeld says that the other side …".
func plain(doc string) string {
	_, rest, _ := strings.Cut(doc, " ")
	for _, verb := range []string{"says that ", "says ", "is ", "are ", "means that ", "marks "} {
		if text, ok := strings.CutPrefix(rest, verb); ok {
			return strings.ToUpper(text[:1]) + text[1:]
		}
	}
	return doc
}
