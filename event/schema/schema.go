// Package schema describes the vocabulary to others: as JSON Schemas (draft
// 2020-12), one document for each type of event, served by [Handler], and as
// the document docs/vocabulary.md, written by [Markdown].
//
// Everything is made from the Go types in package event and their comments, by
// way of event.Types; nothing is written down a second time.
//
// A schema describes an event as it comes out: the attributes that the log sets
// are in it, marked readOnly. It allows members that it does not name, as the
// parser does. In one point the parser is stricter than any schema can say: the
// subject must name the entity of the data.
package schema

import (
	"math"

	"trunkline/event"
)

// Path is where the schemas are served; a schema's $id is Path and its type.
const Path = "/v1/schemas/"

// dialect is the meta-schema of every document.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// object is a JSON object in the making.
type object map[string]any

// Document returns the JSON Schema of an event of one type, ready for
// encoding/json.
func Document(t event.TypeInfo) map[string]any {
	d := defs{}
	data := d.inline(t.Shape)
	data["description"] = "The data of the fact."
	properties := envelope(t)
	properties["data"] = data
	doc := object{
		"$schema":     dialect,
		"$id":         Path + t.Type,
		"title":       t.Name,
		"description": plain(t.Doc),
		"type":        "object",
		"properties":  properties,
		"required":    []string{"specversion", "id", "source", "type", "subject", "data"},
	}
	if len(d) > 0 {
		doc["$defs"] = d
	}
	return doc
}

// envelope describes the attributes of an event of the type.
func envelope(t event.TypeInfo) object {
	text := func(doc string) object { return object{"type": "string", "minLength": 1, "description": doc} }
	optional := func(o object) object { return orNull(o) }
	set := func(o object) object { o["readOnly"] = true; return o }
	subject := text("The entity that the event is about, as in its data.")
	if t.Subject != "entity" {
		subject["pattern"] = "^" + t.Subject + "/."
	}
	at := object{"type": "string", "format": "date-time", "description": "When it happened, by the source's clock."}
	media := object{"type": "string", "pattern": `^[^/]+/([^;]+\+)?json *(;.*)?$`, "description": "The media type of the data: JSON."}
	return object{
		"specversion":     object{"const": "1.0", "description": "The version of CloudEvents."},
		"id":              text("The event's id, unique within its source."),
		"source":          object{"type": "string", "minLength": 1, "format": "uri-reference", "description": "Who says so."},
		"type":            object{"const": t.Type, "description": "The type of the event."},
		"subject":         subject,
		"time":            optional(at),
		"datacontenttype": optional(media),
		"dataschema":      optional(object{"type": "string", "format": "uri", "description": "The schema of the data."}),
		"tenant":          text("The tenant it belongs to."),
		"sequence":        set(object{"type": "integer", "minimum": 1, "description": "The event's number among those of its tenant, from 1 without gaps. Set by the log."}),
		"received":        set(object{"type": "string", "format": "date-time", "description": "When the log took it. Set by the log."}),
		"derived":         set(object{"type": "boolean", "description": "The log itself made this event. Set by the log."}),
		"context":         set(object{"description": "What was known about the entity when the event was taken. Set by the log."}),
	}
}

// defs collects the named shapes that a document refers to.
type defs map[string]any

// inline describes a shape where it stands.
func (d defs) inline(s *event.Shape) object {
	switch s.Kind {
	case event.KindText:
		return object{"type": "string"}
	case event.KindWord:
		return words(s)
	case event.KindTime:
		return object{"type": "string", "format": "date-time"}
	case event.KindInteger:
		return object{"type": "integer", "minimum": int64(math.MinInt64), "maximum": int64(math.MaxInt64)}
	case event.KindNumber:
		return object{"type": "number"}
	case event.KindFlag:
		return object{"type": "boolean"}
	case event.KindList:
		return object{"type": "array", "items": d.refer(s.Items)}
	case event.KindMap:
		return object{"type": "object", "additionalProperties": d.refer(s.Items)}
	default:
		return d.fields(s)
	}
}

// refer describes a shape by reference when it has a name.
func (d defs) refer(s *event.Shape) object {
	if s.Name == "" {
		return d.inline(s)
	}
	if d[s.Name] == nil {
		d[s.Name] = object{} // holds the place while its own parts are described
		o := d.inline(s)
		o["title"] = s.Name
		if s.Doc != "" && s.Kind != event.KindWord {
			o["description"] = plain(s.Doc)
		}
		d[s.Name] = o
	}
	return object{"$ref": "#/$defs/" + s.Name}
}

func (d defs) fields(s *event.Shape) object {
	properties := object{}
	required := []string{}
	for _, f := range s.Fields {
		o := d.refer(f.Shape)
		if f.Bounded {
			o["minimum"] = f.Least
		}
		if f.Required {
			required = append(required, f.Name)
			if f.Shape.Kind == event.KindText {
				o["minLength"] = 1
			}
		} else {
			o = orNull(o)
		}
		o["description"] = plain(f.Doc)
		properties[f.Name] = o
	}
	o := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// orNull also allows null, which is the same as absent.
func orNull(o object) object {
	if ref, ok := o["$ref"]; ok {
		return object{"anyOf": []any{object{"$ref": ref}, object{"type": "null"}}}
	}
	o["type"] = []any{o["type"], "null"}
	return o
}

// words describes a list of words; what each means goes into the description.
func words(s *event.Shape) object {
	list := make([]string, len(s.Words))
	doc := plain(s.Doc)
	for i, w := range s.Words {
		list[i] = w.Value
		if w.Doc != "" {
			doc += " " + w.Value + ": " + w.Doc + "."
		}
	}
	return object{"type": "string", "enum": list, "description": doc}
}
