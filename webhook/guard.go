package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// ErrAddress says that an endpoint's address is one that deliveries may not go to.
var ErrAddress = errors.New("the address is not allowed")

// Guard looks at each address that is dialled, after the name was resolved: a name cannot point to the inside at
// second sight.
type Guard struct {
	// Allow are networks that may be dialled though they are not public.
	Allow []netip.Prefix
}

// ParseNetworks reads networks as push.allow_networks has them.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network, as in 10.0.0.0/8", s)
		}
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96) // addresses are looked at in this form
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// public6 is where IPv6 has public addresses. What is outside of it is not, old forms that hold an IPv4 address included.
var public6 = netip.MustParsePrefix("2000::/3")

// Networks that netip has no name for: shared address space, benchmarking, documentation, tunnels and translation, which
// lead to IPv4 addresses, what is reserved, and the one address of a cloud's inside that looks public.
var closed = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// Check says whether an address may be dialled.
func (g Guard) Check(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(a) {
			return nil
		}
	}
	refused := a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Is6() && !public6.Contains(a)
	for _, p := range closed {
		refused = refused || p.Contains(a)
	}
	if refused {
		return fmt.Errorf("%w: %s is not a public address; push.allow_networks can allow its network", ErrAddress, a)
	}
	return nil
}

// control is for net.Dialer: it sees the address that is about to be connected to.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrAddress, err)
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrAddress, err)
	}
	return g.Check(a)
}
