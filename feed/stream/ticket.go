package stream

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"trunkline/auth"
	"trunkline/jsonhttp"
	"trunkline/problem"
)

// Tickets let a browser open a WebSocket without a token in its URL: it asks for one with
// the token in a header, and it opens one connection within a minute.
const (
	ticketLife = time.Minute
	maxTickets = 10_000 // waiting to be used
)

type tickets struct {
	mu   sync.Mutex // guards open
	open map[string]ticket
}

type ticket struct {
	who   *auth.Principal
	until time.Time
}

func (t *tickets) init() { t.open = map[string]ticket{} }

// issue makes a ticket; false when too many wait to be used.
func (t *tickets) issue(who *auth.Principal) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for text, k := range t.open {
		if now.After(k.until) {
			delete(t.open, text)
		}
	}
	if len(t.open) >= maxTickets {
		return "", false
	}
	text := rand.Text()
	t.open[text] = ticket{who, now.Add(ticketLife)}
	return text, true
}

// redeem gives whose a ticket is, once.
func (t *tickets) redeem(text string) *auth.Principal {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.open[text]
	delete(t.open, text)
	if !ok || time.Now().After(k.until) {
		return nil
	}
	select {
	case <-k.who.Revoked:
		return nil
	default:
		return k.who
	}
}

func (f *Feed) issueTicket(w http.ResponseWriter, r *http.Request) {
	text, ok := f.tickets.issue(auth.From(r.Context()))
	if !ok {
		w.Header().Set("Retry-After", "60")
		problem.Write(w, problem.Detail{Status: http.StatusTooManyRequests, Type: "too-many-tickets", Title: "Too many tickets wait to be used"})
		return
	}
	jsonhttp.Write(w, http.StatusCreated, map[string]any{"ticket": text, "expires_in": int(ticketLife.Seconds())})
}

func (f *Feed) subscribeByTicket(w http.ResponseWriter, r *http.Request) {
	who := f.tickets.redeem(r.URL.Query().Get("ticket"))
	if who == nil {
		problem.Write(w, problem.Detail{Status: http.StatusUnauthorized, Type: "ticket", Title: "The ticket is not valid",
			Detail: "It opens one connection within a minute."})
		return
	}
	f.serve(w, r, who, "TenantUpdates")
}
