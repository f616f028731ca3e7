package encode

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// ErrKey says that something is not a public key to which can be encrypted.
var ErrKey = errors.New("not an OpenPGP public key")

// PublicKey reads public keys of OpenPGP, armored or not. Private keys are refused:
// a customer who sends one has made a mistake that must not be kept.
func PublicKey(b []byte, now time.Time) (openpgp.EntityList, error) {
	read := openpgp.ReadKeyRing
	if bytes.Contains(b, []byte("-----BEGIN PGP")) {
		read = openpgp.ReadArmoredKeyRing
	}
	keys, err := read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: there is none in it", ErrKey)
	}
	for _, k := range keys {
		if k.PrivateKey != nil {
			return nil, fmt.Errorf("%w: it is a private key, which nobody else may have", ErrKey)
		}
		if _, ok := k.EncryptionKey(now); !ok {
			return nil, fmt.Errorf("%w: %X has no valid key for encryption", ErrKey, k.PrimaryKey.Fingerprint)
		}
	}
	return keys, nil
}
