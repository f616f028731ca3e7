package measures

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/jsonhttp"
	"trunkline/origin"
	"trunkline/problem"
	"trunkline/webhook"
	"trunkline/ws"
)

const (
	notification = "/api/notification/v1/accounts/{account}/subscriptions"
	management   = "/api/analytics/producer-management/v1/accounts/{account}/measure-producers"
	socketPath   = "/ws/notification"
	channelPath  = "/v1/analytics/realtime"
	olderPath    = "/v1beta/analytics/realtime" // of the vendor's earlier version, which clients still have
)

// Routes lists the endpoints. They take signed tokens, which the gate does not know, and so look at them themselves.
func (f *Feed) Routes() []auth.Route {
	public := func(pattern string, h http.HandlerFunc) auth.Route { return auth.Route{Pattern: pattern, Handler: h} }
	return []auth.Route{
		public("POST "+notification, f.own(f.create)),
		public("GET "+notification, f.own(f.list)),
		public("GET "+notification+"/{subscription}", f.own(f.get)),
		public("PATCH "+notification+"/{subscription}", f.own(f.patch)),
		public("DELETE "+notification+"/{subscription}", f.own(f.remove)),
		public("POST "+notification+"/{subscription}", f.own(f.renew)), // {subscription} ends in :renew
		public("GET "+management, f.own(f.producers)),
		public("GET "+management+"/{producer}", f.own(f.producer)),
		public("GET "+management+"/{producer}/locales", f.own(f.locales)),
		public("GET "+management+"/{producer}/dictionaries/{locale}", f.own(f.dictionary)),
		public("GET "+socketPath, f.socket),
		public("GET "+socketPath+olderPath, f.socket),
		public("GET "+socketPath+channelPath, f.socket),
		public("GET "+socketPath+channelPath+"/{account}/{subscription}", f.socket),
	}
}

// caller is who sends a request, with the name of the account.
type caller struct {
	jwt.Claims
	account string
}

// own lets requests through that carry a token of the account in the path.
func (f *Feed) own(next func(http.ResponseWriter, *http.Request, caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := bearer(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="trunkline"`)
			problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "unauthenticated", Title: "A token is needed",
				Detail: "Send Authorization: Bearer and a signed token of the account's token endpoint."})
			return
		}
		c, err := f.claims(r.Context(), token)
		switch {
		case errors.Is(err, jwt.ErrInvalid):
			if wait := f.o.Attempts.Failed(r.RemoteAddr); wait > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
				problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "too-many-attempts", Title: "Too many failed attempts",
					Detail: "Too many requests from this address carried a token that is not valid."})
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="trunkline", error="invalid_token"`)
			problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "unauthenticated", Title: "The token is not valid",
				Detail: "It has expired, is for something else, or was not signed by the issuer that is trusted here."})
			return
		case err != nil:
			f.o.Logger.Error("a token cannot be checked", "error", err)
			w.Header().Set("Retry-After", "5")
			problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "issuer", Title: "The token cannot be checked at the moment"})
			return
		}
		account := f.o.Account(c.Tenant)
		if r.PathValue("account") != account {
			problem.Write(w, problem.Detail{Status: http.StatusForbidden, Type: "other-account", Title: "This belongs to another account",
				Detail: "The token is of another account than the one in the address."})
			return
		}
		next(w, r, caller{c, account})
	}
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// violations are an error for what is wrong with a request.
type violations []Violation

func (v violations) Error() string { return v[0].Message }

// invalid answers 400 with what is wrong.
func invalid(w http.ResponseWriter, bad []Violation) {
	problem.Write(w, problem.Detail{Status: http.StatusBadRequest, Type: "constraint-violation", Title: "Constraint Violation",
		Detail: bad[0].Message, Extensions: map[string]any{"violations": bad}})
}

