package push

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// secretPrefix begins the text of a signing secret, as Standard Webhooks has it.
const secretPrefix = "whsec_"

// NewSecret makes a signing secret of 32 random bytes.
func NewSecret(now time.Time) Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return Secret{Key: secretPrefix + base64.StdEncoding.EncodeToString(b[:]), Created: now.UTC().Truncate(time.Second)}
}

// sign gives the webhook-signature header by Standard Webhooks 1.0.0: one signature for each key, the newest first.
func sign(keys [][]byte, id, timestamp string, body []byte) string {
	var out []byte
	for i, key := range keys {
		if i > 0 {
			out = append(out, ' ')
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + timestamp + "."))
		h.Write(body)
		var sum [sha256.Size]byte
		out = base64.StdEncoding.AppendEncode(append(out, "v1,"...), h.Sum(sum[:0]))
	}
	return string(out)
}

// keysAt gives the keys that sign at a time.
func (d *Destination) keysAt(now time.Time) [][]byte {
	var keys [][]byte
	for _, s := range d.Secrets {
		if s.Ends.IsZero() || now.Before(s.Ends) {
			if b, err := s.bytes(); err == nil {
				keys = append(keys, b)
			}
		}
	}
	return keys
}
