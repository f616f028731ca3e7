// Package client talks to a running server: what the subcommands of the program have in common when they are
// given a URL and a token.
//
// The token goes into the Authorization header and nowhere else. An answer that is a problem document becomes a
// *ProblemError with the words of the server.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"trunkline/problem"
)

// Options say where the server is and who asks.
type Options struct {
	URL   string // such as http://127.0.0.1:8090
	Token string
	// CA is a file with the authorities that the server's certificate may come from, PEM; empty: those of the system.
	CA string
	// Cert and Key are files with the client's own certificate, PEM, where the server asks for one.
	Cert, Key string
}

// Client is a server as seen from outside.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// maxAnswer bounds an answer that is decoded as a whole, in bytes.
const maxAnswer = 64 << 20

// New checks the options; it does not connect.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a server, as in http://127.0.0.1:8090", o.URL)
	}
	if base.User != nil || base.RawQuery != "" {
		return nil, errors.New("a server's URL carries neither credentials nor a query")
	}
	conf, err := o.TLS()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       conf,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   64,
	}
	return &Client{base: base, token: o.Token, http: &http.Client{Transport: transport}}, nil
}

// TLS is the configuration that the files of o ask for.
func (o Options) TLS() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", o.CA)
		}
	}
	if o.Cert != "" || o.Key != "" {
		pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// ProblemError is a refusal in the words of the server.
type ProblemError struct {
	Status int
	Type   string
	Title  string
	Detail string
}

// Error implements error.
func (e *ProblemError) Error() string {
	s := fmt.Sprintf("the server answers %d: %s", e.Status, e.Title)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// URL is the address of a path on the server.
func (c *Client) URL(path string) string {
	rel, query, _ := strings.Cut(path, "?")
	u := c.base.JoinPath(rel)
	u.RawQuery = query
	return u.String()
}

// Open sends a request and gives the answer when its status is 2xx, otherwise a *ProblemError. The caller closes
// the body.
func (c *Client) Open(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL(path), body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// Do sends in as JSON (nil: no body) and decodes the answer into out (nil: it is thrown away).
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	header := http.Header{"Accept": {"application/json"}}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		header.Set("Content-Type", "application/json")
		body = bytes.NewReader(b)
	}
	resp, err := c.Open(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func refusal(resp *http.Response) error {
	e := &ProblemError{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == problem.ContentType {
		var doc struct{ Type, Title, Detail string }
		if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&doc) == nil && doc.Title != "" {
			e.Type, e.Title, e.Detail = doc.Type, doc.Title, doc.Detail
		}
	}
	return e
}
