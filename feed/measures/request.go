package measures

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"trunkline/webhook"
)

// Violation is one thing that is wrong with a request.
type Violation struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Code    string `json:"code"`
}

// The codes of violations.
const (
	codeMissing     = "MISSING"
	codeMalformed   = "MALFORMED"
	codeNotAccepted = "NOT_ACCEPTED"
	codeUnsupported = "UNSUPPORTED"
	codeTooLong     = "TOO_LONG"
)

// Limits of a request.
const (
	maxBody       = 64 << 10
	maxEvents     = 25
	maxExtensions = 50
	maxExtension  = 16 << 10 // bytes of one value
	maxPage       = 25
	maxEndpoint   = 2048
)

// body is a request as it comes. What is not given is nil.
type body struct {
	Family     *string            `json:"family"`
	Events     *eventList         `json:"events"`
	Transport  *transportBody     `json:"transport"`
	Extensions *map[string]string `json:"extensions"`
}

type transportBody struct {
	Type            *string `json:"type"`
	Endpoint        *string `json:"endpoint"`
	AuthToken       *string `json:"authToken"`
	AuthTokenHeader *string `json:"authTokenHeader"`
	SigningSecret   *string `json:"signingSecret"`
}

// eventList is a list of texts, or one.
type eventList []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *eventList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = eventList{one}
		return nil
	}
	if json.Unmarshal(b, (*[]string)(l)) != nil {
		return &json.UnmarshalTypeError{Type: reflect.TypeFor[eventList]()}
	}
	return nil
}

// over gives the body of a change with what it leaves out and cannot be without, as the subscription has it.
func (b body) over(old *stored) body {
	if b.Transport != nil {
		t := *b.Transport
		t.Type = cmp.Or(t.Type, &old.Transport.Type)
		if *t.Type == transportWebhook && old.Transport.Type == transportWebhook {
			t.Endpoint = cmp.Or(t.Endpoint, &old.Transport.Endpoint)
			if old.AuthToken != "" {
				t.AuthToken, t.AuthTokenHeader = cmp.Or(t.AuthToken, &old.AuthToken), cmp.Or(t.AuthTokenHeader, &old.Transport.AuthTokenHeader)
			}
		}
		b.Transport = &t
	}
	if b.Extensions != nil && (*b.Extensions)[extProducer] == "" {
		merged := maps.Clone(*b.Extensions)
		if merged == nil {
			merged = map[string]string{}
		}
		merged[extProducer] = old.Extensions[extProducer]
		b.Extensions = &merged
	}
	return b
}

// request is what a body asks for, checked. Parts that it does not name are nil.
type request struct {
	events     []string
	transport  *Transport
	authToken  string
	secret     *string // that signs; nil: as it was
	extensions map[string]string
}

// apply puts what was asked for into a subscription, and gives a signing secret that was made.
func (q request) apply(s *stored, now time.Time) (made string) {
	s.Family = familyAnalytics
	if q.events != nil {
		s.Events = q.events
	}
	if q.transport != nil {
		s.Transport, s.AuthToken = *q.transport, q.authToken
		if s.Transport.Type != transportWebhook {
			s.Secrets = nil
		}
	}
	if q.secret != nil {
		made = s.sign(*q.secret, now)
	}
	if q.extensions != nil {
		s.Extensions = q.extensions
	}
	return made
}

// readBody decodes a request. An empty one is accepted where there may be none.
func readBody(w http.ResponseWriter, r *http.Request, may bool) (body, []Violation) {
	var b body
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return b, []Violation{{"", fmt.Sprintf("The body has at most %d bytes.", maxBody), codeTooLong}}
		}
		return b, []Violation{{"", "The body cannot be read.", codeMalformed}}
	}
	if may && len(strings.TrimSpace(string(raw))) == 0 {
		return b, nil
	}
	return parseBody(raw)
}

// parseBody decodes a body. Members that are not known are passed over, as the vendor does.
func parseBody(raw []byte) (body, []Violation) {
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) && typ.Field != "" {
			return b, []Violation{{typ.Field, "Here belongs " + article(typ.Type) + ".", codeMalformed}}
		}
		return b, []Violation{{"", "The body is not a JSON object of the right form.", codeMalformed}}
	}
	return b, nil
}

// article says in words what a member is.
func article(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list of texts"
	}
	return "an object"
}

// check says what is wrong with a body. With create everything that a subscription needs must be there. hooks is nil where
// webhooks are refused.
func (b body) check(create bool, hooks *Webhooks) (request, []Violation) {
	var q request
	var bad []Violation
	refuse := func(field, code, format string, args ...any) {
		bad = append(bad, Violation{field, fmt.Sprintf(format, args...), code})
	}
	switch {
	case b.Family == nil && create:
		refuse("family", codeMissing, "The family is %s.", familyAnalytics)
	case b.Family != nil && *b.Family == familyEngagement:
		refuse("family", codeUnsupported, "%s is not served here; the family is %s.", familyEngagement, familyAnalytics)
	case b.Family != nil && *b.Family != familyAnalytics:
		refuse("family", codeNotAccepted, "The family is %s.", familyAnalytics)
	}
	switch {
	case b.Events == nil:
		if create {
			refuse("events", codeMissing, `The events of the family %s are ["ALL"].`, familyAnalytics)
		}
	case len(*b.Events) == 0 || len(*b.Events) > maxEvents:
		refuse("events", codeNotAccepted, "There are 1 to %d events.", maxEvents)
	case slices.ContainsFunc(*b.Events, func(e string) bool { return e != eventsAll }):
		refuse("events", codeNotAccepted, `The events of the family %s are ["ALL"].`, familyAnalytics)
	default:
		q.events = []string{eventsAll}
	}
	b.checkTransport(create, hooks, &q, refuse)
	if b.Extensions == nil {
		if create {
			refuse("extensions."+extProducer, codeMissing, "Name a measure producer: %s.", strings.Join(producerIDs(), ", "))
		}
	} else {
		q.extensions = checkExtensions(*b.Extensions, refuse)
	}
	return q, bad
}

