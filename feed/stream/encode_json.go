package stream

import (
	"strconv"
	"unicode/utf8"
)

// encode appends a message in a format to dst.
func encode(dst []byte, f Format, envelope string, s *Scratch, info *msgInfo) []byte {
	if f.isXML() {
		dst = encodeXML(dst, envelope, s, info)
	} else {
		dst = encodeJSON(dst, envelope, s, info)
	}
	if f.newline() {
		dst = append(dst, '\n')
	}
	return dst
}

func encodeJSON(dst []byte, envelope string, s *Scratch, info *msgInfo) []byte {
	dst = append(append(append(dst, `{"`...), envelope...), `":{`...)
	for i := range s.fields {
		f := &s.fields[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), f.name...), `":`...)
		switch f.kind {
		case textField:
			dst = appendTyped(dst, f.text)
		case wordField:
			dst = append(append(append(dst, '"'), f.text...), '"')
		case numberField:
			dst = strconv.AppendInt(dst, f.num, 10)
		case flagField:
			dst = strconv.AppendBool(dst, f.num != 0)
		case infoField:
			dst = append(appendTyped(append(dst, `{"instanceId":`...), info.instance), `,"sequenceId":`...)
			dst = append(strconv.AppendUint(dst, info.sequence, 10), `,"timestamp":`...)
			dst = append(strconv.AppendInt(dst, info.timestamp, 10), '}')
		case attachedField:
			dst = append(dst, `{"attachedDatum":[`...)
			for k := range s.pairs {
				if k > 0 {
					dst = append(dst, ',')
				}
				dst = appendQuoted(append(dst, `{"attachedDataKey":`...), s.pairs[k].key)
				dst = append(appendTyped(append(dst, `,"attachedDataValue":`...), s.pairs[k].value), '}')
			}
			dst = append(dst, `]}`...)
		}
	}
	return append(dst, '}', '}')
}

// appendTyped appends a text as JSON. One that reads as a number or as true or
// false is written as that; see [readsAsNumber] for which these are.
func appendTyped(dst []byte, s string) []byte {
	if s == "true" || s == "false" || readsAsNumber(s) {
		return append(dst, s...)
	}
	return appendQuoted(dst, s)
}

// readsAsNumber says that a text is a number in the one way to write it, and one
// that every reader gets back as it was: no leading zeros or plus sign, no
// exponent, no closing zeros in a fraction, fifteen digits at most.
func readsAsNumber(s string) bool {
	t := s
	if t != "" && t[0] == '-' {
		t = t[1:]
	}
	if t == "" || t[0] < '0' || t[0] > '9' || len(t) > 16 {
		return false
	}
	point, count := -1, 0
	for i := range len(t) {
		switch {
		case t[i] >= '0' && t[i] <= '9':
			count++
		case t[i] == '.' && point < 0:
			point = i
		default:
			return false
		}
	}
	whole := len(t)
	if point >= 0 {
		whole = point
		if point == len(t)-1 || t[len(t)-1] == '0' {
			return false
		}
	}
	return count <= 15 && (whole == 1 || t[0] != '0') && s != "-0"
}

const hexDigits = "0123456789abcdef"

// plain are the bytes that stand in a JSON string as they are, the others of
// UTF-8 apart.
var plain = func() (t [256]bool) {
	for b := range utf8.RuneSelf {
		t[b] = b >= 0x20 && b != '"' && b != '\\'
	}
	return t
}()

// appendQuoted appends a text as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if plain[b] {
			i++
			continue
		}
		size := 1
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			size = n
		}
		dst = append(dst, s[from:i]...)
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, "\uFFFD"...)
		}
		i += size
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
