package live

import (
	"bytes"
	"encoding/json"
	"strings"

	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/ws"
)

// form is how an event looks on a connection.
type form uint8

const (
	formWebSocket  form = iota
	formSSE             // server-sent events
	formSSEChunked      // the same in HTTP/1.1 chunks
)

// encode makes the frames of a batch.
func encode(b *eventlog.Batch, as relay.Form) *relay.Encoded {
	fm, _ := as.(form)
	e := &relay.Encoded{Ends: make([]int, len(b.Records))}
	size := 0
	for i := range b.Records {
		size += len(b.Records[i].Raw) + len(b.Records[i].Context) + 200
	}
	e.Buf = make([]byte, 0, size)
	var text, event []byte
	for i := range b.Records {
		rec := &b.Records[i]
		event = oneLine(rec.AppendJSON(event[:0], b.Tenant))
		cursor := eventlog.Cursor{Epoch: b.Epoch, Seq: rec.Seq}.String()
		switch fm {
		case formWebSocket:
			e.Buf = ws.AppendTextHeader(e.Buf, len(`{"cursor":"","event":}`)+len(cursor)+len(event))
			e.Buf = appendEnvelope(e.Buf, cursor, event)
		case formSSE:
			e.Buf = appendSSE(e.Buf, cursor, rec.Type(), event)
		case formSSEChunked:
			text = appendSSE(text[:0], cursor, rec.Type(), event)
			e.Buf = fanout.AppendChunk(e.Buf, text)
		}
		e.Ends[i] = len(e.Buf)
	}
	return e
}

func appendEnvelope(dst []byte, cursor string, event []byte) []byte {
	dst = append(dst, `{"cursor":"`...)
	dst = append(dst, cursor...)
	dst = append(dst, `","event":`...)
	dst = append(dst, event...)
	return append(dst, '}')
}

func appendSSE(dst []byte, cursor, kind string, event []byte) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, cursor...)
	if !strings.ContainsAny(kind, "\r\n") { // a line end would begin another field
		dst = append(dst, "\nevent: "...)
		dst = append(dst, kind...)
	}
	dst = append(dst, "\ndata: "...)
	dst = append(dst, event...)
	return append(dst, "\n\n"...)
}

// oneLine makes JSON fit on one line. Sources may send theirs indented.
func oneLine(event []byte) []byte {
	if bytes.IndexByte(event, '\n') < 0 && bytes.IndexByte(event, '\r') < 0 {
		return event
	}
	var buf bytes.Buffer
	if json.Compact(&buf, event) != nil {
		return bytes.Map(func(r rune) rune {
			if r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, event)
	}
	return buf.Bytes()
}
