package event

import (
	"fmt"
	"reflect"
	"strings"
)

// Kind is the kind of a JSON value in a fact.
type Kind int

// The kinds.
const (
	KindText    Kind = iota // a string
	KindWord                // a string out of a list
	KindTime                // a string, RFC 3339
	KindInteger             // a number without fraction or exponent, within 64 bits
	KindNumber              // a number
	KindFlag                // true or false
	KindObject              // an object with known fields; others are carried unread
	KindList                // an array of Items
	KindMap                 // an object whose names are free and whose values are Items
)

// Shape describes the form of a JSON value in a fact. It is derived from the
// Go types alone, so that validator, schemas and documents cannot disagree.
type Shape struct {
	Kind   Kind
	Name   string  // name of the Go type, for words and objects
	Doc    string  // documentation of the Go type, for words and objects
	Words  []Word  // the words of a KindWord
	Items  *Shape  // the values of a KindList or KindMap
	Fields []Field // the fields of a KindObject, in their order

	required uint64 // the required Fields, a bit each
}

// Word is one value of a KindWord.
type Word struct{ Value, Doc string }

// Field is one field of an object.
type Field struct {
	Name string
	Doc  string
	// Required fields are present and, when they are texts, not empty.
	Required bool
	// Least is the smallest integer allowed, where Bounded is set.
	Least   int64
	Bounded bool
	Shape   *Shape

	goName string // "Type.Field", to find its comment
}

// maxFields bounds the fields of one object, so that the validator can mark
// the seen ones in one word.
const maxFields = 64

// worded is implemented by the types whose values are out of a list.
type worded interface{ words() []string }

// describe fills in what follows from the fact's Go type.
func describe(t *TypeInfo) {
	rt := reflect.TypeOf(t.Zero)
	t.Name = rt.Name()
	t.Shape = shapeOf(rt)
	t.subjectField = t.Shape.find([]byte(t.Subject), 0)
}

// shapeOf derives a shape. It panics on Go types that no fact may have: that
// is a mistake in this package which its tests show.
func shapeOf(rt reflect.Type) *Shape {
	if rt.Kind() == reflect.Pointer {
		return shapeOf(rt.Elem())
	}
	if rt == reflect.TypeFor[Time]() {
		return &Shape{Kind: KindTime}
	}
	if w, ok := reflect.Zero(rt).Interface().(worded); ok {
		s := &Shape{Kind: KindWord, Name: rt.Name()}
		for _, value := range w.words() {
			s.Words = append(s.Words, Word{Value: value})
		}
		return s
	}
	switch rt.Kind() {
	case reflect.String:
		return &Shape{Kind: KindText}
	case reflect.Bool:
		return &Shape{Kind: KindFlag}
	case reflect.Int, reflect.Int64:
		return &Shape{Kind: KindInteger}
	case reflect.Float64:
		return &Shape{Kind: KindNumber}
	case reflect.Slice:
		return &Shape{Kind: KindList, Items: shapeOf(rt.Elem())}
	case reflect.Map:
		return &Shape{Kind: KindMap, Items: shapeOf(rt.Elem())}
	case reflect.Struct:
		s := &Shape{Kind: KindObject, Name: rt.Name()}
		s.addFields(rt)
		if len(s.Fields) > maxFields {
			panic(fmt.Sprintf("event: %s has more than %d fields", rt, maxFields))
		}
		return s
	}
	panic(fmt.Sprintf("event: a fact may not have a field of type %s", rt))
}

// find returns the place of the field with a name, -1 when there is none. It
// looks from the place of the hint on: senders keep the order of the fields.
func (s *Shape) find(name []byte, hint int) int {
	for i := hint; i < len(s.Fields); i++ {
		if s.Fields[i].Name == string(name) {
			return i
		}
	}
	for i := range min(hint, len(s.Fields)) {
		if s.Fields[i].Name == string(name) {
			return i
		}
	}
	return -1
}

// addFields adds the fields of a struct, those of embedded structs in place.
func (s *Shape) addFields(rt reflect.Type) {
	for i := range rt.NumField() {
		sf := rt.Field(i)
		if sf.Anonymous {
			s.addFields(sf.Type)
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		f := Field{
			Name:     name,
			Required: options == "",
			Bounded:  strings.HasSuffix(name, "_ms") || name == "bytes",
			Shape:    shapeOf(sf.Type),
			goName:   rt.Name() + "." + sf.Name,
		}
		if f.Required {
			s.required |= 1 << len(s.Fields)
		}
		s.Fields = append(s.Fields, f)
	}
}
