package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one setting, or a section of them.
type field struct {
	path, key, doc string
	tag            reflect.StructTag
	value          reflect.Value
}

// fields lists what stands directly in the struct v.
func fields(v reflect.Value, path string) []field {
	out := make([]field, 0, v.NumField())
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if sf.Anonymous { // what several sections have in common
			out = append(out, fields(v.Field(i), path)...)
			continue
		}
		key := sf.Tag.Get("yaml")
		out = append(out, field{path: join(path, key), key: key, doc: sf.Tag.Get("doc"), tag: sf.Tag, value: v.Field(i)})
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// section says whether f holds further settings.
func (f field) section() bool { return f.value.Kind() == reflect.Struct }

// list says whether f is a list of sections.
func (f field) list() bool {
	return f.value.Kind() == reflect.Slice && f.value.Type().Elem().Kind() == reflect.Struct
}

// strings says whether f is a list of words.
func (f field) words() bool {
	return f.value.Kind() == reflect.Slice && f.value.Type().Elem().Kind() == reflect.String
}

// env is the environment variable of f.
func (f field) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// walk visits all settings below v, sections before what they hold; lists of sections are not entered.
func walk(v reflect.Value, path string, visit func(field)) {
	for _, f := range fields(v, path) {
		visit(f)
		if f.section() {
			walk(f.value, f.path, visit)
		}
	}
}

// setDefaults fills the struct v with the defaults of its tags.
func setDefaults(v reflect.Value) {
	walk(v, "", func(f field) {
		text, ok := f.tag.Lookup("default")
		if !ok {
			return
		}
		if err := f.set(text); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", f.path, err)) // a slip in this package, found by any test
		}
	})
}

// set takes the text of a setting, wherever it stood.
func (f field) set(text string) error {
	switch p := f.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("not true or false")
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
		if err != nil {
			return fmt.Errorf("not a whole number")
		}
		*p = n
	case *Duration:
		d, err := ParseDuration(text)
		if err != nil {
			return err
		}
		*p = d
	case *Size:
		s, err := ParseSize(text)
		if err != nil {
			return err
		}
		*p = s
	case *[]string:
		*p = nil
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				*p = append(*p, word)
			}
		}
	default:
		return fmt.Errorf("cannot be given as text")
	}
	return nil
}

// text is the value as it would stand in a file.
func (f field) text() string {
	switch v := f.value.Interface().(type) {
	case []string:
		return strings.Join(v, ", ")
	case fmt.Stringer:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

// shown is the value as people may see it.
func (f field) shown() string {
	text := f.text()
	switch f.tag.Get("secret") {
	case "true":
		if text != "" {
			return "(hidden)"
		}
	case "userinfo":
		return hideUserinfo(text)
	}
	return text
}

// hideUserinfo hides what stands before the @ of each URL in a list of URLs.
func hideUserinfo(list string) string {
	urls := strings.Split(list, ",")
	for i, u := range urls {
		at := strings.LastIndexByte(u, '@')
		if at < 0 {
			continue
		}
		scheme, _, ok := strings.Cut(u[:at], "://")
		if ok {
			scheme += "://"
		} else {
			scheme = ""
		}
		urls[i] = scheme + "(hidden)" + u[at:]
	}
	return strings.Join(urls, ",")
}

// accepted says in words what f takes, empty when anything goes.
func (f field) accepted() string {
	if list := f.tag.Get("oneof"); list != "" {
		return "one of " + strings.ReplaceAll(list, ",", ", ")
	}
	lo, hi := f.tag.Get("min"), f.tag.Get("max")
	if lo == "" {
		return ""
	}
	off := ""
	if f.outside(f.tag.Get("default")) {
		off = " or " + f.tag.Get("default")
	}
	return lo + " to " + hi + off
}

// check says whether the value keeps to the tags. The default is always good, also when it stands outside the bounds.
func (f field) check() bool {
	if list := f.tag.Get("oneof"); list != "" {
		known := strings.Split(list, ",")
		if !f.words() {
			return slices.Contains(known, f.text())
		}
		for _, w := range f.value.Interface().([]string) {
			if !slices.Contains(known, w) {
				return false
			}
		}
		return true
	}
	return f.tag.Get("min") == "" || f.text() == f.tag.Get("default") || !f.outside(f.text())
}

// outside says whether text lies outside of min and max.
func (f field) outside(text string) bool {
	n := f.number(text)
	return n < f.number(f.tag.Get("min")) || n > f.number(f.tag.Get("max"))
}

func (f field) number(text string) int64 {
	scratch := field{value: reflect.New(f.value.Type()).Elem()}
	if err := scratch.set(text); err != nil {
		panic(fmt.Sprintf("config: tag of %s: %v", f.path, err)) // as with the defaults
	}
	return scratch.value.Int()
}

// kind says in words what type f has.
func (f field) kind() string {
	switch f.value.Interface().(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int:
		return "whole number"
	case Duration:
		return "duration"
	case Size:
		return "size"
	case []string:
		return "list of texts"
	}
	return "list"
}
