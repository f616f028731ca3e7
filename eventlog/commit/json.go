package commit

import (
	"strconv"

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
	if !gjson.GetBytes(raw, "tenant").Exists() {
		dst = append(dst, `,"tenant":"`...)
		dst = append(dst, tenant...)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"sequence":`...)
	dst = strconv.AppendUint(dst, r.Seq, 10)
	dst = append(dst, `,"received":"`...)
	dst = r.Received.AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
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
