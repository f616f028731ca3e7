package explain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrBusy says that too many questions are being worked on.
var ErrBusy = errors.New("too many explanations are asked for at once")

// How many questions are worked on side by side, of all tenants and of one of them, and how many of a tenant may be
// there with those that wait. Each folds a tenant's floor anew and keeps a processor busy.
const (
	atOnce       = 4
	tenantAtOnce = 2
	tenantAsked  = 16
)

// patience is how long a question waits for its turn.
const patience = 10 * time.Second

// lanes let questions through: a tenant with many of them keeps no other waiting for all of its own.
type lanes struct {
	all chan struct{} // holds a token for each question that is worked on

	mu       sync.Mutex // guards what is below
	byTenant map[string]*lane
}

type lane struct {
	turn  chan struct{} // holds a token for each of the tenant's questions that may be worked on
	asked int           // guarded by lanes.mu
}

func newLanes() *lanes {
	return &lanes{all: make(chan struct{}, atOnce), byTenant: make(map[string]*lane)}
}

// enter waits for a turn; leave gives it back.
func (l *lanes) enter(ctx context.Context, tenant string) (leave func(), err error) {
	own := l.ask(tenant)
	if own == nil {
		return nil, fmt.Errorf("%w: %d of this tenant", ErrBusy, tenantAsked)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	taken := make([]chan struct{}, 0, 2)
	leave = func() {
		for _, turn := range taken {
			<-turn
		}
		l.done(tenant)
	}
	for _, turn := range []chan struct{}{own.turn, l.all} {
		select {
		case turn <- struct{}{}:
			taken = append(taken, turn)
			continue
		case <-timer.C:
			err = fmt.Errorf("%w: no turn within %v", ErrBusy, patience)
		case <-ctx.Done():
			err = ctx.Err()
		}
		leave()
		return nil, err
	}
	return leave, nil
}

// ask gives the tenant's lane, nil when it is full.
func (l *lanes) ask(tenant string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.byTenant[tenant]
	if own == nil {
		own = &lane{turn: make(chan struct{}, tenantAtOnce)}
		l.byTenant[tenant] = own
	}
	if own.asked == tenantAsked {
		return nil
	}
	own.asked++
	return own
}

func (l *lanes) done(tenant string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.byTenant[tenant]
	if own.asked--; own.asked == 0 {
		delete(l.byTenant, tenant)
	}
}
