package asapp

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// ErrPayload is what every complaint about a payload wraps.
var ErrPayload = errors.New("not an event of the real-time feeds")

// ErrVersion says that the payload is of a major version that is not known.
var ErrVersion = errors.New("the major version is not known")

// Envelope is a payload that was checked.
type Envelope struct {
	Version, Name, Type, ID string
	Time                    time.Time // event_time
	Meta, Data, Details     gjson.Result
	Raw                     []byte
}

// maxID bounds event_id, in bytes.
const maxID = 200

// Parse checks a payload. Members that are not known are left alone, and so are minor versions.
func Parse(raw []byte) (e Envelope, err error) {
	wrong := func(format string, args ...any) (Envelope, error) {
		return e, fmt.Errorf("%w: "+format, append([]any{ErrPayload}, args...)...)
	}
	if !utf8.Valid(raw) || !gjson.ValidBytes(raw) {
		return wrong("the body is not JSON in UTF-8")
	}
	root := gjson.ParseBytes(raw)
	if !root.IsObject() {
		return wrong("the body is not a JSON object")
	}
	e.Raw = raw
	for _, f := range []struct {
		name string
		into *string
	}{{"api_version", &e.Version}, {"name", &e.Name}, {"event_type", &e.Type}, {"event_id", &e.ID}} {
		v := root.Get(f.name)
		if v.Type != gjson.String || v.Str == "" {
			return wrong("%s is missing or no text", f.name)
		}
		if len(v.Str) > maxID {
			return wrong("%s is longer than %d bytes", f.name, maxID)
		}
		*f.into = v.Str
	}
	for _, s := range []string{e.Name, e.Type, e.ID} {
		if strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 || r == 0x7f }) {
			return wrong("name, event_type and event_id have no spaces or control characters")
		}
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(e.Version, "v"), ".")
	if major != "1" {
		return e, fmt.Errorf("%w: api_version %q, and only v1 is taken here", ErrVersion, e.Version)
	}
	for _, f := range []struct {
		name string
		into *gjson.Result
	}{{"meta_data", &e.Meta}, {"data", &e.Data}, {"details", &e.Details}} {
		v := root.Get(f.name)
		if v.Exists() && !v.IsObject() && v.Type != gjson.Null {
			return wrong("%s is no object", f.name)
		}
		*f.into = v
	}
	// Times should usually be present, as the vendor has it: without them the event is of now.
	for _, name := range []string{"event_time", "create_time"} {
		at := e.Meta.Get(name)
		if !at.Exists() || at.Type == gjson.Null {
			continue
		}
		if e.Time, err = time.Parse(time.RFC3339, at.Str); err != nil || e.Time.Year() < 1 || e.Time.Year() > 9999 {
			return wrong("meta_data.%s %.40q is not an ISO 8601 time", name, at.String())
		}
		return e, nil
	}
	e.Time = time.Now()
	return e, nil
}
