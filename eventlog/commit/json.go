package commit

import (
	"bytes"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// Type gives the event's type.
func (r *Record) Type() string { return gjson.GetBytes(r.Raw, "type").String() }

// Subject gives the event's subject, "" when it has none.
func (r *Record) Subject() string { return gjson.GetBytes(r.Raw, "subject").String() }

// AppendJSON appends the event as a CloudEvent in JSON: the bytes as they came,
// with the attributes that only the log knows spliced in at the end: tenant
// (when the source left it out), sequence (number), received (RFC 3339, UTC,
// milliseconds), derived (true, only then) and context (object, only when there
// is one).
func (r *Record) AppendJSON(dst []byte, tenant string) []byte {
	raw := r.Raw
	for len(raw) > 0 && raw[len(raw)-1] != '}' {
		raw = raw[:len(raw)-1]
	}
	if len(raw) == 0 {
		return append(dst, r.Raw...)
	}
	dst = append(dst, raw[:len(raw)-1]...)
	if !bytes.Contains(raw, tenantKey) || !gjson.GetBytes(raw, "tenant").Exists() {
		dst = append(dst, `,"tenant":"`...)
		dst = append(dst, tenant...)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"sequence":`...)
	dst = strconv.AppendUint(dst, r.Seq, 10)
	dst = append(dst, `,"received":"`...)
	dst = appendTime(dst, r.Received)
	dst = append(dst, '"')
	if r.Derived {
		dst = append(dst, `,"derived":true`...)
	}
	if r.Context != nil {
		dst = append(dst, `,"context":`...)
		dst = append(dst, r.Context...)
	}
	return append(dst, '}')
}

// tenantKey is looked for before the event is searched properly: it is seldom
// there, and then the search would read all of the event.
var tenantKey = []byte(`"tenant"`)

// appendTime appends t as RFC 3339 in UTC with milliseconds. It is a third of
// the cost of time.AppendFormat, in a place that every delivery passes.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	ms := t.Nanosecond() / 1e6
	two := func(n int, sep byte) { dst = append(dst, byte('0'+n/10), byte('0'+n%10), sep) }
	dst = append(dst, byte('0'+year/1000%10), byte('0'+year/100%10))
	two(year%100, '-')
	two(int(month), '-')
	two(day, 'T')
	two(hour, ':')
	two(minute, ':')
	two(second, '.')
	return append(dst, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}
