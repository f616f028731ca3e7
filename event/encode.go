package event

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Facts are written by plans: for each Go type, what to write and what to
// check on the way, worked out once from the same shapes that the validator
// reads. A plan writes only what is plainly right, byte for byte as
// encoding/json would, and gives up on everything else: texts with escapes,
// missing fields, unknown words. The careful way then writes it, or names the
// reason why it cannot be written.

// put appends a value and says whether it is plainly right.
type put func(dst []byte, v reflect.Value) ([]byte, bool)

// plans are those of the vocabulary, by Go type.
var plans = sync.OnceValue(func() map[reflect.Type]put {
	m := make(map[reflect.Type]put)
	for _, t := range dictionary().types {
		if t.Subject != "entity" { // whose subject is free
			rt := reflect.TypeOf(t.Zero)
			m[rt] = planObject(rt, t.Shape)
		}
	}
	return m
})

// quick appends a fact by its plan. It reports where its data is in the
// object, and false when there is no plan or the plan gave up.
func quick(dst []byte, m Meta, f Fact) (out []byte, from, to int, ok bool) {
	v := reflect.ValueOf(f)
	if !v.IsValid() {
		return nil, 0, 0, false
	}
	plan := plans()[v.Type()]
	if plan == nil || !plainAttribute(m.ID) || !plainAttribute(m.Source) || m.Tenant != "" && !plainAttribute(m.Tenant) || !writable(m.Time) {
		return nil, 0, 0, false
	}
	start := len(dst)
	dst = append(dst, `{"specversion":"1.0","id":"`...)
	dst = append(dst, m.ID...)
	dst = append(dst, `","source":"`...)
	dst = append(dst, m.Source...)
	dst = append(dst, `","type":"`...)
	dst = append(dst, f.EventType()...)
	subject := f.EventSubject()
	if !plainAttribute(subject) {
		return nil, 0, 0, false
	}
	dst = append(dst, `","subject":"`...)
	dst = append(dst, subject...)
	dst = append(dst, '"')
	if !m.Time.IsZero() {
		dst = append(dst, `,"time":`...)
		dst = appendTime(dst, m.Time)
	}
	if m.Tenant != "" {
		dst = append(dst, `,"tenant":"`...)
		dst = append(dst, m.Tenant...)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"data":`...)
	from = len(dst) - start
	if dst, ok = plan(dst, v); !ok {
		return nil, 0, 0, false
	}
	to = len(dst) - start
	dst = append(dst, '}')
	return dst, from, to, len(dst)-start <= quickSize
}

// quickSize is the size in bytes up to which a plan's work stands; whether an
// even larger event is still within the limits is for the careful way to say.
const quickSize = 64 << 10

// plainAttribute says that a text may stand in any attribute as it is: not
// empty, of moderate length, nothing to escape, and as a URI reference a path.
func plainAttribute(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '/', c == '~':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 1024 && !strings.HasPrefix(s, "//")
}

// plainText says that a text is the same in JSON, between quotes.
func plainText(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s) && !strings.ContainsAny(s, "\u2028\u2029")
}

// writable says that a time has a year of four digits, as RFC 3339 wants it.
func writable(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 0 && y <= 9999
}

// appendTime appends a time in quotes, in UTC with milliseconds.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	ms := t.Nanosecond() / int(time.Millisecond)
	two := func(n int, after byte) {
		dst = append(dst, byte('0'+n/10), byte('0'+n%10), after)
	}
	dst = append(dst, '"', byte('0'+year/1000), byte('0'+year/100%10))
	two(year%100, '-')
	two(int(month), '-')
	two(day, 'T')
	two(hour, ':')
	two(minute, ':')
	two(second, '.')
	dst = append(dst, byte('0'+ms/100))
	two(ms%100, 'Z')
	return append(dst, '"')
}

// plan works out how to write a value of a Go type.
func plan(rt reflect.Type, s *Shape) put {
	if rt.Kind() == reflect.Pointer {
		value := plan(rt.Elem(), s)
		return func(dst []byte, v reflect.Value) ([]byte, bool) {
			if v.IsNil() {
				return dst, false
			}
			return value(dst, v.Elem())
		}
	}
	switch s.Kind {
	case KindText:
		return func(dst []byte, v reflect.Value) ([]byte, bool) { return putText(dst, v.String()) }
	case KindWord:
		words := make([]string, len(s.Words))
		for i, w := range s.Words {
			words[i] = w.Value
		}
		return func(dst []byte, v reflect.Value) ([]byte, bool) {
			w := v.String()
			if !slices.Contains(words, w) {
				return dst, false
			}
			return putText(dst, w)
		}
	case KindTime:
		return func(dst []byte, v reflect.Value) ([]byte, bool) {
			t := v.Interface().(Time).Time
			if !writable(t) {
				return dst, false
			}
			return appendTime(dst, t), true
		}
	case KindInteger:
		return func(dst []byte, v reflect.Value) ([]byte, bool) { return strconv.AppendInt(dst, v.Int(), 10), true }
	case KindFlag:
		return func(dst []byte, v reflect.Value) ([]byte, bool) { return strconv.AppendBool(dst, v.Bool()), true }
	case KindNumber:
		return func(dst []byte, v reflect.Value) ([]byte, bool) {
			x := v.Float()
			if a := math.Abs(x); a != 0 && !(a >= 1e-6 && a < 1e21) {
				return dst, false
			}
			return strconv.AppendFloat(dst, x, 'f', -1, 64), true
		}
	case KindList:
		return planList(plan(rt.Elem(), s.Items))
	case KindMap:
		return planMap(plan(rt.Elem(), s.Items))
	}
	return planObject(rt, s)
}

func putText(dst []byte, s string) ([]byte, bool) {
	if !plainText(s) {
		return dst, false
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"'), true
}

func planList(item put) put {
	return func(dst []byte, v reflect.Value) ([]byte, bool) {
		ok := !v.IsNil()
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if ok {
				dst, ok = item(dst, v.Index(i))
			}
		}
		return append(dst, ']'), ok
	}
}

func planMap(item put) put {
	return func(dst []byte, v reflect.Value) ([]byte, bool) {
		names := make([]string, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			names = append(names, it.Key().String())
		}
		slices.Sort(names)
		ok := !v.IsNil()
		dst = append(dst, '{')
		for i, name := range names {
			if i > 0 {
				dst = append(dst, ',')
			}
			if ok {
				dst, ok = putText(dst, name)
			}
			dst = append(dst, ':')
			if ok {
				dst, ok = item(dst, v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key())))
			}
		}
		return append(dst, '}'), ok
	}
}

// planField is one field of an object.
type planField struct {
	outer, inner int // inner is the place in an embedded struct, -1 when it is not in one
	key          string
	least        bool // integers must not be negative
	required     bool
	text         bool
	zeroTime     bool // left out when it is a zero time
	value        put
}

func planObject(rt reflect.Type, s *Shape) put {
	var fields []planField
	add := func(sf reflect.StructField, outer, inner int) {
		f := &s.Fields[len(fields)]
		key := `"` + f.Name + `":`
		if len(fields) > 0 {
			key = "," + key
		}
		fields = append(fields, planField{
			outer: outer, inner: inner, key: key, required: f.Required, least: f.Bounded && f.Shape.Kind == KindInteger,
			text: f.Shape.Kind == KindText, zeroTime: f.Shape.Kind == KindTime, value: plan(sf.Type, f.Shape),
		})
	}
	for i := range rt.NumField() {
		sf := rt.Field(i)
		if !sf.Anonymous {
			add(sf, i, -1)
			continue
		}
		for j := range sf.Type.NumField() {
			add(sf.Type.Field(j), i, j)
		}
	}
	return func(dst []byte, v reflect.Value) ([]byte, bool) {
		start := len(dst)
		dst = append(dst, '{')
		outer := -1
		var embedded reflect.Value
		for i := range fields {
			f := &fields[i]
			var x reflect.Value
			if f.inner < 0 {
				x = v.Field(f.outer)
			} else {
				if f.outer != outer {
					outer, embedded = f.outer, v.Field(f.outer)
				}
				x = embedded.Field(f.inner)
			}
			switch {
			case f.required && f.text:
				if x.Len() == 0 {
					return dst, false
				}
			case !f.required && empty(x, f.zeroTime):
				continue
			}
			if f.least && x.Int() < 0 {
				return dst, false
			}
			key := f.key
			if len(dst) == start+1 && key[0] == ',' {
				key = key[1:]
			}
			dst = append(dst, key...)
			var ok bool
			if dst, ok = f.value(dst, x); !ok {
				return dst, false
			}
		}
		return append(dst, '}'), true
	}
}

// empty says whether encoding/json would leave an optional value out.
func empty(v reflect.Value, zeroTime bool) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Int, reflect.Int64:
		return v.Int() == 0
	case reflect.Bool:
		return !v.Bool()
	case reflect.Float64:
		return v.Float() == 0
	case reflect.Pointer:
		return v.IsNil()
	}
	return zeroTime && v.IsZero()
}
