package server

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"trunkline/internal/devcert"
)

// TestARenewedCertificateIsServed: the listeners' certificate is read again when its file changes, and what cannot be
// read leaves the old one in use.
func TestARenewedCertificateIsServed(t *testing.T) {
	dir := t.TempDir()
	k := &keyPair{cert: filepath.Join(dir, "server.pem"), key: filepath.Join(dir, "server.key")}
	ca, err := devcert.Authority("test", devcert.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	write := func(cert, key []byte, at time.Time) {
		t.Helper()
		for path, b := range map[string][]byte{k.cert: cert, k.key: key} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	serves := func() []byte {
		t.Helper()
		k.looked = time.Time{} // as if it had been a while
		c, err := k.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificate[0]
	}
	made := func() *devcert.Pair {
		t.Helper()
		p, err := ca.Server(devcert.Terms{}, "localhost")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, second := made(), made()
	now := time.Now().Truncate(time.Second)
	write(first.Cert, first.Key, now)
	a := serves()
	write(second.Cert, second.Key, now.Add(time.Second))
	b := serves()
	if bytes.Equal(a, b) {
		t.Error("the first certificate is still served")
	}
	write(second.Cert[:100], second.Key, now.Add(2*time.Second))
	if !bytes.Equal(serves(), b) {
		t.Error("half a file has taken the place of a certificate")
	}
	write(first.Cert, first.Key, now.Add(3*time.Second))
	if !bytes.Equal(serves(), a) {
		t.Error("it was not read again after that")
	}
}
