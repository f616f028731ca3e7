package push

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/feed/filter"
	"trunkline/webhook"
)

// Destination is an endpoint that payloads are sent to, as it is configured. It is the JSON of /v1/webhooks; the
// members that are secret are taken in and never given out again (see view).
type Destination struct {
	ID          string            `json:"id"`
	Tenant      string            `json:"tenant"`
	Description string            `json:"description,omitempty"`
	URL         string            `json:"url"`
	Feeds       []Kind            `json:"feeds"`                 // activity, journey, queue, raw; none: the first three
	EventList   []string          `json:"event_list,omitempty"`  // event types to send; none: all
	Filter      string            `json:"filter,omitempty"`      // CEL over the fact behind a payload; none: all
	TimeoutMS   int               `json:"timeout_ms"`            // of one attempt; default 5000
	Retries     int               `json:"retries"`               // after the first attempt; default 5
	BackoffMS   int               `json:"backoff_ms"`            // the first pause is up to this, each following up to twice the one before; default 1000
	Headers     map[string]string `json:"headers,omitempty"`     // sent along
	Rate        float64           `json:"rate_per_second"`       // attempts a second; 0: no limit
	Concurrency int               `json:"concurrency"`           // attempts at the same time; default 8
	Ordering    string            `json:"ordering"`              // entity (default) or none
	AfterLast   string            `json:"after_last"`            // park (default), drop or strict
	Success     string            `json:"success"`               // 200 (default) or 2xx
	MinTLS      string            `json:"min_tls"`               // 1.3 (default) or 1.2
	HTTP        string            `json:"http"`                  // auto (default: HTTP/2 where the server has it) or 1.1
	CA          string            `json:"ca,omitempty"`          // PEM of the authorities of the server; none: those of the system
	ClientCert  string            `json:"client_cert,omitempty"` // PEM, chain
	ClientKey   string            `json:"client_key,omitempty"`  // PEM; secret
	Secrets     webhook.Secrets   `json:"secrets,omitempty"`     // of signatures, the newest first; secret
	Created     time.Time         `json:"created,omitzero"`

	static bool
}

// Secret signs what is sent.
type Secret = webhook.Secret

// Ordering and what to do after the last retry.
const (
	OrderEntity = "entity"
	OrderNone   = "none"

	AfterPark   = "park"
	AfterDrop   = "drop"
	AfterStrict = "strict"
)

// The bounds of a destination's settings.
const (
	maxTimeoutMS   = 60_000
	maxRetries     = 50
	maxBackoffMS   = 600_000
	maxConcurrency = 256
	maxEventList   = 100
	maxHeaders     = 20
)

// ErrInvalid is what every complaint about a destination's settings wraps.
var ErrInvalid = errors.New("the destination is not valid")

var destinationID = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

// withDefaults fills in what was left out.
func (d Destination) withDefaults() Destination {
	if len(d.Feeds) == 0 {
		d.Feeds = []Kind{Activity, Journey, Queue}
	}
	d.TimeoutMS, d.BackoffMS = cmp.Or(d.TimeoutMS, 5000), cmp.Or(d.BackoffMS, 1000)
	d.Concurrency = cmp.Or(d.Concurrency, 8)
	d.Ordering, d.AfterLast = cmp.Or(d.Ordering, OrderEntity), cmp.Or(d.AfterLast, AfterPark)
	d.Success, d.MinTLS, d.HTTP = cmp.Or(d.Success, "200"), cmp.Or(d.MinTLS, "1.3"), cmp.Or(d.HTTP, "auto")
	return d
}

// check says what is wrong with the settings. plain lets http:// through.
func (d *Destination) check(plain bool) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	if !destinationID.MatchString(d.ID) {
		return wrong("id %q: 1 to 64 lower-case letters, digits, '-' and '_'", d.ID)
	}
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Fragment != "" || !validPort(u.Port()):
		return wrong("url %q: an absolute URL without fragment, as in https://events.example.com/asapp", d.URL)
	case u.User != nil:
		return wrong("url: credentials do not belong into a URL; use headers or a client certificate")
	case u.Scheme != "https" && !(plain && u.Scheme == "http"):
		return wrong("url %q: the scheme must be https", d.URL)
	}
	if d.Filter != "" {
		if _, err := filter.Compile(d.Filter); err != nil {
			return wrong("filter: %w", err)
		}
	}
	if err := d.checkLists(wrong); err != nil {
		return err
	}
	for _, n := range []struct {
		name      string
		v, lo, hi int
	}{
		{"timeout_ms", d.TimeoutMS, 10, maxTimeoutMS}, {"retries", d.Retries, 0, maxRetries}, {"backoff_ms", d.BackoffMS, 1, maxBackoffMS},
		{"concurrency", d.Concurrency, 1, maxConcurrency},
	} {
		if n.v < n.lo || n.v > n.hi {
			return wrong("%s %d: %d to %d", n.name, n.v, n.lo, n.hi)
		}
	}
	if !(d.Rate >= 0 && d.Rate <= 1e6) {
		return wrong("rate_per_second %v: 0 (no limit) to 1000000", d.Rate)
	}
	for _, w := range []struct {
		name, v string
		known   []string
	}{
		{"ordering", d.Ordering, []string{OrderEntity, OrderNone}}, {"after_last", d.AfterLast, []string{AfterPark, AfterDrop, AfterStrict}},
		{"success", d.Success, []string{"200", "2xx"}}, {"min_tls", d.MinTLS, []string{"1.3", "1.2"}}, {"http", d.HTTP, []string{"auto", "1.1"}},
	} {
		if !slices.Contains(w.known, w.v) {
			return wrong("%s %q: one of %s", w.name, w.v, strings.Join(w.known, ", "))
		}
	}
	if d.AfterLast == AfterStrict && d.Ordering != OrderEntity {
		return wrong("after_last strict holds the order of an entity: it needs ordering entity")
	}
	if _, err := d.tls(); err != nil {
		return wrong("%v", err)
	}
	if err := d.Secrets.Check(); err != nil {
		return wrong("secrets: %v", err)
	}
	return nil
}