func (b body) checkTransport(create bool, hooks *Webhooks, q *request, refuse func(field, code, format string, args ...any)) {
	t := b.Transport
	switch {
	case t == nil || t.Type == nil:
		if create || t != nil {
			refuse("transport.type", codeMissing, "The transport is %s.", transports(hooks))
		}
	case *t.Type == transportWebhook && hooks != nil:
		q.transport = t.checkWebhook(hooks, refuse)
		q.authToken, q.secret = deref(t.AuthToken), t.SigningSecret
	case *t.Type == transportWebhook:
		refuse("transport.type", codeUnsupported, "Measures are not delivered by webhook by this server; the transport is %s.", transportWebSocket)
	case *t.Type != transportWebSocket:
		refuse("transport.type", codeNotAccepted, "The transport is %s.", transports(hooks))
	default:
		q.transport = &Transport{Type: transportWebSocket}
	}
}

func transports(hooks *Webhooks) string {
	if hooks == nil {
		return transportWebSocket
	}
	return transportWebSocket + " or " + transportWebhook
}

// defaultTokenHeader is the header in which a webhook carries the authToken.
const defaultTokenHeader = "auth-token"

// checkWebhook says what is wrong with the transport of a webhook.
func (t *transportBody) checkWebhook(hooks *Webhooks, refuse func(field, code, format string, args ...any)) *Transport {
	out := &Transport{Type: transportWebhook, Endpoint: deref(t.Endpoint), AuthTokenHeader: cmp.Or(deref(t.AuthTokenHeader), defaultTokenHeader)}
	u, err := url.Parse(out.Endpoint)
	switch {
	case out.Endpoint == "":
		refuse("transport.endpoint", codeMissing, "A webhook has the URL to which messages are sent.")
	case err != nil || u.Host == "" || u.Fragment != "" || u.User != nil || len(out.Endpoint) > maxEndpoint:
		refuse("transport.endpoint", codeMalformed, "This is an absolute URL without credentials and fragment, of at most %d bytes.", maxEndpoint)
	case u.Scheme != "https" && !(hooks.PlainHTTP && u.Scheme == "http"):
		refuse("transport.endpoint", codeNotAccepted, "The scheme is https.")
	}
	switch name := http.CanonicalHeaderKey(out.AuthTokenHeader); {
	case !webhook.ValidHeader(name, deref(t.AuthToken)):
		refuse("transport.authTokenHeader", codeNotAccepted, "The name is a header's, and the token can be sent in it.")
	case webhook.OwnHeader(name):
		refuse("transport.authTokenHeader", codeNotAccepted, "%s is set by the server.", name)
	}
	t.checkSecret(refuse)
	if deref(t.AuthToken) == "" {
		out.AuthTokenHeader = ""
	}
	return out
}

// checkSecret says what is wrong with the secret that is to sign.
func (t *transportBody) checkSecret(refuse func(field, code, format string, args ...any)) {
	if s, _ := webhook.Given(deref(t.SigningSecret), time.Time{}); s.Check() != nil {
		refuse("transport.signingSecret", codeNotAccepted, `This is "new", whsec_ and 24 to 64 bytes in base64, or "" for none.`)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkExtensions says what is wrong with extensions and gives them with the producer's own id. Those that are not
// known are kept and mean nothing.
func checkExtensions(in map[string]string, refuse func(field, code, format string, args ...any)) map[string]string {
	if len(in) > maxExtensions {
		refuse("extensions", codeTooLong, "There are at most %d extensions.", maxExtensions)
		return nil
	}
	out := make(map[string]string, len(in))
	for name, value := range in {
		if len(value) > maxExtension || len(name) > 100 {
			refuse("extensions", codeTooLong, "A name has at most 100 bytes, a value %d.", maxExtension)
			return nil
		}
		out[name] = value
	}
	id, there := in[extProducer]
	p := findProducer(id)
	switch {
	case !there:
		refuse("extensions."+extProducer, codeMissing, "Name a measure producer: %s.", strings.Join(producerIDs(), ", "))
		return nil
	case p == nil:
		hint := ""
		if near, ok := nearProducer(id); ok {
			hint = " Did you mean " + near + "?"
		}
		refuse("extensions."+extProducer, codeNotAccepted, "There is no such measure producer.%s There are %s.", hint, strings.Join(producerIDs(), ", "))
		return nil
	}
	out[extProducer] = p.id
	if t, there := in[extProcessor]; there && !strings.EqualFold(t, processor) {
		refuse("extensions."+extProcessor, codeNotAccepted, "The processor of %s is %s.", p.id, processor)
	}
	if v, there := in[extInitialized]; there && v != "true" && v != "false" {
		refuse("extensions."+extInitialized, codeNotAccepted, `This is "true" or "false".`)
	}
	for _, name := range words(in[extMeasures]) {
		if !p.has(name) {
			refuse("extensions."+extMeasures, codeNotAccepted, "%s has no measure %.100q.", p.id, name)
			break
		}
	}
	for _, key := range []string{keyAgent, keyQueue, keyChannel} {
		if in[key] != "" && !slices.Contains(p.keyNames(), key) {
			refuse("extensions."+key, codeNotAccepted, "%s is keyed by %s.", p.id, strings.Join(p.keyNames(), ", "))
		}
	}
	return out
}

// words splits a list at its commas.
func words(list string) []string {
	var out []string
	for w := range strings.SplitSeq(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
