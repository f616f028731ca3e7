// Package clean makes values of what telephony systems put into the text fields
// of their protocols: texts that may go into ids and events, whole numbers, and
// durations; and compares the names of those fields. What makes no sense gives a
// zero value, never an error, because no source stops for a field that is wrong.
package clean

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxText bounds a name or number in bytes; telephony systems have lower
// limits themselves.
const MaxText = 512

// Text makes valid UTF-8 without control characters of at most [MaxText] bytes,
// so that it can be part of an id.
func Text[T string | []byte](v T) string {
	plain := len(v) <= MaxText
	for i := range len(v) {
		plain = plain && 0x20 <= v[i] && v[i] < 0x7f
	}
	if plain {
		return string(v)
	}
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe {
			return utf8.RuneError
		}
		return r
	}, string(v))
	for len(clean) > MaxText {
		_, n := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-n]
	}
	return clean
}

// Number reads a whole number; what is none counts as 0.
func Number[T string | []byte](v T) int {
	n, err := strconv.Atoi(string(v))
	if err != nil {
		return 0
	}
	return n
}

// Millis is the time from one event to another in milliseconds. Clocks of
// telephony systems step back a little at times: then it is 0.
func Millis(from, to time.Time) int64 {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from).Milliseconds()
}

// SameKey compares keys in ASCII without regard to case. They are spelled alike
// most of the time, so the plain comparison goes first.
func SameKey(b []byte, s string) bool {
	if string(b) == s {
		return true
	}
	if len(b) != len(s) {
		return false
	}
	for i := range len(s) {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
