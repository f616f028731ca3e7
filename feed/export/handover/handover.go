// Package handover makes the file by which a customer gets the credentials of its
// bucket: one line, `id secret bucket sub-folder` separated by tabs, encrypted to the
// customer's OpenPGP public key. [Put] puts it where a link leads that ends after
// [LinkLife].
//
// Nothing of it is written anywhere unencrypted.
package handover

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"trunkline/feed/export/bucket"
)

// LinkLife is how long a link to credentials is good.
const LinkLife = 24 * time.Hour

// Credentials are what a customer reads its bucket with.
type Credentials struct {
	ID, Secret, Bucket string
	Folder             string // "" for the whole bucket
}

// ErrCredentials says that credentials cannot be written as a line.
var ErrCredentials = errors.New("the credentials cannot be handed over")

func (c *Credentials) line() (string, error) {
	for name, v := range map[string]string{"id": c.ID, "secret": c.Secret, "bucket": c.Bucket} {
		if v == "" {
			return "", fmt.Errorf("%w: there is no %s", ErrCredentials, name)
		}
	}
	fields := []string{c.ID, c.Secret, c.Bucket, strings.Trim(c.Folder, "/")}
	for _, v := range fields {
		if strings.ContainsAny(v, "\t\r\n") {
			return "", fmt.Errorf("%w: there is a tab or a line end in them", ErrCredentials)
		}
	}
	return strings.Join(fields, "\t") + "\n", nil
}

// Encrypt makes the armored file that only the owners of the keys can read.
func Encrypt(c Credentials, to openpgp.EntityList) ([]byte, error) {
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	if len(to) == 0 {
		return nil, fmt.Errorf("%w: there is no key to encrypt them to", ErrCredentials)
	}
	var b bytes.Buffer
	out, err := armor.Encode(&b, "PGP MESSAGE", nil)
	if err != nil {
		return nil, fmt.Errorf("encrypt the credentials: %w", err)
	}
	in, err := openpgp.Encrypt(out, to, nil, &openpgp.FileHints{FileName: "credentials.tsv"}, nil)
	if err != nil {
		return nil, fmt.Errorf("encrypt the credentials: %w", err)
	}
	if _, err := io.WriteString(in, line); err != nil {
		return nil, fmt.Errorf("encrypt the credentials: %w", err)
	}
	if err := errors.Join(in.Close(), out.Close()); err != nil {
		return nil, fmt.Errorf("encrypt the credentials: %w", err)
	}
	return append(b.Bytes(), '\n'), nil
}

// Store is a bucket that gives links.
type Store interface {
	bucket.Store
	bucket.Presigner
}

// Put puts the encrypted file into a bucket, under a name that nobody guesses, and
// gives a link to it and its name.
func Put(ctx context.Context, s Store, encrypted []byte) (link, key string, err error) {
	key = "credentials/" + rand.Text() + ".asc"
	sum := sha256.Sum256(encrypted)
	made, err := s.Create(ctx, key, bucket.Body{Reader: bytes.NewReader(encrypted), Size: int64(len(encrypted)), SHA256: hex.EncodeToString(sum[:])})
	if err == nil && !made {
		err = bucket.ErrChanged
	}
	if err != nil {
		return "", "", fmt.Errorf("put the credentials into the bucket: %w", err)
	}
	if link, err = s.Presign(ctx, key, LinkLife); err != nil {
		return "", "", err
	}
	return link, key, nil
}
