package export

import (
	"github.com/tidwall/gjson"

	"trunkline/eventlog"
	"trunkline/feed/export/schema"
)

// eventRow is the row of the table of events: the event as it came, and what the log
// added to it.
func eventRow(t *schema.Table, epoch eventlog.Epoch, rec *eventlog.Record) schema.Row {
	r := make(schema.Row, len(t.Columns))
	head := gjson.GetManyBytes(rec.Raw, "id", "source", "type", "subject", "time")
	for i, c := range t.Columns {
		switch c.Name {
		case "cursor":
			r[i] = schema.Text(eventlog.Cursor{Epoch: epoch, Seq: rec.Seq}.String())
		case "sequence":
			r[i] = schema.Int(int64(rec.Seq))
		case "received":
			r[i] = schema.Millis(rec.Received.UnixMilli())
		case "time":
			if at := head[4].Time(); head[4].Exists() && !at.IsZero() {
				r[i] = schema.Micros(at.UnixMicro())
			}
		case "id":
			r[i] = schema.Some(head[0].Str)
		case "source":
			r[i] = schema.Some(head[1].Str)
		case "type":
			r[i] = schema.Some(head[2].Str)
		case "subject":
			r[i] = schema.Some(head[3].Str)
		case "derived":
			r[i] = schema.Truth(rec.Derived)
		case "event":
			r[i] = schema.Text(string(rec.Raw))
		}
	}
	return r
}
