package measures

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"trunkline/auth/jwt"
	"trunkline/control"
	"trunkline/webhook"
)

// Bucket is the name of the bucket that holds the subscriptions.
const Bucket = "measure-subscriptions"

// The words of a subscription.
const (
	familyAnalytics  = "ANALYTICS"
	familyEngagement = "AGENT_ENGAGEMENT"

	transportWebSocket = "WEBSOCKET"
	transportWebhook   = "WEBHOOK"

	statusActive   = "ACTIVE"
	statusInactive = "INACTIVE"

	eventsAll = "ALL"

	extProducer    = "measureProducerId"
	extProcessor   = "processorType"
	extMeasures    = "measures"
	extInitialized = "initializedMarker"
)

// Transport is how messages come to the client.
type Transport struct {
	Type string `json:"type"` // WEBSOCKET or WEBHOOK
	// Endpoint is the address to connect to, in answers, or that of the webhook.
	Endpoint string `json:"endpoint,omitempty"`
	// PingInterval is the longest pause between pings of the client, in seconds, in answers.
	PingInterval int `json:"pingInterval,omitempty"`
	// AuthTokenHeader is the header in which a webhook carries the authToken of the request, which is never shown.
	AuthTokenHeader string `json:"authTokenHeader,omitempty"`
	// Signed says that what a webhook sends is signed.
	Signed bool `json:"signed,omitempty"`
	// SigningSecret is the secret that was made, in the answer to the request that asked for it and nowhere else.
	SigningSecret string `json:"signingSecret,omitempty"`
}

// Subscription is an entitlement to connect, as the Notification API shows it.
type Subscription struct {
	ID         string            `json:"subscriptionId"`
	Family     string            `json:"family"`
	Events     []string          `json:"events"`
	Transport  Transport         `json:"transport"`
	Extensions map[string]string `json:"extensions,omitempty"`
	CreatedAt  time.Time         `json:"createdAt"`
	UpdatedAt  time.Time         `json:"updatedAt,omitzero"`
	ExpiresAt  time.Time         `json:"expiresAt"`
	ExpiresIn  int               `json:"expiresIn"` // seconds; 0 when it has expired
	Status     string            `json:"status"`    // ACTIVE or INACTIVE
}

// stored is a subscription as the bucket holds it.
type stored struct {
	Subscription
	Tenant string `json:"tenant"`
	// AuthToken is sent along with webhooks.
	AuthToken string `json:"auth_token,omitempty"`
	// Secrets sign webhooks.
	Secrets webhook.Secrets `json:"secrets,omitempty"`
	Client  string          `json:"client"` // who made it
	// Stopped says that it was set inactive before its time.
	Stopped bool `json:"stopped,omitempty"`
	// Terms counts the changes of what is delivered.
	Terms int `json:"terms,omitempty"`
}

// sign puts a signing secret in the place of the one there is, which goes on beside it for a while, and gives one that was made.
func (s *stored) sign(text string, now time.Time) (made string) {
	list, made := webhook.Given(text, now)
	s.Secrets = list.Beside(s.Secrets, now, webhook.Overlap)
	return made
}

func (s *stored) active(now time.Time) bool { return !s.Stopped && now.Before(s.ExpiresAt) }

var (
	errNoSubscription = errors.New("there is no such subscription")
	errTooMany        = errors.New("the account has as many subscriptions as it may")
)

// store keeps the subscriptions of all accounts.
type store struct {
	made *control.Mirror[*stored]
	most int
	keep time.Duration
	now  func() time.Time
}

