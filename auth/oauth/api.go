package oauth

import (
	"log/slog"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"trunkline/auth"
	"trunkline/auth/jwt"
	"trunkline/jsonhttp"
	"trunkline/origin"
)

// Keys sign tokens and publish what they are checked with.
type Keys interface {
	jwt.Signer
	Public() http.Handler
}

// Options are the terms of the endpoint.
type Options struct {
	Clients *Clients
	Keys    Keys
	// Tenant gives the tenant of an account, as it stands in the path.
	Tenant func(account string) (tenant string, ok bool)
	// Audience is what the tokens are for.
	Audience string
	// Life is how long a token is good. 0 means 15 min.
	Life time.Duration
	// Attempts limits failed attempts per remote address.
	Attempts *auth.Attempts
}

// API is the HTTP edge.
type API struct{ o Options }

// NewAPI gives the edge.
func NewAPI(o Options) *API {
	if o.Life == 0 {
		o.Life = 15 * time.Minute
	}
	return &API{o}
}

const realm = "/auth/realms/{account}"

// Routes lists the endpoints.
func (a *API) Routes() []auth.Route {
	return []auth.Route{
		{Pattern: "POST " + realm + "/protocol/openid-connect/token", Handler: http.HandlerFunc(a.token)},
		{Pattern: "GET " + realm + "/protocol/openid-connect/certs", Handler: a.known(a.o.Keys.Public())},
		{Pattern: "GET " + realm + "/.well-known/openid-configuration", Handler: a.known(http.HandlerFunc(a.discovery))},
	}
}

// maxForm bounds the body of a request, in bytes.
const maxForm = 8 << 10

// Answer is a token as RFC 6749 gives it.
type Answer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	TokenType   string `json:"token_type"`
}

// token answers a request for one. Errors have the form of RFC 6749, section 5.2, which OAuth2 libraries read.
func (a *API) token(w http.ResponseWriter, r *http.Request) {
	if wait := a.o.Attempts.Blocked(r.RemoteAddr); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(w, http.StatusTooManyRequests, "invalid_client", "Too many attempts from this address have failed.")
		return
	}
	form, ok := readForm(w, r)
	if !ok {
		return
	}
	id, secret, basic, ok := credentials(r, form)
	if !ok {
		refuse(w, http.StatusBadRequest, "invalid_request", "Give client_id and client_secret either with HTTP Basic or in the form, not both.")
		return
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		code := "unsupported_grant_type"
		if grant == "" {
			code = "invalid_request"
		}
		refuse(w, http.StatusBadRequest, code, "The grant_type is client_credentials.")
		return
	}
	tenant, there := a.o.Tenant(r.PathValue("account"))
	client, err := a.o.Clients.authenticate(id, secret)
	if err != nil || !there || client.Tenant != tenant {
		a.o.Attempts.Failed(r.RemoteAddr)
		slog.Info("no token for a client", "account", r.PathValue("account"), "remote", r.RemoteAddr)
		if basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="trunkline"`)
		}
		refuse(w, http.StatusUnauthorized, "invalid_client", "The client is unknown in this account or its secret is wrong.")
		return
	}
	token, err := a.o.Keys.Sign(r.Context(), jwt.Claims{Audience: a.o.Audience, Tenant: tenant, Subject: client.ID,
		Expires: time.Now().Add(a.o.Life), Extra: map[string]string{"azp": client.ID, "account": r.PathValue("account")}})
	if err != nil {
		slog.Error("a token cannot be signed", "error", err)
		refuse(w, http.StatusServiceUnavailable, "server_error", "A token cannot be signed at the moment.")
		return
	}
	w.Header().Set("Pragma", "no-cache")
	jsonhttp.Write(w, http.StatusOK, Answer{AccessToken: token, ExpiresIn: int(a.o.Life.Seconds()), TokenType: "Bearer"})
}

// readForm reads the body of the request, which is a form and nothing else; a query is not looked at.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		refuse(w, http.StatusBadRequest, "invalid_request", "The body is of the type application/x-www-form-urlencoded.")
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "The form cannot be read, or has more than "+strconv.Itoa(maxForm)+" bytes.")
		return nil, false
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			refuse(w, http.StatusBadRequest, "invalid_request", "The parameter "+strconv.Quote(name)+" is given twice.")
			return nil, false
		}
	}
	return r.PostForm, true
}

// credentials finds the client's id and secret.
func credentials(r *http.Request, form url.Values) (id, secret string, basic, ok bool) {
	id, secret = form.Get("client_id"), form.Get("client_secret")
	user, password, basic := r.BasicAuth()
	if !basic {
		return id, secret, false, id != "" && secret != ""
	}
	// Both parts are form-encoded first (RFC 6749, section 2.3.1); what is not is taken as it is.
	if s, err := url.QueryUnescape(user); err == nil {
		user = s
	}
	if s, err := url.QueryUnescape(password); err == nil {
		password = s
	}
	return user, password, true, secret == "" && (id == "" || id == user)
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	jsonhttp.Write(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
}

// known lets requests for accounts through that there are.
func (a *API) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := a.o.Tenant(r.PathValue("account")); !ok {
			refuse(w, http.StatusNotFound, "not_found", "There is no such account.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// discovery says where everything is, for libraries that find it out themselves.
func (a *API) discovery(w http.ResponseWriter, r *http.Request) {
	base := origin.Of(r) + "/auth/realms/" + url.PathEscape(r.PathValue("account"))
	jsonhttp.Write(w, http.StatusOK, map[string]any{
		"issuer":                                base,
		"token_endpoint":                        base + "/protocol/openid-connect/token",
		"jwks_uri":                              base + "/protocol/openid-connect/certs",
		"grant_types_supported":                 []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"id_token_signing_alg_values_supported": []string{"EdDSA"},
		"response_types_supported":              []string{},
	})
}
