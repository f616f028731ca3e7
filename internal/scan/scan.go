// Package scan reads JSON that was checked before, member by member and without
// reflection: what is stored in the log, by whoever needs only a few fields of
// it. A text without escapes is a part of what is read, so that reading costs no
// allocation.
package scan

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// JSON goes through the members of JSON objects. What it reads has been checked
// when it was appended, so it looks only at what it needs; on anything else it
// stops, and never reads beyond the text.
type JSON struct {
	s  string
	i  int
	at int // where the last item began: one that does not get on is the end

	escapes bool // there is a backslash somewhere
}

// The kinds of value.
const (
	Text    = '"'
	Object  = '{'
	Array   = '['
	Literal = 'v' // number, true, false, null
)

// Of begins to read a text.
func Of(text string) JSON { return JSON{s: text, escapes: strings.IndexByte(text, '\\') >= 0} }

func (c *JSON) space() {
	for c.i < len(c.s) && c.s[c.i] <= ' ' {
		c.i++
	}
}

// Open steps into an object or array.
func (c *JSON) Open(b byte) bool {
	c.space()
	if c.i < len(c.s) && c.s[c.i] == b {
		c.i++
		return true
	}
	return false
}

// Member gives the next member of an object and stands at its value. At the end
// of the object it steps out and gives false.
func (c *JSON) Member() (key string, ok bool) {
	if key, ok = c.nextMember(); ok {
		return key, true
	}
	if !c.Item('}') {
		return "", false
	}
	if key, ok = c.text(); !ok {
		return "", false
	}
	c.space()
	if c.i >= len(c.s) || c.s[c.i] != ':' {
		return "", false
	}
	c.i++
	c.space()
	return key, c.i < len(c.s)
}

// nextMember is Member for what nearly all is like: a name without escapes and no
// space around it.
func (c *JSON) nextMember() (key string, ok bool) {
	s, i := c.s, c.i
	if c.escapes || i+4 > len(s) {
		return "", false
	}
	if s[i] == ',' {
		i++
	}
	if s[i] != '"' {
		return "", false
	}
	n := strings.IndexByte(s[i+1:], '"')
	end := i + n + 2
	if n < 0 || end+1 >= len(s) || s[end] != ':' || s[end+1] <= ' ' {
		return "", false
	}
	c.at, c.i = i, end+1
	return s[i+1 : end-1], true
}

// Item stands at the next item; at the end it steps out and gives false.
func (c *JSON) Item(end byte) bool {
	c.space()
	if c.i < len(c.s) && c.s[c.i] == ',' {
		c.i++
		c.space()
	}
	if c.i >= len(c.s) {
		return false
	}
	if c.s[c.i] == end {
		c.i++
		return false
	}
	if c.i <= c.at {
		return false
	}
	c.at = c.i
	return true
}

// text reads a text. One without escapes is a part of what is scanned.
func (c *JSON) text() (string, bool) {
	if c.i >= len(c.s) || c.s[c.i] != '"' {
		return "", false
	}
	rest := c.s[c.i+1:]
	n := strings.IndexByte(rest, '"')
	if n < 0 {
		c.i = len(c.s)
		return "", false
	}
	if !c.escapes || strings.IndexByte(rest[:n], '\\') < 0 {
		c.i += n + 2
		return rest[:n], true
	}
	from := c.i
	c.skipText()
	out, err := unescape(c.s[from:c.i])
	return out, err == nil
}

func unescape(quoted string) (string, error) {
	var s string
	if err := json.Unmarshal([]byte(quoted), &s); err != nil {
		return "", fmt.Errorf("read a text: %w", err)
	}
	return s, nil
}

// skipText steps over a text.
func (c *JSON) skipText() {
	for at := c.i + 1; at < len(c.s); {
		n := strings.IndexByte(c.s[at:], '"')
		if n < 0 {
			break
		}
		end := at + n
		if !c.escapes {
			c.i = end + 1
			return
		}
		slashes := 0
		for k := end - 1; k >= at && c.s[k] == '\\'; k-- {
			slashes++
		}
		if at = end + 1; slashes%2 == 0 {
			c.i = at
			return
		}
	}
	c.i = len(c.s)
}

// Kind tells what value comes.
func (c *JSON) Kind() byte {
	if c.i >= len(c.s) {
		return 0
	}
	switch b := c.s[c.i]; b {
	case '"', '{', '[':
		return b
	}
	return Literal
}

// Value steps over a value of any kind and gives its bytes.
func (c *JSON) Value() string {
	from := c.i
	switch c.Kind() {
	case Text:
		c.skipText()
	case Object, Array:
		c.skipNest()
	default:
		for c.i < len(c.s) && !ends(c.s[c.i]) {
			c.i++
		}
	}
	return c.s[from:c.i]
}

// ends says that a literal is over before a byte.
func ends(b byte) bool { return b <= ' ' || b == ',' || b == '}' || b == ']' }

// skipNest steps over an object or array.
func (c *JSON) skipNest() {
	for depth := 0; c.i < len(c.s); {
		switch c.s[c.i] {
		case '"':
			c.skipText()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				c.i++
				return
			}
		}
		c.i++
	}
}

// Str reads a value as a text; another kind of value gives "".
func (c *JSON) Str() string {
	if c.Kind() != Text {
		c.Value()
		return ""
	}
	s, _ := c.text()
	return s
}

// Num reads a value as a whole number; another kind of value gives 0.
func (c *JSON) Num() int64 {
	short := int64(0)
	for i := c.i; i < len(c.s) && i < c.i+18; i++ {
		b := c.s[i]
		if b < '0' || b > '9' {
			if i > c.i && ends(b) {
				c.i = i
				return short
			}
			break
		}
		short = short*10 + int64(b-'0')
	}
	v := c.Value()
	n, neg := int64(0), false
	for i := range len(v) {
		switch b := v[i]; {
		case b >= '0' && b <= '9' && i < 18:
			n = n*10 + int64(b-'0')
		case b == '-' && i == 0:
			neg = true
		default:
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || f > 1<<53 || f < -(1<<53) {
				return 0
			}
			return int64(f)
		}
	}
	if neg {
		return -n
	}
	return n
}

// Truth reads a value as true or false; another kind of value gives false.
func (c *JSON) Truth() bool { return c.Value() == "true" }
