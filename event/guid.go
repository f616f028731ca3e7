package event

import (
	"crypto/sha1" // as RFC 9562 has it for version 5; it guards nothing
	"encoding/hex"
)

// guidNamespace is the name space of the GUIDs of a tenant's entities.
var guidNamespace = [16]byte{0x6f, 0x1c, 0x8a, 0x27, 0x35, 0x9d, 0x5b, 0x40, 0x8e, 0x62, 0x41, 0xd0, 0x93, 0x7a, 0x5e, 0x18}

// GUID is the UUID of an entity that its source gave none: version 5 of the tenant, the
// kind and the id, so that all nodes give the same one for ever.
func GUID(tenant string, kind EntityKind, id string) string {
	return UUIDv5(guidNamespace, tenant, string(kind), id)
}

// IsGUID says whether a text is a GUID in its usual form.
func IsGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// UUIDv5 makes a UUID version 5 (RFC 9562) of texts, each ended by a zero byte.
func UUIDv5(namespace [16]byte, parts ...string) string {
	h := sha1.New()
	h.Write(namespace[:])
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	var u [20]byte
	h.Sum(u[:0])
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[:8], u[:4])
	hex.Encode(out[9:13], u[4:6])
	hex.Encode(out[14:18], u[6:8])
	hex.Encode(out[19:23], u[8:10])
	hex.Encode(out[24:], u[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}
