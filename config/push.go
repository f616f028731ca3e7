package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Push is the push feed.
type Push struct {
	AllowNetworks []string          `yaml:"allow_networks" example:"10.20.0.0/16" doc:"Networks that destinations may lie in though they are not public, as in 10.20.0.0/16. Loopback, private, link-local, metadata and multicast addresses are refused otherwise, whatever name leads to them."`
	PlainHTTP     bool              `yaml:"plain_http" default:"false" doc:"Let destinations be made that are reached without TLS."`
	Statuses      []string          `yaml:"statuses" example:"acmecorp01" doc:"Tenants for which the log says what no source does and what payloads accumulate: sizes and estimated waits of queues, load and utilisation of agents, the story of each issue; * for all. A tenant with a destination below is among them."`
	Destinations  []PushDestination `yaml:"destinations" doc:"Destinations that always exist. More can be made at run time with POST /v1/webhooks."`
}

// PushDestination is a destination of the configuration.
type PushDestination struct {
	ID          string   `yaml:"id" example:"crm" doc:"1 to 64 lower-case letters, digits, '-' and '_'; one of a kind in its tenant."`
	Tenant      string   `yaml:"tenant" example:"acmecorp01" doc:"Whose events go there."`
	URL         string   `yaml:"url" example:"https://events.example.com/asapp" doc:"Where they are posted. Port 0 stands for that of this server's own receiver."`
	Feeds       []string `yaml:"feeds" default:"activity, journey, queue" oneof:"activity,journey,queue,raw" doc:"Which payloads: activity, journey, queue, raw. raw goes to one destination of a tenant."`
	EventList   []string `yaml:"event_list" doc:"Event types to send. Empty: all. A filtered destination still gets all populated fields of the issue."`
	TimeoutMS   int      `yaml:"timeout_ms" default:"5000" min:"10" max:"60000" doc:"How long an answer may take, in milliseconds."`
	Retries     int      `yaml:"retries" default:"5" min:"0" max:"50" doc:"How often a delivery that failed is tried again."`
	BackoffMS   int      `yaml:"backoff_ms" default:"1000" min:"1" max:"600000" doc:"The first pause before a retry is a random time up to this, each following up to twice the one before, a minute at most."`
	Headers     []string `yaml:"headers" secret:"true" doc:"Headers that are sent along, as name=value."`
	Rate        int      `yaml:"rate_per_second" default:"0" min:"0" max:"1000000" doc:"Deliveries a second at most. 0: no limit."`
	Concurrency int      `yaml:"concurrency" default:"8" min:"1" max:"256" doc:"Deliveries at the same time."`
	Ordering    string   `yaml:"ordering" default:"entity" oneof:"entity,none" doc:"entity: in order for each agent, issue and queue."`
	AfterLast   string   `yaml:"after_last" default:"park" oneof:"park,drop,strict" doc:"What becomes of a delivery after its last retry: park keeps it for replay, drop forgets it, strict keeps it and holds what follows of its entity until it was replayed."`
	Success     string   `yaml:"success" default:"200" oneof:"200,2xx" doc:"Which answers are a success."`
	MinTLS      string   `yaml:"min_tls" default:"1.3" oneof:"1.3,1.2" doc:"The oldest TLS that is spoken."`
	HTTP        string   `yaml:"http" default:"auto" oneof:"auto,1.1" doc:"auto: HTTP/2 where the server has it."`
	CA          string   `yaml:"ca" doc:"File with the authorities of the server, PEM. Empty: those of the system."`
	ClientCert  string   `yaml:"client_cert" doc:"File with our client certificate, PEM."`
	ClientKey   string   `yaml:"client_key" doc:"File with its key, PEM."`
	SecretFile  string   `yaml:"secret_file" doc:"File with the secrets that sign by Standard Webhooks, one whsec_ text a line, the newest first; all of them sign, which is how one is rotated."`
}

// Receiver takes the real-time events of ASAPP.
type Receiver struct {
	Addr     string   `yaml:"addr" doc:"Host and port of the listener for POST /v1/receive/asapp, which asks every client for a certificate. Empty: none."`
	Cert     string   `yaml:"cert" doc:"File with the listener's certificate chain, PEM. It is read again when it changes."`
	Key      string   `yaml:"key" doc:"File with its private key, PEM."`
	ClientCA string   `yaml:"client_ca" doc:"File with the authorities of client certificates, PEM. It is read again when it changes, for new connections."`
	Clients  string   `yaml:"clients" doc:"File that says which clients belong to which tenant: one line each, the tenant and the subject of the certificate, as in: acmecorp01 CN=events.asapp.com. It is read again when it changes: a line that is taken away is a client that is refused from then on."`
	MinTLS   string   `yaml:"min_tls" default:"1.3" oneof:"1.3,1.2" doc:"The oldest TLS that is spoken."`
	Names    []string `yaml:"names" example:"com.asapp.event.journey" doc:"Names of the feeds that are taken. Empty: all. Others are answered 200 and left out."`
	Types    []string `yaml:"event_types" example:"ISSUE_CREATED" doc:"Event types that are taken. Empty: all."`
}

// KeepsStatuses says whether the log says of a tenant's queues and agents how they measure.
func (p *Push) KeepsStatuses(tenant string) bool {
	return slices.Contains(p.Statuses, tenant) || slices.Contains(p.Statuses, "*") ||
		slices.ContainsFunc(p.Destinations, func(d PushDestination) bool { return d.Tenant == tenant })
}

// HeaderMap gives the headers of a destination.
func (d *PushDestination) HeaderMap() map[string]string { return pairs(d.Headers) }

// push checks what only makes sense together. What a destination's settings must be is checked where it is opened.
func (l *loader) push(c *Config) {
	for _, n := range c.Push.AllowNetworks {
		if _, err := netip.ParsePrefix(n); err != nil {
			l.refuse("push.allow_networks", "%q is not accepted: a network, as in 10.20.0.0/16", n)
		}
	}
	ids := map[[2]string]bool{}
	tenants := c.tenantIDs()
	for i := range c.Push.Destinations {
		d, path := &c.Push.Destinations[i], fmt.Sprintf("push.destinations[%d]", i)
		l.tenantOf(d.Tenant, path, tenants)
		if key := [2]string{d.Tenant, d.ID}; ids[key] {
			l.refuse(path+".id", "the id %q is used twice", d.ID)
		} else {
			ids[key] = true
		}
		if !strings.HasPrefix(d.URL, "https://") && !c.Push.PlainHTTP {
			l.refuse(path+".url", "%q is not accepted: it must begin with https://", d.URL)
		}
		if (d.ClientCert == "") != (d.ClientKey == "") {
			l.refuse(path+".client_cert", "client_cert and client_key are given together or not at all")
		}
		l.pairs(d.Headers, path+".headers", "name=value")
	}
	r := &c.Receiver
	if r.Addr == "" {
		return
	}
	if _, _, err := net.SplitHostPort(r.Addr); err != nil {
		l.refuse("receiver.addr", "%q is not accepted: host:port, as in :8443", r.Addr)
	}
	for _, f := range [][2]string{{"cert", r.Cert}, {"key", r.Key}, {"client_ca", r.ClientCA}, {"clients", r.Clients}} {
		if f[1] == "" {
			l.refuse("receiver."+f[0], "the receiver needs it")
		}
	}
}
