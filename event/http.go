package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/event/internal/strictjson"
)

// The media types of the structured forms.
const (
	MediaTypeEvent  = "application/cloudevents+json"
	MediaTypeBatch  = "application/cloudevents-batch+json"
	MediaTypeNDJSON = "application/x-ndjson"
	MediaTypeJSON   = "application/json"
)

// ErrMediaType says that the content of a request is in no form that FromHTTP
// reads.
var ErrMediaType = errors.New("unsupported media type")

// FromHTTP reads the events of one HTTP request: the content type tells the
// form.
//
//   - application/cloudevents+json: one event, as [Parse]
//   - application/cloudevents-batch+json: an array, as [ParseBatch]
//   - application/x-ndjson: lines, as [ParseNDJSON]
//   - anything, with ce-* headers: binary mode, the event's attributes are in
//     the headers and its data is the body
//   - application/json without such headers: an array when the body starts
//     with a bracket, otherwise one event
//
// In binary mode the structured form is written here, since the log holds
// nothing else: a JSON body becomes data as it is, a text body a JSON string,
// any other data_base64. Header values are unquoted and percent-decoded, and
// extensions arrive as strings, as the HTTP binding says.
//
// Other content is [ErrMediaType], events that are wrong are an [InvalidError].
// In the structured forms the events lie in body.
func FromHTTP(h http.Header, body []byte, lim Limits) ([]Event, error) {
	contentType := h.Get("Content-Type")
	media, params, err := mediaType([]byte(contentType))
	if contentType == "" {
		media, err = "", nil
	}
	structured := media == MediaTypeEvent || media == MediaTypeBatch || media == MediaTypeNDJSON
	if !structured && binaryMode(h) {
		if err != nil {
			return nil, fmt.Errorf("read content type %q: %w", contentType, ErrMediaType)
		}
		e, err := fromBinary(h, media, params, body, lim)
		if err != nil {
			return nil, err
		}
		return []Event{e}, nil
	}
	if err != nil || !structured && media != MediaTypeJSON {
		return nil, fmt.Errorf("read content type %q: %w", contentType, ErrMediaType)
	}
	if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
		return nil, fmt.Errorf("read content type %q: %w: the charset must be UTF-8", contentType, ErrMediaType)
	}
	switch {
	case media == MediaTypeNDJSON:
		return ParseNDJSON(body, lim)
	case media == MediaTypeBatch, media == MediaTypeJSON && firstByte(body) == '[':
		return ParseBatch(body, lim)
	}
	e, err := Parse(body, lim)
	if err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

func firstByte(b []byte) byte {
	if b = bytes.TrimLeft(b, " \t\r\n"); len(b) > 0 {
		return b[0]
	}
	return 0
}

// binaryMode reports whether headers carry an event's attributes.
func binaryMode(h http.Header) bool {
	for _, name := range []string{"Ce-Specversion", "Ce-Id", "Ce-Type", "Ce-Source"} {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false
}

// fromBinary writes the event of a request in binary mode in structured form
// and reads that, so that both forms are held to one set of rules.
func fromBinary(h http.Header, media string, params map[string]string, body []byte, lim Limits) (Event, error) {
	p := newReader(lim)
	names := make([]string, 0, 8)
	for name := range h {
		if len(name) > 3 && strings.EqualFold(name[:3], "ce-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) > p.lim.MaxAttributes+len("the specification's own") {
		p.large("", "the event has more than %d extension attributes", p.lim.MaxAttributes)
		return Event{}, p.err()
	}
	raw := make([]byte, 0, len(body)*4/3+512)
	raw = append(raw, '{')
	for _, header := range names {
		name := strings.ToLower(header[3:])
		switch value, ok := headerValue(h[header]); {
		case name == "data" || name == "data_base64" || name == "datacontenttype":
			p.problem(name, "must not be sent as a header: the data is the body, its type is Content-Type")
		case len(h[header]) != 1:
			p.problem(shorten(name), "given %d times", len(h[header]))
		case !ok:
			p.problem(shorten(name), "the header's value is not percent-encoded UTF-8")
		default:
			raw = append(appendText(raw, name), ':')
			raw = append(appendText(raw, value), ',')
		}
	}
	if len(h.Get("Content-Type")) > 0 {
		raw = append(raw, `"datacontenttype":`...)
		raw = append(appendText(raw, h.Get("Content-Type")), ',')
	}
	raw = p.appendBody(raw, media, params, body)
	raw = append(bytes.TrimSuffix(raw, []byte(",")), '}')
	if !utf8.Valid(raw) {
		p.problem("", "a header is not valid UTF-8")
	}
	if p.bad != nil {
		return Event{}, p.bad
	}
	return Parse(raw, lim)
}

// appendBody appends the data of an event in binary mode as a member.
func (p *reader) appendBody(raw []byte, media string, params map[string]string, body []byte) []byte {
	set := strings.ToLower(params["charset"])
	utf := set == "" || set == "utf-8" || set == "us-ascii"
	switch {
	case len(body) == 0:
		return raw
	case len(body) > p.lim.MaxEvent:
		p.large("data", "the event has more than %d bytes", p.lim.MaxEvent)
		return raw
	case media == "" || jsonMedia(media):
		if !utf || !utf8.Valid(body) {
			p.problem("data", "the body is not valid UTF-8")
			return raw
		}
		s := strictjson.New(body, p.lim.MaxDepth)
		value := s.Value()
		s.End()
		if reason, at := s.Problem(); reason != "" {
			p.problem("data", "the body is not valid JSON at byte %d: %s", at, reason)
			return raw
		}
		raw = append(raw, `"data":`...)
		return append(raw, value...)
	case strings.HasPrefix(media, "text/") && utf && utf8.Valid(body):
		raw = append(raw, `"data":`...)
		return appendText(raw, string(body))
	default:
		raw = append(raw, `"data_base64":"`...)
		raw = base64.StdEncoding.AppendEncode(raw, body)
		return append(raw, '"')
	}
}

// headerValue undoes what the HTTP binding asks of header values: quotes
// first, then percent-encoding.
func headerValue(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	v := textproto.TrimString(values[0])
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		var b strings.Builder
		inner := v[1 : len(v)-1]
		for i := 0; i < len(inner); i++ {
			if inner[i] == '\\' && i+1 < len(inner) {
				i++
			}
			b.WriteByte(inner[i])
		}
		v = b.String()
	}
	if strings.IndexByte(v, '%') >= 0 {
		u, err := url.PathUnescape(v)
		if err != nil {
			return "", false
		}
		v = u
	}
	return v, utf8.ValidString(v)
}
