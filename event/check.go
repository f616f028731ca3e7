package event

import (
	"slices"
	"strconv"
	"strings"

	"trunkline/event/internal/strictjson"
	"trunkline/nearest"
)

// step is one step on the way from the data to a value in it.
type step struct {
	name  string // of a field
	key   []byte // of a member whose name is free
	index int    // of an item, -1 for the others
}

// where names the value that is being read, for instance data.hours[2].from.
func (p *reader) where() string {
	var b strings.Builder
	b.WriteString("data")
	for _, w := range p.way {
		if w.index >= 0 {
			b.WriteString("[" + strconv.Itoa(w.index) + "]")
		} else {
			b.WriteString("." + w.name + shorten(string(w.key)))
		}
	}
	return b.String()
}

func (p *reader) enter(s step) { p.way = append(p.way, s) }

func (p *reader) leave() { p.way = p.way[:len(p.way)-1] }

// wrong notes a problem of a member of the object that is being read.
func (p *reader) wrong(member, format string, args ...any) {
	p.enter(step{name: member, index: -1})
	p.problem(p.where(), format, args...)
	p.leave()
}

// check reads the data of an event of the vocabulary and holds it against the
// shape of its type.
func (p *reader) check(s *strictjson.Scanner, t *TypeInfo) {
	p.subjectShape, p.subjectField = t.Shape, t.subjectField
	p.subjectID = strictjson.Text{}
	p.object(s, t.Shape)
}

// subject checks that an event's subject names the entity of its data.
func (p *reader) subject(env *envelope, t *TypeInfo, e *Event) {
	id := p.subjectID.Bytes()
	if len(id) == 0 || p.named("subject") {
		return // the missing id is a problem of its own
	}
	kind, rest, _ := strings.Cut(e.Subject, "/")
	if t.Subject == "entity" {
		kind, rest = "entity", e.Subject
	}
	if kind == t.Subject && rest == string(id) && e.Subject != "" {
		return
	}
	want := t.Subject + "/" + string(id)
	if t.Subject == "entity" {
		want = string(id)
	}
	if env.set&bitSubject == 0 {
		p.problem("subject", "required: must be %q, after data.%s", shorten(want), t.Subject)
		return
	}
	p.problem("subject", "must be %q, after data.%s", shorten(want), t.Subject)
}

func (p *reader) object(s *strictjson.Scanner, shape *Shape) {
	s.Object()
	var seen uint64
	next := 0
	for {
		key, ok := s.Key()
		if !ok {
			break
		}
		name := key.Bytes()
		i := shape.find(name, next)
		if i >= 0 {
			next = i + 1
		} else {
			p.unknown(shape, name)
			s.Value()
			continue
		}
		f := &shape.Fields[i]
		if seen&(1<<i) != 0 {
			p.wrong(f.Name, "given twice")
		}
		if s.Peek() == 'n' {
			s.Value() // null is the same as absent
			continue
		}
		seen |= 1 << i
		p.field(s, shape, i)
	}
	if missing := shape.required &^ seen; missing != 0 && s.OK() {
		for i := range shape.Fields {
			if missing&(1<<i) != 0 {
				p.wrong(shape.Fields[i].Name, "required")
			}
		}
	}
}

// field reads the value of the shape's i-th field.
func (p *reader) field(s *strictjson.Scanner, shape *Shape, i int) {
	f := &shape.Fields[i]
	if f.Shape.Kind == KindText && s.Peek() == '"' {
		t := s.Text()
		if f.Required && len(t.Raw) == 0 {
			p.wrong(f.Name, "must not be empty")
		}
		if shape == p.subjectShape && i == p.subjectField {
			p.subjectID = t
		}
		return
	}
	if f.Shape.Kind == KindInteger && f.Bounded && s.Peek() == '-' {
		if v := s.Value(); string(v) != "-0" && s.OK() {
			p.wrong(f.Name, "must not be less than %d", f.Least)
		}
		return
	}
	p.enter(step{name: f.Name, index: -1})
	p.value(s, f.Shape)
	p.leave()
}

