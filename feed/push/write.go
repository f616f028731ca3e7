package push

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// timeLayout is how the payloads write times: ISO 8601 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// body writes one JSON object after the other. What is null or empty is left out.
type body struct{ b []byte }

func (o *body) key(k string) {
	o.b = append(append(append(o.b, '"'), k...), '"', ':')
}

// begin opens an object, under a key unless that is empty.
func (o *body) begin(k string) {
	if k != "" {
		o.key(k)
	}
	o.b = append(o.b, '{')
}

// end closes the object. One that stands under a key and has nothing in it is taken back, key and all.
func (o *body) end(k string) {
	last := len(o.b) - 1
	if o.b[last] == '{' && k != "" {
		o.b = o.b[:last-len(k)-3]
		return
	}
	if o.b[last] == ',' {
		o.b = o.b[:last]
	}
	o.b = append(o.b, '}', ',')
}

func (o *body) text(k, v string) {
	if v == "" {
		return
	}
	o.key(k)
	o.quoted(v)
	o.b = append(o.b, ',')
}

func (o *body) quoted(v string) {
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			raw, err := json.Marshal(v)
			if err == nil { // a text always has a form
				o.b = append(o.b, raw...)
			}
			return
		}
	}
	o.b = append(append(append(o.b, '"'), v...), '"')
}

// number writes a number, zero included.
func (o *body) number(k string, v int64) {
	o.key(k)
	o.b = append(strconv.AppendInt(o.b, v, 10), ',')
}

// some writes a number unless it is zero.
func (o *body) some(k string, v int64) {
	if v != 0 {
		o.number(k, v)
	}
}

func (o *body) truth(k string, v bool) {
	o.key(k)
	o.b = append(strconv.AppendBool(o.b, v), ',')
}

// at writes a time given in epoch milliseconds, 0 is none.
func (o *body) at(k string, ms int64) {
	if ms == 0 {
		return
	}
	o.key(k)
	o.b = append(o.b, '"')
	o.b = time.UnixMilli(ms).UTC().AppendFormat(o.b, timeLayout)
	o.b = append(o.b, '"', ',')
}

// value writes what stands in a fact under another name. Null, empty texts and empty lists are left out.
func (o *body) value(k string, v gjson.Result) {
	if !v.Exists() || v.Type == gjson.Null || v.Raw == `""` || v.Raw == "[]" || v.Raw == "{}" {
		return
	}
	o.key(k)
	o.b = append(append(o.b, v.Raw...), ',')
}

func (o *body) texts(k string, v []string) {
	if len(v) == 0 {
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.quoted(s)
	}
	o.b = append(o.b, ']', ',')
}

func (o *body) numbers(k string, v []int64) {
	if len(v) == 0 {
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	for i, n := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = strconv.AppendInt(o.b, n, 10)
	}
	o.b = append(o.b, ']', ',')
}

// done gives the text of the outermost object.
func (o *body) done() []byte { return o.b[:len(o.b)-1] }
