package rows

import (
	"strings"

	"github.com/tidwall/gjson"

	"trunkline/eventlog"
	"trunkline/floor"
	"trunkline/internal/scan"
)

// fact is a record as the books read it. Its texts live in the record's bytes: what
// is kept of them is cloned.
type fact struct {
	id       string
	typ      string // of the vocabulary, or any other
	at       int64  // when it happened, by its source
	received int64
	derived  bool
	data     gjson.Result
	rec      *eventlog.Record
	context  gjson.Result // parsed when it is asked for
}

func readFact(rec *eventlog.Record) fact {
	f := fact{received: rec.Received.UnixMilli(), derived: rec.Derived, rec: rec}
	at := int64(0)
	gjson.ParseBytes(rec.Raw).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "id":
			f.id = v.Str
		case "type":
			f.typ = v.Str
		case "time":
			at = scan.Millis(v.Str)
		case "data":
			f.data = v
		}
		return true
	})
	f.at = floor.EventTime(at, f.received)
	return f
}

// ctx gives a member of what the log stored beside the fact.
func (f *fact) ctx(path string) gjson.Result {
	if !f.context.Exists() && len(f.rec.Context) > 0 {
		f.context = gjson.ParseBytes(f.rec.Context)
	}
	return f.context.Get(path)
}

// str gives a text of the data, cut off from the record.
func (f *fact) str(path string) string { return strings.Clone(f.data.Get(path).String()) }

// about gives what kind of entity the fact is about, and what happened to it.
func (f *fact) about() (kind, what string) {
	kind, what, _ = strings.Cut(f.typ, ".")
	return kind, what
}