// value reads a value and holds it against its shape.
func (p *reader) value(s *strictjson.Scanner, shape *Shape) {
	first := s.Peek()
	if want, names := expected(shape.Kind, first); !want {
		s.Value()
		if s.OK() {
			p.problem(p.where(), "must be %s", names)
		}
		return
	}
	switch shape.Kind {
	case KindText:
		s.Text()
	case KindWord:
		p.word(shape, s.Text())
	case KindTime:
		if t := s.Text(); s.OK() {
			if _, ok := timestamp(t); !ok {
				p.problem(p.where(), "must be an RFC 3339 time such as 2026-03-01T12:00:00.123Z")
			}
		}
	case KindInteger:
		if v := s.Value(); s.OK() {
			if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
				p.problem(p.where(), "must be a whole number within 64 bits")
			}
		}
	case KindNumber, KindFlag:
		s.Value()
	case KindObject:
		p.object(s, shape)
	case KindList:
		s.Array()
		for i := 0; s.OK() && s.Next(); i++ {
			p.enter(step{index: i})
			p.value(s, shape.Items)
			p.leave()
		}
	case KindMap:
		s.Object()
		for {
			key, ok := s.Key()
			if !ok {
				return
			}
			p.enter(step{key: key.Bytes(), index: -1})
			p.value(s, shape.Items)
			p.leave()
		}
	}
}

// expected reports whether a value of the kind may start with a byte, and how
// to name what is expected.
func expected(k Kind, first byte) (bool, string) {
	switch k {
	case KindText, KindWord, KindTime:
		return first == '"', "a string"
	case KindInteger:
		return first == '-' || '0' <= first && first <= '9', "a whole number"
	case KindNumber:
		return first == '-' || '0' <= first && first <= '9', "a number"
	case KindFlag:
		return first == 't' || first == 'f', "true or false"
	case KindList:
		return first == '[', "an array"
	default:
		return first == '{', "an object"
	}
}

func (p *reader) word(shape *Shape, t strictjson.Text) {
	got := t.Bytes()
	for i := range shape.Words {
		if shape.Words[i].Value == string(got) {
			return
		}
	}
	list := make([]string, len(shape.Words))
	for i, w := range shape.Words {
		list[i] = w.Value
	}
	p.problem(p.where(), "unknown word %q%s; the words are %s", shorten(string(got)), meant(string(got), "", list), strings.Join(list, ", "))
}

// unknown looks at a name that the shape does not have. It is carried, unless
// it differs from one of ours only in case: parsers disagree about those.
func (p *reader) unknown(shape *Shape, name []byte) {
	if !slices.ContainsFunc(name, func(c byte) bool { return 'A' <= c && c <= 'Z' || c >= 0x80 }) {
		return
	}
	for i := range shape.Fields {
		if f := &shape.Fields[i]; strings.EqualFold(f.Name, string(name)) {
			p.wrong(shorten(string(name)), "must be written %q", f.Name)
			return
		}
	}
}

// foreign checks a type that is not of the vocabulary: a reverse-DNS name
// whose first label is none of ours.
func (p *reader) foreign(typ string) {
	if typ == "" {
		p.problem("type", "must not be empty")
		return
	}
	labels := strings.Split(typ, ".")
	if p.dict.families[labels[0]] {
		p.problem("type", "unknown word %q of the vocabulary%s", shorten(typ), meant(typ, labels[0]+".", p.dict.names))
		return
	}
	if len(labels) < 2 {
		p.problem("type", "%q is neither a word of the vocabulary%s nor a reverse-DNS name such as com.example.order", shorten(typ), meant(typ, "", p.dict.names))
		return
	}
	for _, l := range labels {
		if l == "" || strings.ContainsFunc(l, notLabel) || l[0] == '-' || l[len(l)-1] == '-' {
			p.problem("type", "%q is not a reverse-DNS name: labels have letters, digits, '-' and '_'", shorten(typ))
			return
		}
	}
}

func notLabel(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// meant returns `, did you mean "…"?` for the nearest of the words, or nothing
// when none is near. All of the words share the prefix, which says nothing.
func meant(got, prefix string, list []string) string {
	var rest []string
	for _, w := range list {
		if strings.HasPrefix(w, prefix) {
			rest = append(rest, w[len(prefix):])
		}
	}
	word, ok := nearest.Of(strings.TrimPrefix(got, prefix), rest)
	if !ok {
		return ""
	}
	return ", did you mean " + strconv.Quote(prefix+word) + "?"
}