// failed answers what the store said.
func (f *Feed) failed(w http.ResponseWriter, err error) {
	var bad violations
	switch {
	case errors.As(err, &bad):
		invalid(w, bad)
	case errors.Is(err, errNoSubscription):
		problem.Write(w, problem.Detail{Status: http.StatusNotFound, Type: "no-subscription", Title: "There is no such subscription"})
	case errors.Is(err, errTooMany):
		problem.Write(w, problem.Detail{Status: http.StatusConflict, Type: "too-many-subscriptions", Title: "The account has too many subscriptions",
			Detail: "There may be " + strconv.Itoa(f.o.MaxSubscriptions) + ", those that are inactive included: delete some."})
	default:
		f.o.Logger.Error("subscriptions", "error", err)
		w.Header().Set("Retry-After", "1")
		problem.Write(w, problem.Detail{Status: http.StatusServiceUnavailable, Type: "control-state", Title: "The subscriptions cannot be read or written",
			Detail: "Nothing was changed as far as is known. Look before repeating."})
	}
}

// show is a subscription as the client sees it. made is the signing secret that this request made, "" for none.
func (f *Feed) show(r *http.Request, c caller, s *stored, made string) Subscription {
	out, now := s.Subscription, f.o.Now()
	out.Transport.Signed, out.Transport.SigningSecret = len(s.Secrets) > 0, made
	out.Status = statusInactive
	if s.active(now) {
		out.Status = statusActive
	}
	out.ExpiresIn = max(0, int(math.Ceil(s.ExpiresAt.Sub(now).Seconds())))
	if out.Transport.Type == transportWebSocket {
		out.Transport.Endpoint = f.base(r) + socketPath + channelPath + "/" + url.PathEscape(c.account) + "/" + s.ID
		out.Transport.PingInterval = int(f.o.PingInterval / time.Second)
	}
	return out
}

// base is how the client of a request reaches the WebSockets.
func (f *Feed) base(r *http.Request) string {
	if f.o.PublicURL != "" {
		return strings.TrimSuffix(f.o.PublicURL, "/")
	}
	return "ws" + strings.TrimPrefix(origin.Of(r), "http")
}

func (f *Feed) create(w http.ResponseWriter, r *http.Request, c caller) {
	b, bad := readBody(w, r, false)
	var q request
	if len(bad) == 0 {
		q, bad = b.check(true, f.o.Webhooks)
	}
	if len(bad) > 0 {
		invalid(w, bad)
		return
	}
	s, made, err := f.subs.create(r.Context(), c.Claims, q)
	if err != nil {
		f.failed(w, err)
		return
	}
	w.Header().Set("Location", strings.ReplaceAll(notification, "{account}", url.PathEscape(c.account))+"/"+s.ID)
	jsonhttp.Write(w, http.StatusCreated, f.show(r, c, s, made))
}

// Pagination says where a page of a list stands.
type Pagination struct {
	PageNumber int `json:"pageNumber"` // from 1
	PageSize   int `json:"pageSize"`
	Total      int `json:"total"` // of all pages
}

// Page is a page of the subscriptions of an account.
type Page struct {
	Pagination    Pagination     `json:"pagination"`
	Subscriptions []Subscription `json:"subscriptions"`
	Links         Links          `json:"links"`
}

// Links lead to the pages beside a page, empty where there is none.
type Links struct {
	Prev string `json:"prev,omitempty"`
	Next string `json:"next,omitempty"`
}

func (f *Feed) list(w http.ResponseWriter, r *http.Request, c caller) {
	query := r.URL.Query()
	var bad []Violation
	number := func(name string, value, most int) int {
		if text := query.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > most {
				bad = append(bad, Violation{name, "This is a whole number from 1 to " + strconv.Itoa(most) + ".", codeNotAccepted})
			}
			return n
		}
		return value
	}
	page, size := number("pageNumber", 1, 1_000_000), number("pageSize", 10, maxPage)
	if len(bad) > 0 {
		invalid(w, bad)
		return
	}
	all := f.subs.list(c.Tenant)
	out := Page{Pagination: Pagination{page, size, len(all)}, Subscriptions: []Subscription{}}
	from := min(len(all), (page-1)*size)
	for _, s := range all[from:min(len(all), from+size)] {
		out.Subscriptions = append(out.Subscriptions, f.show(r, c, s, ""))
	}
	link := func(n int) string {
		return r.URL.EscapedPath() + "?pageNumber=" + strconv.Itoa(n) + "&pageSize=" + strconv.Itoa(size)
	}
	if page > 1 {
		out.Links.Prev = link(page - 1)
	}
	if from+size < len(all) {
		out.Links.Next = link(page + 1)
	}
	jsonhttp.Write(w, http.StatusOK, out)
}

