package tail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"trunkline/client/persist"
)

// subscription is what is read of one.
type subscription struct {
	ID        string `json:"subscriptionId"`
	ExpiresIn int    `json:"expiresIn"` // seconds
	Transport struct {
		Endpoint     string `json:"endpoint"`
		PingInterval int    `json:"pingInterval"` // seconds
	} `json:"transport"`
}

// pingEvery is how often the server is told that the client is there; proxies close connections on which nothing moves.
const pingEvery = 30 * time.Second

// prepare gets a token and a subscription when there is none that is good.
func (c *client) prepare(ctx context.Context) error {
	if c.o.Token != "" {
		c.token = c.o.Token
	} else if time.Until(c.expires) < time.Minute/2 {
		if err := c.fetchToken(ctx); err != nil {
			return err
		}
	}
	if c.lost {
		c.sub, c.lost = nil, false
	}
	if c.sub != nil {
		err := c.renew(ctx)
		var refused *RefusedError
		if !errors.As(err, &refused) {
			return err
		}
		c.sub = nil
	}
	extensions := map[string]string{"measureProducerId": c.o.Producer}
	maps.Copy(extensions, c.o.Extensions)
	made := new(subscription)
	err := c.ask(ctx, http.MethodPost, c.subscriptions(), map[string]any{"family": "ANALYTICS", "events": []string{"ALL"},
		"transport": map[string]string{"type": "WEBSOCKET"}, "extensions": extensions}, made)
	if err == nil {
		c.sub = made
	}
	return err
}

// renew makes the subscription good for as long as the token is.
func (c *client) renew(ctx context.Context) error {
	now := new(subscription)
	if err := c.ask(ctx, http.MethodPost, c.subscriptions()+"/"+c.sub.ID+":renew", struct{}{}, now); err != nil {
		return err
	}
	c.sub = now
	return nil
}

func (c *client) base() string { return strings.TrimSuffix(c.o.URL, "/") }

func (c *client) subscriptions() string {
	return c.base() + "/api/notification/v1/accounts/" + url.PathEscape(c.o.Account) + "/subscriptions"
}

// fetchToken asks for a token with the client's credentials.
func (c *client) fetchToken(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.o.Client}, "client_secret": {c.o.Secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		c.base()+"/auth/realms/"+url.PathEscape(c.o.Account)+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return persist.Final(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	if err := c.do(req, &answer); err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	c.token, c.expires = answer.Token, time.Now().Add(time.Duration(answer.Expires)*time.Second)
	return nil
}

// ask sends a request with the token.
func (c *client) ask(ctx context.Context, method, address string, body, into any) error {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return persist.Final(err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return persist.Final(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	return c.do(req, into)
}

// do sends a request and reads the answer.
func (c *client) do(req *http.Request, into any) error {
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return persist.DialError(resp, fmt.Errorf("the server answers %d", resp.StatusCode))
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	return nil
}

// keep pings, and renews the subscription before it expires, until ctx ends.
func (c *client) keep(ctx context.Context, conn *websocket.Conn) {
	pause := pingEvery
	if n := time.Duration(c.sub.Transport.PingInterval) * time.Second; n > 0 {
		pause = min(pause, n/2)
	}
	ping := time.NewTicker(pause)
	defer ping.Stop()
	good := func() time.Duration { return time.Duration(c.sub.ExpiresIn) * time.Second * 3 / 4 }
	renew := time.NewTimer(good())
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ping.C:
			_ = conn.Ping(ctx) // a connection that is cut says so where it is read
		case <-renew.C:
			next := 10 * time.Second // again soon, when it did not work
			if c.o.Token == "" {
				if c.fetchToken(ctx) == nil && c.renew(ctx) == nil {
					next = max(next, good())
				}
			}
			renew.Reset(next)
		}
	}
}

// drop deletes the subscription, as far as the server can be reached.
func (c *client) drop(ctx context.Context) {
	if c.sub == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_ = c.ask(ctx, http.MethodDelete, c.subscriptions()+"/"+c.sub.ID, nil, nil)
}
