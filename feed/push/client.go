package push

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// excerptBytes is how much of an answer is kept with an attempt.
const excerptBytes = 256

// client sends to one destination.
type client struct {
	d         *Destination
	transport *http.Transport
	header    http.Header
	url       *http.Request // made once: URL and Host of every request

	proven atomic.Int64 // when an answer came last, or a handshake was looked at, Unix seconds
}

func newClient(d *Destination, g Guard) (*client, error) {
	conf, err := d.tls()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, d.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("read the destination's URL: %w", err)
	}
	timeout := time.Duration(d.TimeoutMS) * time.Millisecond
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, Control: g.control}
	c := &client{d: d, url: req, header: http.Header{}, transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: timeout,
		MaxIdleConnsPerHost: d.Concurrency, MaxConnsPerHost: d.Concurrency, IdleConnTimeout: 90 * time.Second,
		DisableCompression: true, ForceAttemptHTTP2: d.HTTP != "1.1", MaxResponseHeaderBytes: 64 << 10, Proxy: nil,
		WriteBufferSize: 4 << 10, ReadBufferSize: 4 << 10,
	}}
	if d.HTTP == "1.1" {
		var p http.Protocols
		p.SetHTTP1(true)
		c.transport.Protocols = &p
	}
	c.header.Set("User-Agent", "Trunkline-Push/1")
	for k, v := range d.Headers {
		c.header.Set(k, v)
	}
	return c, nil
}

// outcome is what became of one attempt.
type outcome struct {
	ok         bool
	status     int           // 0: there was no answer
	err        string        // why it failed
	excerpt    string        // the beginning of the answer, of one that failed
	retryAfter time.Duration // what the answer asked for
	took       time.Duration
	dialled    bool // false: no connection could be made at all
}

// Header names of Standard Webhooks, in the form in which net/http keeps them.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// send makes one attempt. attempt counts from 1.
func (c *client) send(ctx context.Context, m *Message, attempt int) outcome {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.d.TimeoutMS)*time.Millisecond)
	defer cancel()
	h := make(http.Header, len(c.header)+6)
	for k, v := range c.header {
		h[k] = v
	}
	media := "application/json"
	if m.Feed == Raw {
		media = "application/cloudevents+json"
	}
	stamp := strconv.FormatInt(began.Unix(), 10)
	h["Content-Type"] = []string{media}
	h[headerID] = []string{m.ID}
	h[headerTimestamp] = []string{stamp}
	h["Trunkline-Attempt"] = []string{strconv.Itoa(attempt)}
	if keys := c.d.keysAt(began); len(keys) > 0 {
		h[headerSignature] = []string{sign(keys, m.ID, stamp, m.Body)}
	}
	req := c.url.WithContext(ctx)
	req.Header = h
	req.ContentLength = int64(len(m.Body))
	req.Body = io.NopCloser(bytes.NewReader(m.Body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil }
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		o := outcome{err: explain(err), took: time.Since(began)}
		o.dialled = !neverConnected(err)
		if o.dialled && ctx.Err() == nil && began.Unix()-c.proven.Load() > 60 {
			c.proven.Store(began.Unix())
			if why := c.handshake(ctx); why != "" {
				o.err = why
			}
		}
		return o
	}
	c.proven.Store(began.Unix())
	o := outcome{status: resp.StatusCode, dialled: true}
	o.ok = resp.StatusCode == http.StatusOK || c.d.Success == "2xx" && resp.StatusCode/100 == 2
	excerpt := make([]byte, excerptBytes)
	n, err := io.ReadFull(resp.Body, excerpt)
	if n == excerptBytes {
		// The rest is read so that the connection can be used again, within reason.
		_, err = io.CopyN(io.Discard, resp.Body, 64<<10)
	}
	_ = resp.Body.Close()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !o.ok {
		o.err = explain(err)
	}
	o.took = time.Since(began)
	if !o.ok {
		o.excerpt = strings.ToValidUTF8(string(excerpt[:n]), "�")
		o.retryAfter = retryAfter(resp.Header.Get("Retry-After"), began)
		if o.err == "" {
			o.err = refusal(resp)
		}
	}
	return o
}

// handshakeWait is how long a server may take to refuse a client's certificate.
const handshakeWait = 2 * time.Second

// handshake finds out whether it was the handshake that the server did not like. With TLS 1.3 a client learns that its
// certificate is refused only after it has begun to send, and what it sees then is often a cut connection.
func (c *client) handshake(ctx context.Context) string {
	if c.url.URL.Scheme != "https" {
		return ""
	}
	conf := c.transport.TLSClientConfig.Clone()
	conf.NextProtos, conf.ClientSessionCache, conf.ServerName = []string{"http/1.1"}, nil, c.url.URL.Hostname()
	port := c.url.URL.Port()
	if port == "" {
		port = "443"
	}
	raw, err := c.transport.DialContext(ctx, "tcp", net.JoinHostPort(conf.ServerName, port))
	if err != nil {
		return ""
	}
	defer raw.Close()
	conn := tls.Client(raw, conf)
	if err = conn.HandshakeContext(ctx); err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(handshakeWait))
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "remote error: tls:") {
		return ""
	}
	return explain(err)
}

// refusal says in words what an answer means that is no success.
func refusal(resp *http.Response) string {
	switch {
	case resp.StatusCode/100 == 3:
		return fmt.Sprintf("answered %d: redirects are not followed", resp.StatusCode)
	case resp.StatusCode == http.StatusGone:
		return "answered 410: the endpoint wants no more"
	}
	return fmt.Sprintf("answered %d", resp.StatusCode)
}

// retryAfter reads the header: seconds or a date.
func retryAfter(v string, now time.Time) time.Duration {
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}

// maxRetryAfter bounds what an answer may ask for.
const maxRetryAfter = time.Hour

// neverConnected says that the attempt failed before anything could be sent.
func neverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// explain names the causes that people look for.
func explain(err error) string {
	var (
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		alert    tls.AlertError
		dns      *net.DNSError
		netErr   net.Error
		shortMsg = err.Error()
	)
	switch {
	case errors.Is(err, ErrAddress):
		return shortMsg
	case errors.As(err, &unknown):
		return "the server's certificate is of an authority that is not trusted: " + unknown.Error()
	case errors.As(err, &host):
		return "the server's certificate is of another name: " + host.Error()
	case errors.As(err, &invalid):
		return "the server's certificate is not valid: " + invalid.Error()
	case errors.As(err, &verify):
		return "the server's certificate was refused: " + verify.Error()
	case errors.As(err, &alert):
		return "the server refused the TLS handshake: " + alert.Error()
	case strings.Contains(shortMsg, "remote error: tls:"):
		return "the server refused the TLS handshake: " + shortMsg
	case strings.Contains(shortMsg, "protocol version"):
		return "no common TLS version: " + shortMsg
	case errors.As(err, &dns):
		return "the name cannot be resolved: " + dns.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut: " + shortMsg
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "no answer in time"
	}
	return shortMsg
}
