package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
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

// Sign gives the webhook-signature header by Standard Webhooks 1.0.0: one signature for each key, the newest first.
func Sign(keys [][]byte, id, timestamp string, body []byte) string {
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

// Secret signs what is sent. Until Ends two secrets sign side by side.
type Secret struct {
	Key     string    `json:"key"` // whsec_ and base64
	Created time.Time `json:"created,omitzero"`
	Ends    time.Time `json:"ends,omitzero"` // zero: never
}

// Bytes gives the key of a secret.
func (s Secret) Bytes() ([]byte, error) {
	text, ok := strings.CutPrefix(s.Key, secretPrefix)
	b, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(b) < 24 || len(b) > 64 {
		return nil, errors.New("a secret is whsec_ and 24 to 64 bytes in base64")
	}
	return b, nil
}
