// Package endpoint is the other side of a webhook: an endpoint that shows what arrives, and that fails, hangs or is slow
// on purpose, to see what a sender makes of it.
package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options say how the endpoint behaves. The shares are of all requests, from 0 to 1.
type Options struct {
	Addr                string
	Cert, Key, ClientCA string        // files; without Cert it is plain HTTP
	Fail                float64       // answered with Status
	Status              int           // 0 means 500
	Hang                float64       // never answered
	Reset               float64       // cut off
	Delay               time.Duration // before each answer
	Slow                time.Duration // between the bytes of each answer
	Count               uint64        // ends after so many new events; 0: never
	Quiet               bool          // prints no events
	Out                 io.Writer
	Ready               func(url string) // told where it listens
}

// ErrOptions is what every error of options that make no sense wraps.
var ErrOptions = errors.New("receive")

func (o *Options) check() error {
	for name, v := range map[string]float64{"fail": o.Fail, "hang": o.Hang, "reset": o.Reset} {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("%w: --%s is a share from 0 to 1, not %v", ErrOptions, name, v)
		}
	}
	switch {
	case o.Fail+o.Hang+o.Reset > 1:
		return fmt.Errorf("%w: --fail, --hang and --reset are more than 1 together", ErrOptions)
	case (o.Cert == "") != (o.Key == ""):
		return fmt.Errorf("%w: --cert and --key are given together or not at all", ErrOptions)
	case o.ClientCA != "" && o.Cert == "":
		return fmt.Errorf("%w: client certificates need TLS: give --cert and --key", ErrOptions)
	case o.Status != 0 && (o.Status < 300 || o.Status > 599):
		return fmt.Errorf("%w: --status is 300 to 599, not %d", ErrOptions, o.Status)
	case o.Delay < 0 || o.Slow < 0:
		return fmt.Errorf("%w: --delay and --slow are not negative", ErrOptions)
	}
	return nil
}

// Summary is what was seen.
type Summary struct {
	Requests, Events, Repeats, Failed uint64 // Failed: answered badly on purpose
}

// Run listens until ctx ends or Count events have come.
func Run(ctx context.Context, o Options) (Summary, error) {
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	conf, err := o.tls()
	if err != nil {
		return Summary{}, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return Summary{}, fmt.Errorf("listen on %s: %w", o.Addr, err)
	}
	scheme := "http"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{o: o, seen: map[string]bool{}, done: cancel, ctx: ctx}
	srv := &http.Server{Handler: s, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() {
		if conf == nil {
			failed <- srv.Serve(ln)
			return
		}
		failed <- srv.ServeTLS(ln, "", "")
	}()
	if conf != nil {
		scheme = "https"
	}
	if o.Ready != nil {
		o.Ready(scheme + "://" + ln.Addr().String() + "/")
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		stop, end := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer end()
		if err := srv.Shutdown(stop); err != nil {
			_ = srv.Close() // what hangs on purpose is cut
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum, err
}

func (o *Options) tls() (*tls.Config, error) {
	if o.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: read --cert and --key: %w", ErrOptions, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if o.ClientCA != "" {
		pem, err := os.ReadFile(o.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("%w: read --client-ca: %w", ErrOptions, err)
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: --client-ca %s holds no certificate in PEM form", ErrOptions, o.ClientCA)
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// maxBody bounds a request, in bytes.
const maxBody = 4 << 20

type server struct {
	o    Options
	ctx  context.Context
	done func()

	mu   sync.Mutex // guards what is below and Out
	sum  Summary
	seen map[string]bool
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !s.wait(r, s.o.Delay) {
		return
	}
	dice := rand.Float64()
	if dice < s.o.Fail+s.o.Hang+s.o.Reset {
		s.count(func(t *Summary) { t.Requests++; t.Failed++ })
	}
	switch {
	case dice < s.o.Fail:
		status := s.o.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		return
	case dice < s.o.Fail+s.o.Hang:
		s.wait(r, 24*time.Hour)
		return
	case dice < s.o.Fail+s.o.Hang+s.o.Reset:
		panic(http.ErrAbortHandler)
	}
	s.took(r, body)
	answer := []byte("{}\n")
	if s.o.Slow == 0 {
		_, _ = w.Write(answer) // the sender is gone if this fails
		return
	}
	for _, b := range answer {
		if !s.wait(r, s.o.Slow) {
			return
		}
		_, _ = w.Write([]byte{b})
		_ = http.NewResponseController(w).Flush()
	}
}

func (s *server) wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
	return false
}

func (s *server) count(fn func(*Summary)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(&s.sum)
}

// line is what is printed of an event.
type line struct {
	ID      string          `json:"webhook_id"`
	Attempt string          `json:"attempt,omitempty"`
	Repeat  bool            `json:"repeat,omitempty"`
	Client  string          `json:"client,omitempty"` // the subject of its certificate
	Body    json.RawMessage `json:"body"`
}

// took notes and prints an event that is answered with 200.
func (s *server) took(r *http.Request, body []byte) {
	l := line{ID: r.Header.Get("Webhook-Id"), Attempt: r.Header.Get("Trunkline-Attempt"), Body: body}
	if !json.Valid(body) {
		l.Body, _ = json.Marshal(string(body)) // a text always has a form
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		l.Client = r.TLS.PeerCertificates[0].Subject.String()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Requests++
	if l.Repeat = l.ID != "" && s.seen[l.ID]; l.Repeat {
		s.sum.Repeats++
	} else {
		s.sum.Events++
		s.seen[l.ID] = true
	}
	if !s.o.Quiet && s.o.Out != nil {
		if raw, err := json.Marshal(l); err == nil {
			fmt.Fprintf(s.o.Out, "%s\n", raw)
		}
	}
	if s.o.Count > 0 && s.sum.Events >= s.o.Count {
		s.done()
	}
}
