package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/eventlog"
	"trunkline/server"
)

// settings are those of a small server in a directory of its own, with the tenants acme and globex.
func settings(t *testing.T) config.Config {
	c := config.Default()
	c.Listen.Addr = "127.0.0.1:0"
	c.Log.Dir = filepath.Join(t.TempDir(), "data")
	c.Log.DiskReserve = 16 << 20
	c.Tenants = []config.Tenant{{ID: "acme", TimeZone: "UTC"}, {ID: "globex", TimeZone: "UTC"}}
	return c
}

// start starts a server that the test stops; change may alter its settings.
func start(t *testing.T, change func(*config.Config)) *server.Server {
	t.Helper()
	c := settings(t)
	if change != nil {
		change(&c)
	}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := s.Log().WaitWritable(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokensAndTenantsSurviveARestart(t *testing.T) {
	c := settings(t)
	first, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, operator, err := first.Tokens().Create(t.Context(), auth.Operator, []auth.Scope{auth.Admin}, "")
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := call(t, first.URL(), "PUT", "/v1/tenants/initech", `{"name":"Initech","time_zone":"Europe/Rome"}`, operator, nil); status != 201 {
		t.Fatalf("put: %d %s", status, body)
	}
	if _, err := server.Start(t.Context(), c); !errors.Is(err, eventlog.ErrInUse) {
		t.Errorf("a second server on the same directory: %v", err)
	}
	if _, err := server.OpenOffline(t.Context(), c); !errors.Is(err, eventlog.ErrInUse) {
		t.Errorf("the store of a running server: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	store, err := server.OpenOffline(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, made, err := store.Issue(t.Context(), auth.Token{Tenant: "initech", Scopes: []auth.Scope{auth.Admin}, Name: "made while no server ran"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Issue(t.Context(), auth.Token{Tenant: "nobody", Scopes: []auth.Scope{auth.Read}}); err == nil {
		t.Error("a token for a tenant that does not exist was made")
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	second := start(t, func(again *config.Config) { *again = c })
	for _, secret := range []string{operator, made} {
		if status, _, body := call(t, second.URL(), "GET", "/v1/tenants/initech", "", secret, nil); status != 200 || !strings.Contains(body, "Europe/Rome") {
			t.Errorf("after the restart: %d %s", status, body)
		}
	}
	// A tenant takes its tokens with it.
	if status, _, body := call(t, second.URL(), "DELETE", "/v1/tenants/initech", "", operator, nil); status != 204 {
		t.Errorf("delete: %d %s", status, body)
	}
	if status, _, body := call(t, second.URL(), "GET", "/v1/tenants/initech", "", made, nil); status != 401 {
		t.Errorf("a token of the deleted tenant: %d %s", status, body)
	}
}

func TestStaticTokens(t *testing.T) {
	secret := auth.NewSecret("pbx")
	s := start(t, func(c *config.Config) {
		c.Tokens = []config.Token{{ID: "pbx", Tenant: "acme", Scopes: []string{"admin"}, Hash: auth.HashOf(secret).String()}}
	})
	if status, _, body := call(t, s.URL(), "GET", "/v1/tokens", "", secret, nil); status != 200 || !strings.Contains(body, `"static":true`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := call(t, s.URL(), "DELETE", "/v1/tokens/pbx", "", secret, nil); status != 409 {
		t.Errorf("%d %s", status, body)
	}
}

func TestMetricsAccess(t *testing.T) {
	for access, want := range map[string][3]int{"public": {200, 200, 200}, "operator": {401, 403, 200}, "off": {404, 404, 404}} {
		s := start(t, func(c *config.Config) { c.Observability.Metrics = access })
		_, admin, err := s.Tokens().Create(t.Context(), "acme", []auth.Scope{auth.Admin}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, operator, err := s.Tokens().Create(t.Context(), auth.Operator, []auth.Scope{auth.Admin}, "")
		if err != nil {
			t.Fatal(err)
		}
		for i, secret := range []string{"", admin, operator} {
			if status, _, _ := call(t, s.URL(), "GET", "/metrics", "", secret, nil); status != want[i] {
				t.Errorf("%s, caller %d: %d, want %d", access, i, status, want[i])
			}
		}
	}
}

// Run ends in order and quickly when its context ends, also with a client that holds a connection open.
func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan *server.Server, 1), make(chan error, 1)
	go func() { done <- server.Run(ctx, settings(t), func(s *server.Server) { ready <- s }) }()
	s := <-ready
	idle, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if status, _, _ := call(t, s.URL(), "GET", "/readyz", "", "", nil); status != 200 && status != 503 {
		t.Errorf("readyz: %d", status)
	}
	began := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, tc := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"address in use": {func(c *config.Config) { c.Listen.Addr = busy.Addr().String() }, "listen.addr"},
		"no certificate": {func(c *config.Config) { c.Listen.TLS.Cert, c.Listen.TLS.Key = "nothing.pem", "nothing.pem" }, "listen.tls.cert"},
		"secret absent": {func(c *config.Config) {
			c.Tokens = []config.Token{{ID: "a", Tenant: "acme", Scopes: []string{"read"}, SecretFile: "nothing"}}
		}, `token "a"`},
		"a file for a directory": {func(c *config.Config) { c.Log.Dir = os.DevNull }, "log's directory"},
	} {
		c := settings(t)
		tc.change(&c)
		if s, err := server.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
			if s != nil {
				_ = s.Close()
			}
		}
	}
}

// No token is in the log, whatever is asked and however it was answered.
func TestLogsKeepSecrets(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(server.Logger(&log, config.Observability{LogLevel: "debug", LogFormat: "json"}))
	defer slog.SetDefault(before)
	secret := func() string {
		s := start(t, nil)
		_, secret, err := s.Tokens().Create(t.Context(), "acme", []auth.Scope{auth.Admin}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/v1/tokens", "/v1/tokens?token=" + secret, "/v1/tokens?x=" + secret, "/v1/tokens?ApiKey=hunter2&a=1", "/nothing?%74oken=hunter2"} {
			call(t, s.URL(), "GET", path, "", secret, nil)
			call(t, s.URL(), "GET", path, "", secret+"x", nil)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return secret
	}()
	if text := log.String(); strings.Contains(text, secret[len(secret)-20:]) || strings.Contains(text, "hunter2") {
		t.Errorf("a secret is in the log:\n%s", text)
	}
	if !strings.Contains(log.String(), `"query":"ApiKey=(hidden)&a=1"`) || !strings.Contains(log.String(), `"tenant":"acme"`) {
		t.Errorf("requests are not in the log:\n%s", log.String())
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ca := authority(t)
	c := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientCA: filepath.Join(dir, "ca.pem")}
	ca.issue(t, "server", c.Cert, c.Key)
	if err := os.WriteFile(c.ClientCA, ca.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	clientCert, clientKey := filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	ca.issue(t, "client", clientCert, clientKey)
	pair, err := tls.LoadX509KeyPair(clientCert, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(all *config.Config) { all.Listen.TLS = c })
	if !strings.HasPrefix(s.URL(), "https://") {
		t.Fatalf("url %s", s.URL())
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.pem)
	for name, tc := range map[string]struct {
		conf *tls.Config
		ok   bool
	}{
		"with a certificate":    {&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}, true},
		"without a certificate": {&tls.Config{RootCAs: roots}, false},
		"TLS 1.1":               {&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
	} {
		transport := &http.Transport{TLSClientConfig: tc.conf}
		resp, err := (&http.Client{Transport: transport}).Get(s.URL() + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		transport.CloseIdleConnections()
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// ca issues certificates for the test.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func authority(t *testing.T) *ca {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &ca{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *ca) issue(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
