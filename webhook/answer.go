package webhook

import (
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
	"syscall"
	"time"
)

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
