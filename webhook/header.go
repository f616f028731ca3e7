package webhook

import "slices"

// OwnHeader says whether a header, in its canonical form, is set by the client and by nobody else: it says what is sent,
// or it is about the connection, on which more is sent than one message.
func OwnHeader(name string) bool {
	return slices.Contains([]string{"Host", "Content-Type", "Content-Length", "Content-Encoding", headerID, headerTimestamp, headerSignature, headerAttempt,
		"Connection", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Upgrade", "Expect", "Http2-Settings"}, name)
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
