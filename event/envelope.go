package event

import (
	"bytes"
	"encoding/base64"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"trunkline/event/internal/strictjson"
)

// Reserved lists the attributes that only the log sets. An input that carries
// one of them is refused.
func Reserved() []string { return []string{"sequence", "received", "context", "derived"} }

func reserved(name string) bool {
	switch name {
	case "sequence", "received", "context", "derived":
		return true
	}
	return false
}

// envelope gathers the members of an event while its object is read.
type envelope struct {
	specversion, id, source, typ, subject, tenant strictjson.Text
	time, contentType, schema                     strictjson.Text

	seen   uint32   // the attributes above and below, by their bit
	set    uint32   // those whose value is not null
	others []string // extension attributes beyond the above

	dataStart, dataEnd int       // relative to the event
	dataFirst          byte      // the first byte of the data's value
	known              *TypeInfo // of the type, once that was read
	checked            bool      // the data was checked while it was read
}

// The bits of the attributes that an envelope knows by name.
const (
	bitSpecversion = 1 << iota
	bitID
	bitSource
	bitType
	bitSubject
	bitTenant
	bitTime
	bitContentType
	bitSchema
	bitData
	bitBase64
)

// attribute returns the bit of a known attribute and where its text belongs.
func (env *envelope) attribute(name []byte) (uint32, *strictjson.Text) {
	switch string(name) {
	case "specversion":
		return bitSpecversion, &env.specversion
	case "id":
		return bitID, &env.id
	case "source":
		return bitSource, &env.source
	case "type":
		return bitType, &env.typ
	case "subject":
		return bitSubject, &env.subject
	case "tenant":
		return bitTenant, &env.tenant
	case "time":
		return bitTime, &env.time
	case "datacontenttype":
		return bitContentType, &env.contentType
	case "dataschema":
		return bitSchema, &env.schema
	case "data":
		return bitData, nil
	case "data_base64":
		return bitBase64, nil
	}
	return 0, nil
}

// member reads the value of one top-level member.
func (p *reader) member(s *strictjson.Scanner, env *envelope, key strictjson.Text, start int) {
	name := key.Bytes()
	bit, text := env.attribute(name)
	if bit == 0 {
		p.extension(s, env, name)
		return
	}
	if env.seen&bit != 0 {
		p.problem(string(name), "given twice")
	}
	env.seen |= bit
	first := s.Peek()
	switch {
	case bit == bitData:
		p.data(s, env, start, first)
		return
	case first == 'n':
		s.Value()
		if bit&(bitSpecversion|bitID|bitSource|bitType) == 0 && bit != bitTenant {
			return // null is the same as absent
		}
		p.problem(string(name), "must not be null")
		env.set |= bit
		return
	case first != '"':
		s.Value()
		p.problem(string(name), "must be a string")
		env.set |= bit
		return
	}
	t := s.Text()
	env.set |= bit
	if bit == bitBase64 {
		raw := bytes.ReplaceAll(t.Raw, []byte(`\/`), []byte("/"))
		if _, err := base64.StdEncoding.Strict().Decode(make([]byte, base64.StdEncoding.DecodedLen(len(raw))), raw); err != nil || bytes.ContainsAny(raw, "\r\n") {
			p.problem("data_base64", "not valid base64")
		}
		return
	}
	*text = t
	p.text(name, t)
	if bit == bitType {
		env.known = p.dict.byType[string(t.Bytes())]
	}
}

// data reads the data member and checks it in the same pass when the type is
// known by then.
func (p *reader) data(s *strictjson.Scanner, env *envelope, start int, first byte) {
	from := s.Pos()
	if first == 'n' {
		s.Value()
		return // null is the same as absent
	}
	env.set |= bitData
	env.dataFirst = first
	if env.known != nil && first == '{' {
		env.checked = true
		p.check(s, env.known)
	} else {
		s.Value()
	}
	env.dataStart, env.dataEnd = from-start, s.Pos()-start
}

