package stream

import (
	"strconv"
	"unicode/utf8"
)

// encodeXML writes the same members as elements: the envelope is the root, an
// attached pair an attachedDatum. There is no XML declaration, because messages
// may follow each other on one connection: the encoding is UTF-8.
func encodeXML(dst []byte, envelope string, s *Scratch, info *msgInfo) []byte {
	dst = opened(dst, envelope)
	for i := range s.fields {
		f := &s.fields[i]
		dst = opened(dst, f.name)
		switch f.kind {
		case textField:
			dst = appendXML(dst, f.text)
		case wordField:
			dst = append(dst, f.text...)
		case numberField:
			dst = strconv.AppendInt(dst, f.num, 10)
		case flagField:
			dst = strconv.AppendBool(dst, f.num != 0)
		case infoField:
			dst = append(appendXML(append(dst, `<instanceId>`...), info.instance), `</instanceId><sequenceId>`...)
			dst = append(strconv.AppendUint(dst, info.sequence, 10), `</sequenceId><timestamp>`...)
			dst = append(strconv.AppendInt(dst, info.timestamp, 10), `</timestamp>`...)
		case attachedField:
			for k := range s.pairs {
				dst = appendXML(append(dst, `<attachedDatum><attachedDataKey>`...), s.pairs[k].key)
				dst = appendXML(append(dst, `</attachedDataKey><attachedDataValue>`...), s.pairs[k].value)
				dst = append(dst, `</attachedDataValue></attachedDatum>`...)
			}
		}
		dst = closed(dst, f.name)
	}
	return closed(dst, envelope)
}

func opened(dst []byte, name string) []byte { return append(append(append(dst, '<'), name...), '>') }

func closed(dst []byte, name string) []byte {
	return append(append(append(dst, '<', '/'), name...), '>')
}

// appendXML appends a text as the content of an element. Line ends and tabs are
// written as references, so that a message stays on one line and readers keep
// them. What XML cannot carry (most control characters, U+FFFE, U+FFFF, what is
// not UTF-8) becomes U+FFFD.
func appendXML(dst []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if plain[b] && b != '<' && b != '>' && b != '&' {
			i++
			continue
		}
		size, esc := 1, ""
		switch {
		case b == '&':
			esc = "&amp;"
		case b == '<':
			esc = "&lt;"
		case b == '>':
			esc = "&gt;"
		case b == '\t':
			esc = "&#9;"
		case b == '\n':
			esc = "&#10;"
		case b == '\r':
			esc = "&#13;"
		case b < 0x20:
			esc = "\uFFFD"
		case b >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			if size = n; r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF {
				esc = "\uFFFD"
			}
		}
		if esc != "" {
			dst = append(append(dst, s[from:i]...), esc...)
			from = i + size
		}
		i += size
	}
	return append(dst, s[from:]...)
}
