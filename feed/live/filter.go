package live

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/eventlog"
	expression "trunkline/feed/filter"
)

// maxTypes bounds the list of types in one request.
const maxTypes = 100

// filter lets events through by type and subject.
type filter struct {
	exact    []string
	prefixes []string
	subject  string
	expr     *expression.Filter // nil: none
	key      string             // the same for filters that mean the same
}

// parseFilter reads the parameters types, subject and filter; nil lets everything through.
func parseFilter(types, subject, expr string) (*filter, error) {
	f := &filter{subject: subject}
	if expr != "" {
		var err error
		if f.expr, err = expression.Compile(expr); err != nil {
			return nil, fmt.Errorf("filter: %w", err)
		}
	}
	if types != "" {
		list := strings.Split(types, ",")
		if len(list) > maxTypes {
			return nil, fmt.Errorf("types lists %d types, at most %d are taken", len(list), maxTypes)
		}
		for _, t := range list {
			t = strings.TrimSpace(t)
			prefix, wild := strings.CutSuffix(t, "*")
			switch {
			case t == "":
				return nil, fmt.Errorf("types has an empty entry")
			case strings.Contains(prefix, "*"):
				return nil, fmt.Errorf("%q in types: * may stand at the end only", t)
			case wild:
				f.prefixes = append(f.prefixes, prefix)
			default:
				f.exact = append(f.exact, t)
			}
		}
	}
	if slices.Contains(f.prefixes, "") {
		f.exact, f.prefixes = nil, nil // "*" is everything
	}
	if len(f.exact)+len(f.prefixes) == 0 && subject == "" && f.expr == nil {
		return nil, nil
	}
	slices.Sort(f.exact)
	slices.Sort(f.prefixes)
	f.exact, f.prefixes = slices.Compact(f.exact), slices.Compact(f.prefixes)
	f.key = strings.Join(f.exact, ",") + "\x00" + strings.Join(f.prefixes, ",") + "\x00" + subject + "\x00" + expr
	return f, nil
}

// Key is part of relay.Filter.
func (f *filter) Key() string { return f.key }

// Match is part of relay.Filter: it says whether an event passes.
func (f *filter) Match(r *eventlog.Record) bool {
	return f == nil || f.plain(r) && (f.expr == nil || f.expr.Match(r))
}

// plain is Match without the expression.
func (f *filter) plain(r *eventlog.Record) bool {
	if f.subject != "" && r.Subject() != f.subject {
		return false
	}
	if len(f.exact)+len(f.prefixes) == 0 {
		return true
	}
	t := r.Type()
	if _, ok := slices.BinarySearch(f.exact, t); ok {
		return true
	}
	for _, p := range f.prefixes {
		if strings.HasPrefix(t, p) {
			return true
		}
	}
	return false
}
