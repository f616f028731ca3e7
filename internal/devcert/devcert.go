// Package devcert makes certificates for development and for tests: an authority of one's own, and what it signs for
// servers and for clients.
//
// The certificates keep to what the ASAPP feed asks of both sides: a server's is for server authentication alone, a
// client's for client authentication alone and names the client in its subject. They are not for production: the key of
// the authority lies beside them.
package devcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Pair is a certificate with its key, both in PEM.
type Pair struct {
	Cert, Key []byte

	leaf *x509.Certificate
	key  crypto.Signer
}

// Terms say how certificates are made. Zero values: now, 30 days, ECDSA P-256.
type Terms struct {
	From time.Time
	Days int
	RSA  bool // RSA with 3072 bits, as the ASAPP page asks for
}

func (t Terms) span() (from, to time.Time) {
	if t.From.IsZero() {
		t.From = time.Now().Add(-time.Hour)
	}
	if t.Days == 0 {
		t.Days = 30
	}
	return t.From, t.From.AddDate(0, 0, t.Days)
}

// Authority makes an authority.
func Authority(name string, t Terms) (*Pair, error) {
	return t.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil)
}

// Server makes the certificate of a server with names and addresses.
func (ca *Pair) Server(t Terms, hosts ...string) (*Pair, error) {
	if len(hosts) == 0 {
		return nil, errors.New("a server's certificate needs a host")
	}
	c := &x509.Certificate{Subject: pkix.Name{CommonName: hosts[0]}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	return t.make(c, ca)
}

// Client makes the certificate of a client.
func (ca *Pair) Client(t Terms, name string) (*Pair, error) {
	return t.make(&x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca)
}

func (t Terms) make(c *x509.Certificate, ca *Pair) (*Pair, error) {
	var key crypto.Signer
	var err error
	if t.RSA {
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	c.NotBefore, c.NotAfter = t.span()
	if !c.IsCA {
		c.KeyUsage = x509.KeyUsageDigitalSignature
	}
	parent, signer := c, key
	if ca != nil {
		parent, signer = ca.leaf, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	return &Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain}),
		leaf: leaf, key: key,
	}, nil
}

// Files are the paths of what WriteSet wrote.
type Files struct {
	CA, CAKey, ServerCert, ServerKey, ClientCert, ClientKey string
}

// WriteSet makes an authority, a server's and a client's certificate and writes them into a directory, keys for their
// owner alone. It replaces nothing: files that are there are an error.
func WriteSet(dir, client string, t Terms, hosts ...string) (Files, error) {
	f := Files{CA: "ca.pem", CAKey: "ca.key", ServerCert: "server.pem", ServerKey: "server.key", ClientCert: "client.pem", ClientKey: "client.key"}
	for _, p := range []*string{&f.CA, &f.CAKey, &f.ServerCert, &f.ServerKey, &f.ClientCert, &f.ClientKey} {
		*p = filepath.Join(dir, *p)
	}
	ca, err := Authority("Trunkline development authority", t)
	if err != nil {
		return f, err
	}
	server, err := ca.Server(t, hosts...)
	if err != nil {
		return f, err
	}
	cl, err := ca.Client(t, client)
	if err != nil {
		return f, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return f, fmt.Errorf("make the directory: %w", err)
	}
	for _, w := range []struct {
		path string
		data []byte
		mode os.FileMode
	}{{f.CA, ca.Cert, 0o644}, {f.CAKey, ca.Key, 0o600}, {f.ServerCert, server.Cert, 0o644}, {f.ServerKey, server.Key, 0o600},
		{f.ClientCert, cl.Cert, 0o644}, {f.ClientKey, cl.Key, 0o600}} {
		out, err := os.OpenFile(w.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, w.mode)
		if err != nil {
			return f, fmt.Errorf("write a certificate: %w", err)
		}
		_, err = out.Write(w.data)
		if err = errors.Join(err, out.Close()); err != nil {
			return f, fmt.Errorf("write %s: %w", w.path, err)
		}
	}
	return f, nil
}
