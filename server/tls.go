package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"trunkline/config"
)

// tlsConfig gives the listener's TLS, nil when none is configured.
func tlsConfig(c config.TLS) (*tls.Config, error) {
	if c.Cert == "" {
		return nil, nil
	}
	pair := &keyPair{cert: c.Cert, key: c.Key}
	if _, err := pair.get(nil); err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get, NextProtos: []string{"http/1.1"}}
	if c.ClientCA != "" {
		a := &authorities{path: c.ClientCA, first: conf}
		if err := a.read(); err != nil {
			return nil, err
		}
		conf.ClientCAs, conf.GetConfigForClient, conf.ClientAuth = a.pool, a.get, tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// authorities are those of client certificates, which are read again when their file changes. Connections that are open stay.
type authorities struct {
	path  string
	first *tls.Config // with the pool as it was at the start

	mu     sync.Mutex // guards what is below
	pool   *x509.CertPool
	now    *tls.Config // with another pool; nil: first
	stamp  time.Time   // of the file
	looked time.Time
}

// read reads the file; mu is held, or nobody else has it yet.
func (a *authorities) read() error {
	info, err := os.Stat(a.path)
	if err != nil {
		return fmt.Errorf("read the client_ca: %w", err)
	}
	pem, err := os.ReadFile(a.path)
	if err != nil {
		return fmt.Errorf("read the client_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("client_ca: %s holds no certificate in PEM form", a.path)
	}
	a.pool, a.stamp, a.looked = pool, info.ModTime(), time.Now()
	return nil
}

// get gives the terms of a connection, nil for the first ones.
func (a *authorities) get(*tls.ClientHelloInfo) (*tls.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.looked) < lookEvery {
		return a.now, nil
	}
	a.looked = time.Now()
	if info, err := os.Stat(a.path); err == nil && info.ModTime().Equal(a.stamp) {
		return a.now, nil
	}
	if err := a.read(); err != nil {
		slog.Error("the new authorities of client certificates cannot be read, the old ones stay", "error", err)
		return a.now, nil
	}
	a.now = a.first.Clone()
	a.now.ClientCAs, a.now.GetConfigForClient = a.pool, nil
	return a.now, nil
}

// keyPair is a certificate that is read again when its file changes.
type keyPair struct {
	cert, key string

	mu     sync.Mutex // guards what is below
	loaded *tls.Certificate
	stamp  time.Time // of the certificate's file
	looked time.Time
}

// lookEvery bounds how often the files are looked at.
const lookEvery = 10 * time.Second

func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loaded != nil && time.Since(k.looked) < lookEvery {
		return k.loaded, nil
	}
	k.looked = time.Now()
	info, err := os.Stat(k.cert)
	if err == nil && k.loaded != nil && info.ModTime().Equal(k.stamp) {
		return k.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(k.cert, k.key)
	}
	if err != nil {
		if k.loaded != nil { // half of a renewal: go on with what there is
			slog.Error("the new certificate cannot be read, the old one stays", "file", k.cert, "error", err)
			return k.loaded, nil
		}
		return nil, fmt.Errorf("read listen.tls.cert and key: %w", err)
	}
	k.loaded, k.stamp = &pair, info.ModTime()
	return k.loaded, nil
}
