package source

import (
	"regexp"
	"strings"
)

// Recognition tells which agent a name of the system means.
type Recognition struct {
	// IDs are the agents' ids by the names that the system has for them.
	IDs map[string]string
	// Pattern has the id of others in its first group; nil for none.
	Pattern *regexp.Regexp
	// Usual gives the id of all the others; nil leaves the name as it is.
	Usual func(name string) string
}

// AgentID gives the id of the agent of whom the system speaks by name.
func (r Recognition) AgentID(name string) string {
	if id, ok := r.IDs[name]; ok {
		return id
	}
	if r.Pattern != nil {
		if m := r.Pattern.FindStringSubmatch(name); len(m) > 1 && m[1] != "" {
			return m[1]
		}
	}
	if r.Usual != nil {
		return r.Usual(name)
	}
	return name
}

// Matcher tells whether a name fits one of some patterns, in which * stands for
// any text; nil when there is no pattern.
func Matcher(patterns []string) func(name string) bool {
	if len(patterns) == 0 {
		return nil
	}
	alternatives := make([]string, len(patterns))
	for i, p := range patterns {
		alternatives[i] = strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `(?s:.*)`)
	}
	return regexp.MustCompile(`\A(?:` + strings.Join(alternatives, "|") + `)\z`).MatchString
}