func (f *Feed) get(w http.ResponseWriter, r *http.Request, c caller) {
	s, err := f.subs.find(r.Context(), c.Tenant, r.PathValue("subscription"))
	if err != nil {
		f.failed(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusOK, f.show(r, c, s, ""))
}

// patch changes events, extensions and transport; what the body does not name stays. Who is connected is told to come back.
func (f *Feed) patch(w http.ResponseWriter, r *http.Request, c caller) {
	b, bad := readBody(w, r, false)
	if len(bad) > 0 {
		invalid(w, bad)
		return
	}
	var made string
	s, err := f.subs.change(r.Context(), c.Tenant, r.PathValue("subscription"), func(s *stored) error {
		q, bad := b.over(s).check(false, f.o.Webhooks)
		if len(bad) > 0 {
			return violations(bad)
		}
		s.UpdatedAt = f.o.Now().UTC()
		s.Terms++
		made = q.apply(s, s.UpdatedAt)
		return nil
	})
	if err != nil {
		f.failed(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusOK, f.show(r, c, s, made))
}

func (f *Feed) remove(w http.ResponseWriter, r *http.Request, c caller) {
	if err := f.subs.remove(r.Context(), c.Tenant, r.PathValue("subscription")); err != nil {
		f.failed(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// renew makes a subscription good for as long as the token of this request is, also when it was inactive.
func (f *Feed) renew(w http.ResponseWriter, r *http.Request, c caller) {
	id, ok := strings.CutSuffix(r.PathValue("subscription"), ":renew")
	if !ok {
		w.Header().Set("Allow", "GET, PATCH, DELETE")
		problem.Write(w, problem.Detail{Status: http.StatusMethodNotAllowed, Type: "method", Title: "The path does not take this method",
			Detail: "POST goes to the subscription's address with :renew behind it."})
		return
	}
	b, bad := readBody(w, r, true)
	var with renewal
	if t := b.Transport; t != nil {
		if with.authToken = deref(t.AuthToken); !webhook.ValidHeader(defaultTokenHeader, with.authToken) {
			bad = append(bad, Violation{"transport.authToken", "This can be sent in a header.", codeNotAccepted})
		}
		with.secret = t.SigningSecret
		t.checkSecret(func(field, code, format string, args ...any) {
			bad = append(bad, Violation{field, fmt.Sprintf(format, args...), code})
		})
	}
	if len(bad) > 0 {
		invalid(w, bad)
		return
	}
	s, made, err := f.subs.renew(r.Context(), c.Claims, id, with)
	if err != nil {
		f.failed(w, err)
		return
	}
	jsonhttp.Write(w, http.StatusOK, f.show(r, c, s, made))
}

// maxMessage bounds what a client may send over its WebSocket, in bytes.
const maxMessage = 16 << 10

// socket opens a WebSocket. Who it is for is found out by its first message.
func (f *Feed) socket(w http.ResponseWriter, r *http.Request) {
	c, err := ws.Upgrade(w, r, ws.Options{MaxMessage: maxMessage, Origins: f.o.Origins})
	if err != nil {
		if he, ok := ws.AsHandshakeError(err); ok && !he.Hijacked {
			if he.Status == http.StatusUpgradeRequired {
				w.Header().Set("Sec-WebSocket-Version", "13")
			}
			problem.Write(w, problem.Detail{Status: he.Status, Type: "handshake", Title: "The WebSocket handshake was refused", Detail: "The reason: " + he.Reason + "."})
		}
		return
	}
	s := &session{feed: f, account: r.PathValue("account"), subscription: r.PathValue("subscription"), remote: r.RemoteAddr, gone: make(chan struct{})}
	s.serve(c)
}
