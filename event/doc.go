// Package event says what happened: the event, its vocabulary and its codec.
//
// An [Event] is one CloudEvents 1.0 object in JSON. Its bytes are checked once,
// on the way in ([Parse], [ParseBatch], [ParseNDJSON], [FromHTTP]), and kept as
// they came; nothing downstream encodes them again.
//
// The vocabulary is a set of facts. Each fact is a Go struct (for instance
// [InteractionQueued]) that implements [Fact], and its JSON form is the `data`
// of the event. [Encode] turns a fact into an event, [Decode] an event back into
// its fact, and [Types] lists them all with their documentation and shape, from
// which the JSON Schemas and docs/vocabulary.md are generated.
//
// Invariants:
//
//   - An Event that a parser of this package returned is valid UTF-8, valid
//     JSON, no deeper than the limit, has unique top-level keys and carries none
//     of the attributes that only the log sets ([Reserved]).
//   - An accepted event of a vocabulary type always decodes: Decode(Parse(b))
//     fails only for types that are not of the vocabulary.
//   - In a fact a field without omitempty or omitzero in its tag is required;
//     the validator, the schemas and the documents all read that one mark.
//   - JSON names are snake_case, ids are strings, durations are whole
//     milliseconds in fields that end in _ms, and times are RFC 3339.
//
// The package imports nothing else of this program but nearest, which knows
// nothing of it.
package event
