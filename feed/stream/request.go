package stream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"trunkline/eventlog"
	"trunkline/feed/filter"
	"trunkline/nearest"
)

// request is what a client asks for.
type request struct {
	subscription string
	format       Format
	types        string         // as in variant
	filter       *filter.Filter // of the facts behind the events; nil: all
	after        eventlog.Cursor
	given        bool // after was
	explicit     bool // acknowledges by message, not by pong
	atmosphere   atmosphere
}

// maxSubscription is how long a subscription's id may be, in bytes.
const maxSubscription = 128

// Errors of requests; the others are 400.
var (
	errOtherTenant = errors.New("the token is another tenant's than the tenantId says")
	errNoUpdates   = errors.New("there is nothing at this path; it ends with TenantUpdates, or with TenantUpdates-{tenant}-{subscription}")
)

// parseRequest reads the path's last part, the query, and what the vendor's framework says
// in headers. Parameters that are not known are let be: its clients add some.
func parseRequest(updates, rawQuery string, header http.Header, tenant string) (r request, err error) {
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return r, fmt.Errorf("the query cannot be read: %w", err)
	}
	if r.atmosphere = atmosphereOf(q, header); r.atmosphere.leaves {
		return r, nil
	}
	one := func(names ...string) (value string, err error) {
		for _, name := range names {
			for _, v := range q[name] {
				if value != "" && v != value {
					return "", fmt.Errorf("%s is given twice with different values", strings.Join(names, " or "))
				}
				value = v
			}
		}
		return value, nil
	}
	named, err := one("tenantId")
	if err != nil {
		return r, err
	}
	if r.subscription, err = one("subsId", "subscriptionId"); err != nil {
		return r, err
	}
	if rest, old := strings.CutPrefix(updates, "TenantUpdates-"); old {
		// A tenant's id may have dashes: it is the token's that tells where it ends.
		subs, ours := strings.CutPrefix(rest, tenant+"-")
		if !ours || subs == "" {
			return r, errOtherTenant
		}
		if named == "" {
			named = tenant
		}
		if r.subscription == "" {
			r.subscription = subs
		}
	} else if updates != "TenantUpdates" {
		return r, errNoUpdates
	}
	switch {
	case named == "":
		return r, errors.New("tenantId is missing: the name of the tenant")
	case named != tenant:
		return r, errOtherTenant
	case r.subscription == "":
		return r, errors.New("subsId is missing: a name of your own for the subscription, which keeps its place")
	case len(r.subscription) > maxSubscription:
		return r, fmt.Errorf("subsId has %d bytes, at most %d are taken", len(r.subscription), maxSubscription)
	}
	for _, c := range r.subscription {
		if c < ' ' || c == 0x7f {
			return r, errors.New("subsId has a control character")
		}
	}
	output, err := one("desiredOutputType")
	if err != nil {
		return r, err
	}
	if r.format, err = ParseFormat(output); err != nil {
		return r, fmt.Errorf("desiredOutputType: %w", err)
	}
	if r.types, err = parseTypes(q["types"]); err != nil {
		return r, err
	}
	if expr, err := one("filter"); err != nil {
		return r, err
	} else if expr != "" {
		if r.filter, err = filter.Compile(expr); err != nil {
			return r, fmt.Errorf("filter: %w", err)
		}
	}
	if after, err := one("after"); err != nil {
		return r, err
	} else if after != "" {
		if r.after, err = eventlog.ParseCursor(after); err != nil {
			return r, fmt.Errorf("after: %w", err)
		}
		r.given = true
	}
	ack, err := one("ack")
	if err != nil {
		return r, err
	}
	switch ack {
	case "", "pong":
	case "explicit":
		r.explicit = true
	default:
		return r, fmt.Errorf("ack is %q, it can be pong or explicit", ack)
	}
	return r, nil
}

// parseTypes reads names of events.
func parseTypes(given []string) (string, error) {
	var types []string
	for _, list := range given {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			if known := EventNames(); !slices.Contains(known, name) {
				if near, ok := nearest.Of(name, known); ok {
					return "", fmt.Errorf("types: there is no event %q, did you mean %q?", name, near)
				}
				return "", fmt.Errorf("types: there is no event %q; there are %s", name, strings.Join(known, ", "))
			}
			types = append(types, name)
		}
	}
	slices.Sort(types)
	return strings.Join(slices.Compact(types), ","), nil
}