// extension reads an attribute that the specification does not name.
func (p *reader) extension(s *strictjson.Scanner, env *envelope, name []byte) {
	field := string(name)
	switch {
	case reserved(field):
		p.problem(field, "is set by the log and must not be sent")
	case len(field) == 0 || len(field) > maxAttributeName:
		p.problem(shorten(field), "attribute names have from 1 to %d characters", maxAttributeName)
	case strings.ContainsFunc(field, func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') }):
		p.problem(shorten(field), "attribute names have only lower-case letters and digits")
	case slices.Contains(env.others, field):
		p.problem(field, "given twice")
	case len(env.others) >= p.lim.MaxAttributes:
		p.large(field, "the event has more than %d extension attributes", p.lim.MaxAttributes)
	default:
		env.others = append(env.others, field)
	}
	switch first := s.Peek(); first {
	case '"':
		p.text(name, s.Text())
	case 't', 'f', 'n':
		s.Value()
	default:
		v := s.Value()
		if first == '{' || first == '[' {
			p.problem(shorten(field), "must be a string, a boolean or an integer")
		} else if _, err := strconv.ParseInt(string(v), 10, 32); err != nil && s.OK() {
			p.problem(shorten(field), "must be an integer within 32 bits")
		}
	}
}

// maxAttributeName bounds the names of attributes. CloudEvents recommends 20.
const maxAttributeName = 40

// shorten cuts a text of the sender's for use in a message.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// text checks what CloudEvents asks of every attribute that is a text.
func (p *reader) text(name []byte, t strictjson.Text) {
	if len(t.Raw) > p.lim.MaxAttribute {
		p.large(shorten(string(name)), "has more than %d bytes", p.lim.MaxAttribute)
		return
	}
	plain := !t.Escaped
	if plain {
		for _, c := range t.Raw {
			if c >= 0x7f {
				plain = false
				break
			}
		}
	}
	if plain {
		return
	}
	for _, r := range string(t.Bytes()) {
		if r < 0x20 || 0x7f <= r && r <= 0x9f || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe {
			p.problem(shorten(string(name)), "must not have the character U+%04X", r)
			return
		}
	}
}

// finish checks the members against each other and returns the event.
func (p *reader) finish(env *envelope, raw []byte) Event {
	known := env.known
	e := p.strings(env, known)
	e.Raw = raw
	e.dataStart, e.dataEnd = env.dataStart, env.dataEnd

	if p.required(env, bitSpecversion, "specversion") && string(env.specversion.Bytes()) != "1.0" {
		p.problem("specversion", `must be "1.0"`)
	}
	if p.required(env, bitID, "id") && strings.TrimSpace(e.ID) == "" {
		p.problem("id", "must not be empty")
	}
	if p.required(env, bitSource, "source") {
		if reason := uriReference(e.Source); reason != "" {
			p.problem("source", "%s", reason)
		}
	}
	if p.required(env, bitType, "type") && known == nil {
		p.foreign(e.Type)
	}
	if env.set&bitSubject != 0 && strings.TrimSpace(e.Subject) == "" {
		p.problem("subject", "must not be empty when it is given")
	}
	if env.set&bitTenant != 0 && strings.TrimSpace(e.Tenant) == "" && !p.named("tenant") {
		p.problem("tenant", "must not be empty when it is given")
	}
	if env.set&bitTime != 0 && !p.named("time") {
		at, ok := timestamp(env.time)
		if !ok {
			p.problem("time", "must be an RFC 3339 time such as 2026-03-01T12:00:00.123Z")
		}
		e.Time = at
	}
	if env.set&bitSchema != 0 && !p.named("dataschema") {
		if u, err := url.Parse(string(env.schema.Bytes())); err != nil || !u.IsAbs() {
			p.problem("dataschema", "must be an absolute URI")
		}
	}
	p.content(env, known, &e)
	return e
}

// required reports whether an attribute is there to be looked at.
func (p *reader) required(env *envelope, bit uint32, name string) bool {
	if env.seen&bit == 0 {
		p.problem(name, "required")
		return false
	}
	return !p.named(name)
}

// named reports whether the attribute of this event has a problem already.
func (p *reader) named(field string) bool {
	return p.bad != nil && slices.ContainsFunc(p.bad.Problems, func(q Problem) bool { return q.Index == p.index && q.Field == field })
}

// content checks the data against its media type and, for the vocabulary,
// against the type.
func (p *reader) content(env *envelope, known *TypeInfo, e *Event) {
	isJSON := true
	if env.set&bitContentType != 0 && !p.named("datacontenttype") {
		media, _, err := mediaType(env.contentType.Bytes())
		if err != nil || !strings.Contains(media, "/") {
			p.problem("datacontenttype", "must be a media type such as application/json")
			return
		}
		isJSON = jsonMedia(media)
	}
	both := uint32(bitData | bitBase64)
	if env.set&both == both {
		p.problem("data_base64", "must not be given together with data")
		return
	}
	if known == nil {
		if !isJSON && env.set&bitData != 0 && env.dataFirst != '"' {
			p.problem("data", "must be a string, since datacontenttype is not JSON")
		}
		return
	}
	switch {
	case !isJSON:
		p.problem("datacontenttype", "must be application/json for %s", known.Type)
	case env.set&bitBase64 != 0:
		p.problem("data_base64", "must not be given for %s: send its data as a JSON object", known.Type)
	case env.set&bitData == 0:
		p.problem("data", "required for %s", known.Type)
	case env.dataFirst != '{':
		p.problem("data", "must be an object for %s", known.Type)
	default:
		if !env.checked {
			s := strictjson.New(e.Raw[env.dataStart:env.dataEnd], p.lim.MaxDepth)
			p.check(&s, known)
		}
		p.subject(env, known, e)
	}
}

// mediaType parses a media type; the common ones cost nothing.
func mediaType(text []byte) (media string, params map[string]string, err error) {
	if string(text) == "application/json" {
		return "application/json", nil, nil
	}
	return mime.ParseMediaType(string(text))
}

// jsonMedia reports whether a media type is JSON.
func jsonMedia(media string) bool {
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

// uriReference says what is wrong with a URI reference, "" when nothing is.
func uriReference(s string) string {
	const wrong = "must be a URI reference such as /asterisk/pbx1 or urn:example:pbx1"
	if s == "" {
		return "must not be empty"
	}
	parse := false
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		case c == '/' && i > 0 && s[i-1] != '/' || c == '/' && i == 0:
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return wrong
		default:
			parse = true
		}
	}
	if parse {
		if u, err := url.Parse(s); err != nil || u.String() == "" {
			return wrong
		}
	}
	return ""
}
