package client

import (
	"context"
	"net/http"
	"net/url"

	"trunkline/auth"
)

// Tokens manages tokens through a running server.
type Tokens struct{ Client *Client }

// Issue makes a token with the tenant, scopes, name and end of want, and gives it with its text.
func (t Tokens) Issue(ctx context.Context, want auth.Token) (auth.Token, string, error) {
	var out auth.Issued
	in := map[string]any{"tenant": want.Tenant, "scopes": want.Scopes, "name": want.Name}
	if !want.Expires.IsZero() {
		in["expires"] = want.Expires
	}
	err := t.Client.Do(ctx, http.MethodPost, "/v1/tokens", in, &out)
	return out.Token, out.Secret, err
}

// List gives the tokens of a tenant, of all that may be seen with "".
func (t Tokens) List(ctx context.Context, tenant string) ([]auth.Token, error) {
	path := "/v1/tokens"
	if tenant != "" {
		path += "?" + url.Values{"tenant": {tenant}}.Encode()
	}
	var out struct {
		Tokens []auth.Token `json:"tokens"`
	}
	err := t.Client.Do(ctx, http.MethodGet, path, nil, &out)
	return out.Tokens, err
}

// Rotate replaces the secret of a token and gives the new text.
func (t Tokens) Rotate(ctx context.Context, id string) (auth.Token, string, error) {
	var out auth.Issued
	err := t.Client.Do(ctx, http.MethodPost, "/v1/tokens/"+url.PathEscape(id)+"/rotate", nil, &out)
	return out.Token, out.Secret, err
}

// Revoke removes a token.
func (t Tokens) Revoke(ctx context.Context, id string) error {
	return t.Client.Do(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}
