package strictjson

import "unicode/utf8"

// Text is a JSON string as it stands between its quotes.
type Text struct {
	Raw     []byte
	Escaped bool // Raw has escapes in it
}

// Bytes returns the text with its escapes resolved. It is Raw itself when
// there are none.
func (t Text) Bytes() []byte {
	if !t.Escaped {
		return t.Raw
	}
	out := make([]byte, 0, len(t.Raw))
	for i := 0; i < len(t.Raw); {
		if t.Raw[i] != '\\' {
			out = append(out, t.Raw[i])
			i++
			continue
		}
		switch c := t.Raw[i+1]; c {
		case 'u':
			r, n := codePoint(t.Raw[i:])
			out = utf8.AppendRune(out, r)
			i += n
			continue
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		default:
			out = append(out, c)
		}
		i += 2
	}
	return out
}

// escape returns the length of the escape at the start of b, or 0 and what is
// wrong with it. A pair of surrogates is one escape.
func escape(b []byte) (int, string) {
	if len(b) < 2 {
		return 0, "the text ends inside a string"
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
		if _, ok := hex4(b); !ok {
			return 0, "malformed \\u escape"
		}
		if r, n := codePoint(b); r >= 0 {
			return n, ""
		}
		return 0, "unpaired surrogate"
	}
	return 0, "unknown escape"
}

// codePoint reads the \u escape at the start of b, two of them when they are a
// pair of surrogates. It returns -1 for a surrogate without its other half.
func codePoint(b []byte) (rune, int) {
	r, ok := hex4(b)
	switch {
	case !ok:
		return -1, 0
	case r < 0xD800 || r > 0xDFFF:
		return r, 6
	case r > 0xDBFF || len(b) < 12 || b[6] != '\\' || b[7] != 'u':
		return -1, 0
	}
	low, ok := hex4(b[6:])
	if !ok || low < 0xDC00 || low > 0xDFFF {
		return -1, 0
	}
	return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, 12
}

// hex4 reads the four digits after \u.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 + rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 + rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 + rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
