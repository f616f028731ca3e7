package control

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// ErrKey is what every complaint wraps about a value that none of the keys opens.
var ErrKey = errors.New("sealed with a key that is not given")

// keyBytes is the size of a key: AES-256.
const keyBytes = 32

// keyID names a key where a value is sealed with it. It is a part of a hash, which gives nothing of the key away.
type keyID [8]byte

func (id keyID) String() string { return hex.EncodeToString(id[:]) }

type sealKey struct {
	id   keyID
	aead cipher.AEAD // AES-256-GCM with a random nonce of 96 bits in front
}

// Keys seal values of control state, and open them. The first key seals; each opens what it has sealed.
type Keys struct {
	list []sealKey
	from string // where they were given, for complaints
}

// ParseKeys reads keys as a file has them, the newest first: each is 32 random bytes in base64, apart from the next by
// a line's end, a space or a comma. What follows a # in a line is a comment. from says in complaints where they stand.
func ParseKeys(text, from string) (*Keys, error) {
	k := &Keys{from: from}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
			raw, err := base64.StdEncoding.DecodeString(word)
			if err != nil || len(raw) != keyBytes {
				return nil, fmt.Errorf("%s: key %d is not %d bytes in base64, as 'head -c 32 /dev/urandom | base64' makes them", from, len(k.list)+1, keyBytes)
			}
			if err := k.add(raw); err != nil {
				return nil, err
			}
		}
	}
	if len(k.list) == 0 {
		return nil, fmt.Errorf("%s: there is no key in it", from)
	}
	return k, nil
}

func (k *Keys) add(raw []byte) error {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", k.from, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return fmt.Errorf("%s: %w", k.from, err)
	}
	sum := sha256.Sum256(append([]byte("trunkline key id\x00"), raw...))
	one := sealKey{id: keyID(sum[:8]), aead: aead}
	for _, other := range k.list {
		if other.id == one.id {
			return fmt.Errorf("%s: the key %s stands there twice", k.from, one.id)
		}
	}
	k.list = append(k.list, one)
	return nil
}

// ReadKeys reads a file of keys.
func ReadKeys(path string) (*Keys, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the keys of stored secrets: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode()&0o004 != 0 {
		slog.Warn("every user of this machine can read the keys of stored secrets", "file", path)
	}
	return ParseKeys(string(raw), path)
}

// NoKeys are no keys at all: they open what was never sealed, and seal nothing. from says where keys should be.
func NoKeys(from string) *Keys { return &Keys{from: from} }

// MakeKeyFile makes a file with a new key that its owner alone can read. fs.ErrExist when there is one. The file is
// whole, and on the disk, or not there: what is sealed must not outlive its key.
func MakeKeyFile(path string) error {
	var key [keyBytes]byte
	_, _ = rand.Read(key[:]) // it never fails
	text := "# Opens the secrets that are stored with the log. Keep a copy apart from that of the data.\n" + base64.StdEncoding.EncodeToString(key[:]) + "\n"
	err := func() error {
		tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
		if err != nil {
			return err
		}
		defer os.Remove(tmp.Name())
		_, err = tmp.WriteString(text)
		if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
			return err
		}
		if err := os.Link(tmp.Name(), path); err != nil { // unlike a rename it replaces nothing
			return err
		}
		dir, err := os.Open(filepath.Dir(path))
		if err != nil {
			return err
		}
		return errors.Join(dir.Sync(), dir.Close())
	}()
	if err != nil {
		return fmt.Errorf("make the key of stored secrets: %w", err)
	}
	return nil
}

// OpenKeyFile reads the file of keys of a store with one process, and makes it where there is none; unless the store
// has values already that are sealed, for which a new key would be of no use.
func OpenKeyFile(path string, sealed func(*Keys) error) (*Keys, error) {
	k, err := ReadKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := sealed(NoKeys(path)); err != nil {
		return nil, err
	}
	if err := MakeKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return ReadKeys(path)
}
