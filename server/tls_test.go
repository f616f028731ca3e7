package server

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/internal/devcert"
)

// TestAuthoritiesAreReadAgain: so is the file of client certificates' authorities.
func TestAuthoritiesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	f, err := devcert.WriteSet(dir, "client", devcert.Terms{}, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "authorities.pem")
	now := time.Now().Truncate(time.Second)
	write := func(pem []byte, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	other, err := devcert.Authority("other", devcert.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(f.CA)
	if err != nil {
		t.Fatal(err)
	}
	write(own, now)
	conf, err := tlsConfig(config.TLS{Cert: f.ServerCert, Key: f.ServerKey, ClientCA: path})
	if err != nil {
		t.Fatal(err)
	}
	a := &authorities{path: path, first: conf}
	if err := a.read(); err != nil {
		t.Fatal(err)
	}
	first := a.pool
	terms := func() *tls.Config {
		t.Helper()
		a.looked = time.Time{} // as if it had been a while
		c, err := a.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if terms() != nil {
		t.Error("terms of their own though nothing has changed")
	}
	write(other.Cert, now.Add(time.Second))
	renewed := terms()
	if renewed == nil || renewed.ClientCAs.Equal(first) || renewed.ClientAuth != tls.RequireAndVerifyClientCert {
		t.Fatalf("the new authorities are not in force: %+v", renewed)
	}
	write([]byte("rubbish"), now.Add(2*time.Second))
	if terms() != renewed {
		t.Error("rubbish has taken the place of authorities")
	}
	write(own, now.Add(3*time.Second))
	if c := terms(); c == nil || !c.ClientCAs.Equal(first) {
		t.Error("the first authorities are not in force again")
	}
}

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
