package index

import "crypto/sha256"

// Seal puts a fitting hash behind b, so that a fuzz test reaches what lies
// behind the hash check.
func Seal(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(append([]byte(nil), b...), sum[:16]...)
}
