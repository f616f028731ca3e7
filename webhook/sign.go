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

// Overlap is how long a secret signs beside the one that replaces it, unless something else is asked for.
const Overlap = 24 * time.Hour

// Secrets are those of one endpoint, the newest first.
type Secrets []Secret

// Made is the text that asks for a new secret where one is given.
const Made = "new"

// Given reads a secret as a request has it: [Made] for a new one, which is given back as made, "" for none, else the secret itself.
// It takes the place of all there are.
func Given(text string, now time.Time) (s Secrets, made string) {
	switch text {
	case "":
		return nil, ""
	case Made:
		fresh := NewSecret(now)
		return Secrets{fresh}, fresh.Key
	}
	return Secrets{{Key: text, Created: now.UTC().Truncate(time.Second)}}, ""
}

// Beside gives the secrets with the newest of the old ones behind them, which signs for so long.
func (s Secrets) Beside(old Secrets, now time.Time, overlap time.Duration) Secrets {
	if len(s) == 0 || len(old) == 0 || overlap <= 0 || old[0].Key == s[0].Key {
		return s
	}
	last := old[0]
	last.Ends = now.UTC().Truncate(time.Second).Add(overlap)
	return append(s[:len(s):len(s)], last)
}

// Check says what is wrong with the secrets.
func (s Secrets) Check() error {
	for _, one := range s {
		if _, err := one.Bytes(); err != nil {
			return err
		}
	}
	return nil
}

// Keys gives the keys that sign at a time.
func (s Secrets) Keys(now time.Time) [][]byte {
	var keys [][]byte
	for _, one := range s {
		if one.Ends.IsZero() || now.Before(one.Ends) {
			if b, err := one.Bytes(); err == nil {
				keys = append(keys, b)
			}
		}
	}
	return keys
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
