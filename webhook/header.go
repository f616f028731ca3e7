package webhook

import "slices"

// OwnHeader says whether a header, in its canonical form, is set by the client and by nobody else.
func OwnHeader(name string) bool {
	return slices.Contains([]string{"Host", "Content-Type", "Content-Length", "Connection", "Transfer-Encoding", headerID, headerTimestamp, headerSignature}, name)
}

// ValidHeader says whether a header can be sent along.
func ValidHeader(k, v string) bool {
	if k == "" || len(k) > 128 || len(v) > 4096 {
		return false
	}
	for i := range len(k) {
		c := k[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	for i := range len(v) {
		if c := v[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
