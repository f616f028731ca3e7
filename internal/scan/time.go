package scan

import "time"

// Millis reads an RFC 3339 text as epoch milliseconds; anything else gives 0. The
// common form with Z is read without the time package.
func Millis(s string) int64 {
	if ms, ok := parseUTC(s); ok {
		return ms
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

func parseUTC(s string) (int64, bool) {
	n := len(s)
	if n < 20 || s[n-1] != 'Z' || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != 't') || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	num := func(from, to int) int64 {
		v := int64(0)
		for _, c := range []byte(s[from:to]) {
			if c < '0' || c > '9' {
				return -1
			}
			v = v*10 + int64(c-'0')
		}
		return v
	}
	y, mo, d, h, mi, sec := num(0, 4), num(5, 7), num(8, 10), num(11, 13), num(14, 16), num(17, 19)
	if y < 0 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 || sec > 59 {
		return 0, false
	}
	ms := int64(0)
	if n > 20 {
		if s[19] != '.' || n < 22 {
			return 0, false
		}
		scale := int64(100)
		for _, c := range []byte(s[20 : n-1]) {
			if c < '0' || c > '9' {
				return 0, false
			}
			ms += int64(c-'0') * scale
			scale /= 10
		}
	}
	// Days from the civil calendar, with March as the first month.
	if mo <= 2 {
		y--
		mo += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(mo-3)+2)/5 + d - 1 - 719468
	return ((days*24+h)*60+mi)*60_000 + sec*1000 + ms, true
}
