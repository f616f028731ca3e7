package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// excerptBytes is how much of an answer is kept with an attempt.
const excerptBytes = 256

// Endpoint is where to send, and how. It has been checked by its owner.
type Endpoint struct {
	URL         string
	Headers     map[string]string // sent along
	Agent       string            // the User-Agent
	Timeout     time.Duration     // of one attempt
	Concurrency int               // connections at the same time
	Any2xx      bool              // every status from 200 to 299 is a success, not 200 alone
	HTTP1       bool              // no HTTP/2
	TLS         *tls.Config
	Keys        func(time.Time) [][]byte // that sign at a time, the newest first; nil: nothing is signed
}

// Message is what is sent once or more often.
type Message struct {
	ID    string // the same over all attempts
	Media string // the Content-Type
	Body  []byte
}

// Client sends to one endpoint. All its methods may be called at the same time.
type Client struct {
	e         Endpoint
	transport *http.Transport
	header    http.Header
	url       *http.Request // made once: URL and Host of every request

	proven atomic.Int64 // when an answer came last, or a handshake was looked at, Unix seconds
}

// New makes a client that dials nothing that the guard has not seen.
func New(e Endpoint, g Guard) (*Client, error) {
	req, err := http.NewRequest(http.MethodPost, e.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("read the endpoint's URL: %w", err)
	}
	dialer := &net.Dialer{Timeout: e.Timeout, KeepAlive: 30 * time.Second, Control: g.control}
	c := &Client{e: e, url: req, header: http.Header{}, transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: e.TLS, TLSHandshakeTimeout: e.Timeout,
		MaxIdleConnsPerHost: e.Concurrency, MaxConnsPerHost: e.Concurrency, IdleConnTimeout: 90 * time.Second,
		DisableCompression: true, ForceAttemptHTTP2: !e.HTTP1, MaxResponseHeaderBytes: 64 << 10, Proxy: nil,
		WriteBufferSize: 4 << 10, ReadBufferSize: 4 << 10,
		// A connection of HTTP/2 that has died in silence would be used on and on, as attempts do not end it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: max(e.Timeout, 5*time.Second)},
	}}
	if e.HTTP1 {
		var p http.Protocols
		p.SetHTTP1(true)
		c.transport.Protocols = &p
	}
	c.header.Set("User-Agent", e.Agent)
	for k, v := range e.Headers {
		c.header.Set(k, v)
	}
	return c, nil
}

// pingAfter is how long a connection of HTTP/2 may be silent before it has to answer a ping.
const pingAfter = 30 * time.Second

// Close lets go of connections that nobody uses.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Outcome is what became of one attempt.
type Outcome struct {
	OK         bool
	Status     int           // 0: there was no answer
	Err        string        // why it failed
	Excerpt    string        // the beginning of the answer, of one that failed
	RetryAfter time.Duration // what the answer asked for
	Took       time.Duration
	Dialled    bool // false: no connection could be made at all
}

// Header names of Standard Webhooks, in the form in which net/http keeps them.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// headerAttempt tells which attempt it is, 1 for the first.
const headerAttempt = "Trunkline-Attempt"

// Send makes one attempt. attempt counts from 1.
func (c *Client) Send(ctx context.Context, m *Message, attempt int) Outcome {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.e.Timeout)
	defer cancel()
	h := make(http.Header, len(c.header)+6)
	for k, v := range c.header {
		h[k] = v
	}
	stamp := strconv.FormatInt(began.Unix(), 10)
	h["Content-Type"] = []string{m.Media}
	h[headerID] = []string{m.ID}
	h[headerTimestamp] = []string{stamp}
	h[headerAttempt] = []string{strconv.Itoa(attempt)}
	if c.e.Keys != nil {
		if keys := c.e.Keys(began); len(keys) > 0 {
			h[headerSignature] = []string{Sign(keys, m.ID, stamp, m.Body)}
		}
	}
	req := c.url.WithContext(ctx)
	req.Header = h
	req.ContentLength = int64(len(m.Body))
	req.Body = io.NopCloser(bytes.NewReader(m.Body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil }
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		o := Outcome{Err: explain(err), Took: time.Since(began)}
		o.Dialled = !neverConnected(err)
		if o.Dialled && ctx.Err() == nil && began.Unix()-c.proven.Load() > 60 {
			c.proven.Store(began.Unix())
			if why := c.handshake(ctx); why != "" {
				o.Err = why
			}
		}
		return o
	}
	c.proven.Store(began.Unix())
	o := Outcome{Status: resp.StatusCode, Dialled: true}
	o.OK = resp.StatusCode == http.StatusOK || c.e.Any2xx && resp.StatusCode/100 == 2
	excerpt := make([]byte, excerptBytes)
	n, err := io.ReadFull(resp.Body, excerpt)
	if n == excerptBytes {
		// The rest is read so that the connection can be used again, within reason.
		_, err = io.CopyN(io.Discard, resp.Body, 64<<10)
	}
	_ = resp.Body.Close()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !o.OK {
		o.Err = explain(err)
	}
	o.Took = time.Since(began)
	if !o.OK {
		o.Excerpt = strings.ToValidUTF8(string(excerpt[:n]), "�")
		o.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), began)
		if o.Err == "" {
			o.Err = refusal(resp)
		}
	}
	return o
}

// handshakeWait is how long a server may take to refuse a client's certificate.
const handshakeWait = 2 * time.Second

// handshake finds out whether it was the handshake that the server did not like. With TLS 1.3 a client learns that its
// certificate is refused only after it has begun to send, and what it sees then is often a cut connection.
func (c *Client) handshake(ctx context.Context) string {
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