func openStore(ctx context.Context, kv control.KV, o Options, changed func(id string)) (*store, error) {
	made, err := control.OpenMirror(ctx, kv, control.Codec[*stored]{
		Encode: func(s *stored) ([]byte, error) { return json.Marshal(s) },
		Decode: func(raw []byte) (*stored, error) {
			s := new(stored)
			if err := json.Unmarshal(raw, s); err != nil {
				return nil, fmt.Errorf("read a subscription: %w", err)
			}
			if s.ID == "" || s.Tenant == "" || findProducer(s.Extensions[extProducer]) == nil {
				return nil, errors.New("read a subscription: it is not whole")
			}
			return s, nil
		},
		Changed: func(_ string, old, now *stored) {
			switch {
			case old != nil:
				changed(old.ID)
			case now != nil:
				changed(now.ID)
			}
		},
		Broken: func(key string, err error) { slog.Error("subscriptions", "subscription", key, "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("open the subscriptions: %w", err)
	}
	return &store{made: made, most: o.MaxSubscriptions, keep: o.KeepInactive, now: o.Now}, nil
}

func storeKey(tenant, id string) string { return tenant + "/" + id }

// validID says whether a text has the form of a subscription's id, so that it can be a key.
func validID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && len(id) == 36 && u.String() == strings.ToLower(id)
}

// get gives a subscription of the tenant.
func (s *store) get(tenant, id string) (*stored, error) {
	if validID(id) {
		if one, ok := s.made.Get(storeKey(tenant, strings.ToLower(id))); ok {
			return one, nil
		}
	}
	return nil, errNoSubscription
}

// find is get that asks the other nodes for what is not known here yet.
func (s *store) find(ctx context.Context, tenant, id string) (*stored, error) {
	if !validID(id) {
		return nil, errNoSubscription
	}
	one, ok, err := s.made.Fetch(ctx, storeKey(tenant, strings.ToLower(id)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the subscription: %w", err)
	case !ok:
		return nil, errNoSubscription
	}
	return one, nil
}

// list gives all of the tenant, the oldest first.
func (s *store) list(tenant string) []*stored {
	var out []*stored
	for _, one := range s.made.All() {
		if one.Tenant == tenant {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b *stored) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return out
}

// create makes a subscription that is active until the token expires, and gives a signing secret that was made.
func (s *store) create(ctx context.Context, c jwt.Claims, want request) (_ *stored, made string, _ error) {
	if len(s.list(c.Tenant)) >= s.most {
		return nil, "", errTooMany
	}
	one := &stored{Tenant: c.Tenant, Client: c.Subject}
	one.ID = uuid.NewString()
	one.CreatedAt, one.ExpiresAt = s.now().UTC(), c.Expires.UTC()
	made = want.apply(one, one.CreatedAt)
	if err := s.made.Create(ctx, storeKey(one.Tenant, one.ID), one); err != nil {
		return nil, "", fmt.Errorf("store the subscription: %w", err)
	}
	return one, made, nil
}

// change stores what fn makes of a subscription, unless it fails.
func (s *store) change(ctx context.Context, tenant, id string, fn func(*stored) error) (*stored, error) {
	if !validID(id) {
		return nil, errNoSubscription
	}
	one, err := s.made.Change(ctx, storeKey(tenant, strings.ToLower(id)), func(old *stored) (*stored, error) {
		now := *old
		if err := fn(&now); err != nil {
			return nil, err
		}
		return &now, nil
	})
	if errors.Is(err, control.ErrNotFound) {
		return nil, errNoSubscription
	}
	if err != nil {
		return nil, fmt.Errorf("change the subscription: %w", err)
	}
	return one, nil
}

// renewal is what a client may bring along when it renews the subscription of a webhook.
type renewal struct {
	authToken string  // "": the old one stays
	secret    *string // that signs; nil: as it was
}

// renew makes a subscription active until the token that renews it expires, and gives a signing secret that was made.
func (s *store) renew(ctx context.Context, c jwt.Claims, id string, with renewal) (_ *stored, made string, _ error) {
	one, err := s.change(ctx, c.Tenant, id, func(one *stored) error {
		one.ExpiresAt, one.Stopped = c.Expires.UTC(), false
		if one.Transport.Type == transportWebhook {
			one.AuthToken = cmp.Or(with.authToken, one.AuthToken)
			if with.secret != nil {
				made = one.sign(*with.secret, s.now())
			}
		}
		return nil
	})
	return one, made, err
}

// stop sets a subscription inactive.
func (s *store) stop(ctx context.Context, tenant, id string) error {
	_, err := s.change(ctx, tenant, id, func(one *stored) error {
		one.Stopped = true
		return nil
	})
	return err
}

// remove deletes a subscription.
func (s *store) remove(ctx context.Context, tenant, id string) error {
	if !validID(id) {
		return errNoSubscription
	}
	err := s.made.Delete(ctx, storeKey(tenant, strings.ToLower(id)))
	if errors.Is(err, control.ErrNotFound) {
		return errNoSubscription
	}
	if err != nil {
		return fmt.Errorf("delete the subscription: %w", err)
	}
	return nil
}

// sweep removes what has been inactive for long.
func (s *store) sweep(ctx context.Context) {
	now := s.now()
	for _, one := range s.made.All() {
		if now.Sub(one.ExpiresAt) > s.keep {
			if err := s.remove(ctx, one.Tenant, one.ID); err != nil && !errors.Is(err, errNoSubscription) {
				slog.Warn("an old subscription could not be removed", "subscription", one.ID, "error", err)
			}
		}
	}
}
