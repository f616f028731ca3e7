package auth

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Attempts counts failed attempts per remote address, in a table that cannot grow without end. Each address
// may fail Burst times in a row and then once per Every; an IPv6 client is known by its /64, since it owns all of that.
//
// A good token passes always: its 256 bits are not to be guessed, and one misconfigured client must not lock out
// everybody behind the same proxy. What the table saves is the work and the log of an endless stream of failures; an
// edge that takes secrets people chose asks Blocked before it looks at them.
type Attempts struct {
	Burst int           // default 20
	Every time.Duration // default 3 s
	Max   int           // addresses kept, default 10,000

	mu     sync.Mutex               // guards failed
	failed map[netip.Addr]time.Time // when the address will have paid off all its failures
}

func (a *Attempts) limits() (burst int, every time.Duration, most int) {
	burst, every, most = a.Burst, a.Every, a.Max
	if burst <= 0 {
		burst = 20
	}
	if every <= 0 {
		every = 3 * time.Second
	}
	if most <= 0 {
		most = 10_000
	}
	return burst, every, most
}

// Failed counts one failure of the address ("host:port" or "host") and says how long it is blocked
// now, zero when it is not.
func (a *Attempts) Failed(remote string) time.Duration {
	burst, every, most := a.limits()
	addr := key(remote)
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		a.failed = map[netip.Addr]time.Time{}
	}
	debt, known := a.failed[addr]
	if !known && len(a.failed) >= most {
		a.makeRoom(now, most)
	}
	if debt.Before(now) {
		debt = now
	}
	if wait := debt.Sub(now) - time.Duration(burst-1)*every; wait > 0 {
		return wait // already blocked: hammering on does not make it longer
	}
	a.failed[addr] = debt.Add(every)
	return 0
}

// Blocked says how long the address has to wait before its next attempt, zero when it need not.
func (a *Attempts) Blocked(remote string) time.Duration {
	burst, every, _ := a.limits()
	a.mu.Lock()
	defer a.mu.Unlock()
	debt, known := a.failed[key(remote)]
	if !known {
		return 0
	}
	return max(0, time.Until(debt)-time.Duration(burst-1)*every)
}

// makeRoom forgets who has paid, and somebody at random when nobody has; mu is held.
func (a *Attempts) makeRoom(now time.Time, most int) {
	for addr, debt := range a.failed {
		if debt.Before(now) {
			delete(a.failed, addr)
		}
	}
	for addr := range a.failed {
		if len(a.failed) < most {
			return
		}
		delete(a.failed, addr)
	}
}

func key(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}
