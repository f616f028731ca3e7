// Package origin says from where the client of a request comes and how it reaches the server, also when proxies stand between.
//
// What a proxy says of its client (X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host) anybody can say, and proxies pass
// on what they were sent unless they are told otherwise. So it is believed of [Proxies] alone, which the configuration
// names; in all other requests these headers mean nothing. The server asks Proxies once, at its edge; what needs the
// result reads the RemoteAddr and the Host of the request, and [Of].
package origin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

type schemeKey struct{}

// Of is how the client of a request reaches the server, as https://host: by the host that it asked, and by TLS when it
// came by TLS, to the server or to a proxy that is trusted.
func Of(r *http.Request) string {
	if scheme, ok := r.Context().Value(schemeKey{}).(string); ok {
		return scheme + "://" + r.Host
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Proxies are the networks from which what a proxy says is believed. The zero value believes nobody.
type Proxies []netip.Prefix

// Parse reads addresses and networks: 10.0.0.7, 10.1.0.0/16, ::1.
func Parse(list []string) (Proxies, error) {
	var out Proxies
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if addr, aerr := netip.ParseAddr(text); aerr == nil && addr.Zone() == "" {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address such as 10.0.0.7 nor a network such as 10.1.0.0/16", text)
		}
		if a := p.Addr(); a.Is4In6() { // connections are known by their IPv4 address
			p = netip.PrefixFrom(a.Unmap(), max(p.Bits()-96, 0))
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p Proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// Resolve gives the request as it was when it came to the first of the proxies: with the RemoteAddr and the Host of
// then, and its scheme for [Of]. A request that comes from elsewhere is given back as it is.
func (p Proxies) Resolve(r *http.Request) *http.Request {
	peer, ok := address(r.RemoteAddr)
	if !ok || !p.trusts(peer) {
		return r
	}
	out := r
	if scheme := strings.ToLower(last(r.Header, "X-Forwarded-Proto")); scheme == "http" || scheme == "https" {
		out = out.WithContext(context.WithValue(out.Context(), schemeKey{}, scheme))
	}
	client, host := p.client(r.Header, peer), last(r.Header, "X-Forwarded-Host")
	if out == r && client == peer && host == "" {
		return r
	}
	if out == r {
		out = r.WithContext(r.Context())
	}
	if client != peer {
		out.RemoteAddr = net.JoinHostPort(client.String(), "0") // its port is not told
	}
	if plausibleHost(host) {
		out.Host = host
	}
	return out
}

// client goes from hop to hop, from the last to the first, as long as each can be believed: who is trusted says who
// came to it.
func (p Proxies) client(h http.Header, peer netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := address(strings.TrimSpace(hop))
		if !ok {
			return peer
		}
		peer = addr
		if !p.trusts(addr) {
			return addr
		}
	}
	return peer
}

// last is what the nearest proxy said, if several did.
func last(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	text := values[len(values)-1]
	return strings.TrimSpace(text[strings.LastIndexByte(text, ',')+1:])
}

// address reads an address with or without a port.
func address(text string) (netip.Addr, bool) {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap(), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap(), err == nil
}

// plausibleHost says whether text can stand in a URL as its host, with or without a port.
func plausibleHost(text string) bool {
	return text != "" && len(text) <= 255 && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", c)
	})
}
