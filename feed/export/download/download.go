// Package download is the File Exporter: seven calls by which a customer finds the
// files of a bucket and gets a link to one, in the form of ASAPP's interface.
//
// An [API] shows the windows that are complete, and nothing else. Version, format and
// date are taken in both spellings of the vendor's documents: "1" and "version=1",
// "jsonl" and "format=jsonl", "2022-06-27" and "dt=2022-06-27".
//
// Invariants:
//
//   - A caller sees the bucket of the tenant of its credentials alone.
//   - A link is good for one file and a short time, and carries no credentials.
package download

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"trunkline/auth"
	"trunkline/feed/export/bucket"
)

// Options are what an API is made with.
type Options struct {
	// Store gives the bucket of a tenant; false when it has none.
	Store func(tenant string) (bucket.Store, bool)
	// Authenticate gives the principal of a token's text.
	Authenticate func(secret string) (*auth.Principal, error)
	// Known says whether a tenant still exists.
	Known func(tenant string) bool
	// Attempts limits failed attempts per remote address.
	Attempts *auth.Attempts
	// Key signs links, 32 bytes.
	Key []byte
	// Life is how long a link is good, 5 minutes by default.
	Life time.Duration
	// Rate is how many requests a second a tenant may make, 100 by default.
	Rate int
	// Now is the clock; nil: the real one.
	Now func() time.Time
}

// API answers the calls.
type API struct {
	o Options

	mu    sync.Mutex // guards spent
	spent map[string]*second
}

// second counts a tenant's requests of one second.
type second struct {
	at int64
	n  int
}

// New makes an API.
func New(o Options) *API {
	if o.Life <= 0 {
		o.Life = 5 * time.Minute
	}
	if o.Rate <= 0 {
		o.Rate = 100
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{o: o, spent: map[string]*second{}}
}

// Prefix is the path of all calls.
const Prefix = "/fileexporter/v1/static/"

// Routes lists the endpoints. They are public as far as the gate knows: the vendor's
// interface has headers of its own for credentials, and links carry a signature.
func (a *API) Routes() []auth.Route {
	var out []auth.Route
	for name, c := range calls {
		out = append(out, auth.Route{Pattern: "POST " + Prefix + name, Handler: a.call(c)})
	}
	return append(out, auth.Route{Pattern: "GET " + linkPath + "{tenant}/{key...}", Handler: http.HandlerFunc(a.file)})
}

// refusal is an error of the interface.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// maxBody bounds a request, in bytes.
const maxBody = 16 << 10

func (a *API) call(c call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := a.answer(w, r, c)
		if err != nil {
			fail(w, err)
			return
		}
		send(w, http.StatusOK, answer)
	})
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, c call) (any, error) {
	tenant, err := a.admit(r)
	if err != nil {
		return nil, err
	}
	if !a.spend(tenant) {
		w.Header().Set("Retry-After", "1")
		return nil, refuse(http.StatusTooManyRequests, "Too many requests: %d a second at most. Wait 1, 2 and 4 seconds between attempts.", a.o.Rate)
	}
	store, ok := a.o.Store(tenant)
	if !ok {
		return nil, refuse(http.StatusNotFound, "Nothing is exported for this company.")
	}
	var q request
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return nil, refuse(http.StatusRequestEntityTooLarge, "The body has more than %d bytes.", maxBody)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "The body cannot be read.")
	case len(b) > 0:
		if err := json.Unmarshal(b, &q); err != nil {
			return nil, refuse(http.StatusBadRequest, "The body is not a JSON object with texts in it.")
		}
	}
	if err := q.clean(c.needs); err != nil {
		return nil, err
	}
	return c.do(a, r, tenant, store, &q)
}

// admit gives the tenant of the credentials: asapp-api-id is the token's id, and
// asapp-api-secret its text.
func (a *API) admit(r *http.Request) (string, error) {
	id, secret := r.Header.Get("asapp-api-id"), r.Header.Get("asapp-api-secret")
	if id == "" || secret == "" {
		return "", refuse(http.StatusUnauthorized, "Unauthorized: asapp-api-id and asapp-api-secret are needed.")
	}
	p, err := a.o.Authenticate(secret)
	if err != nil || p.TokenID != id || a.o.Known != nil && !a.o.Known(p.Tenant) {
		if a.o.Attempts != nil && a.o.Attempts.Failed(r.RemoteAddr) > 0 {
			return "", refuse(http.StatusTooManyRequests, "Too many requests of this address had credentials that are not valid.")
		}
		return "", refuse(http.StatusUnauthorized, "Unauthorized: the credentials are not valid.")
	}
	if p.Operator() || !p.Allows(auth.Read) {
		return "", refuse(http.StatusForbidden, "Forbidden: a token of the company with the scope read is needed.")
	}
	return p.Tenant, nil
}

// spend counts a request and says whether it may pass.
func (a *API) spend(tenant string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.o.Now().Unix()
	s := a.spent[tenant]
	if s == nil || s.at != now {
		if len(a.spent) > 10_000 {
			clear(a.spent)
		}
		s = &second{at: now}
		a.spent[tenant] = s
	}
	s.n++
	return s.n <= a.o.Rate
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // links have ampersands
	_ = e.Encode(v)        // fails when the client is gone
}

// failure is the body of an error.
type failure struct {
	Error failureDetail `json:"error"`
}

type failureDetail struct {
	RequestID string `json:"requestId"`
	Code      string `json:"code"`
	Message   string `json:"message"`
}

func fail(w http.ResponseWriter, err error) {
	var r *refusal
	id := uuid.NewString()
	if !errors.As(err, &r) {
		slog.Warn("the file exporter cannot answer", "request", id, "error", err)
		w.Header().Set("Retry-After", "1")
		r = &refusal{http.StatusServiceUnavailable, "The bucket does not answer. Wait 250, 500 and 1000 ms between attempts."}
	}
	send(w, r.status, failure{failureDetail{id, fmt.Sprintf("%d-01", r.status), r.text}})
}