// validPort says whether a URL's port can be dialled; "" is the scheme's own.
func validPort(p string) bool {
	n, err := strconv.ParseUint(p, 10, 16)
	return p == "" || err == nil && n > 0
}

func (d *Destination) checkLists(wrong func(string, ...any) error) error {
	for i, f := range d.Feeds {
		if !slices.Contains(Feeds(), f) {
			return wrong("feeds: %q: one of activity, journey, queue, raw", f)
		}
		if slices.Contains(d.Feeds[:i], f) {
			return wrong("feeds: %q stands there twice", f)
		}
	}
	if len(d.EventList) > maxEventList {
		return wrong("event_list: at most %d types", maxEventList)
	}
	for _, typ := range d.EventList {
		known := slices.Contains(d.Feeds, Raw) && typ != ""
		for _, f := range d.Feeds {
			known = known || slices.Contains(Types(f), typ)
		}
		if !known {
			return wrong("event_list: %q is no event type of the feeds %v", typ, d.Feeds)
		}
	}
	if len(d.Headers) > maxHeaders {
		return wrong("headers: at most %d", maxHeaders)
	}
	names := map[string]bool{}
	for k, v := range d.Headers {
		name := http.CanonicalHeaderKey(k)
		switch {
		case !webhook.ValidHeader(k, v):
			return wrong("headers: %q is not a header", k)
		case webhook.OwnHeader(name):
			return wrong("headers: %s is set by the feed", name)
		case names[name]:
			return wrong("headers: %s stands there twice", name)
		}
		names[name] = true
	}
	return nil
}

// tls gives the client's side of TLS.
func (d *Destination) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if d.MinTLS == "1.2" {
		c.MinVersion = tls.VersionTLS12
	}
	if d.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(d.CA)) {
			return nil, errors.New("ca: holds no certificate in PEM form")
		}
	}
	if (d.ClientCert == "") != (d.ClientKey == "") {
		return nil, errors.New("client_cert and client_key are given together or not at all")
	}
	if d.ClientCert != "" {
		pair, err := tls.X509KeyPair([]byte(d.ClientCert), []byte(d.ClientKey))
		if err != nil {
			return nil, fmt.Errorf("client_cert and client_key: %w", err)
		}
		// The certificate is shown whatever authorities the server names: it knows best whom it refuses.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return c, nil
}

// wants says which payloads the destination asks for.
func (d *Destination) wants() func(Kind, string) bool {
	feeds := map[Kind]bool{}
	for _, f := range d.Feeds {
		feeds[f] = true
	}
	if len(d.EventList) == 0 {
		return func(f Kind, _ string) bool { return feeds[f] }
	}
	types := map[string]bool{}
	for _, t := range d.EventList {
		types[t] = true
	}
	return func(f Kind, typ string) bool { return feeds[f] && types[typ] }
}

// sendsAs says whether both make the same payloads of each record.
func (d *Destination) sendsAs(o *Destination) bool {
	return slices.Equal(d.Feeds, o.Feeds) && slices.Equal(d.EventList, o.EventList) && d.Filter == o.Filter
}

// filter is the destination's, nil for none. It has been checked.
func (d *Destination) filter() *filter.Filter {
	if d.Filter == "" {
		return nil
	}
	f, _ := filter.Compile(d.Filter)
	return f
}

// key names the destination among those of all tenants.
func (d *Destination) key() string { return d.Tenant + "/" + d.ID }

// made is when the destination was made, in epoch ms; 0 for one of the configuration.
func (d *Destination) made() int64 {
	if d.Created.IsZero() {
		return 0
	}
	return d.Created.UnixMilli()
}

// view is a destination without its secrets.
type view struct {
	Destination
	Client  *certificateView `json:"client_certificate,omitempty"`
	Signing []secretView     `json:"signing,omitempty"`
	Static  bool             `json:"static,omitempty"`
	State   Status           `json:"state"`
}

type certificateView struct {
	Subject string    `json:"subject"`
	Issuer  string    `json:"issuer"`
	Until   time.Time `json:"not_after"`
}

type secretView struct {
	Created time.Time `json:"created,omitzero"`
	Ends    time.Time `json:"ends,omitzero"`
}

func (d Destination) view(st Status) view {
	v := view{Static: d.static, State: st}
	if pair, err := tls.X509KeyPair([]byte(d.ClientCert), []byte(d.ClientKey)); err == nil {
		if leaf, err := x509.ParseCertificate(pair.Certificate[0]); err == nil {
			v.Client = &certificateView{leaf.Subject.String(), leaf.Issuer.String(), leaf.NotAfter.UTC()}
		}
	}
	for _, s := range d.Secrets {
		v.Signing = append(v.Signing, secretView{s.Created, s.Ends})
	}
	hidden := make(map[string]string, len(d.Headers))
	for k := range d.Headers {
		hidden[k] = "(hidden)" // a header may hold a credential
	}
	d.Headers, d.ClientKey, d.ClientCert, d.Secrets = hidden, "", "", nil
	v.Destination = d
	return v
}
