package eventlog

import (
	"log/slog"
	"time"

	"trunkline/eventlog/writer"
)

// Config says where the log is and how it behaves. The zero value of every
// field but Dir and URL, one of which is needed, is a good default.
type Config struct {
	Dir string // the embedded engine's directory

	URL, Creds             string // an existing NATS cluster instead: nats://…, credentials file
	SystemURL, SystemCreds string // its system account, to ask whether it syncs before it answers
	Replicas               int    // on a cluster, default 3
	Node                   string // name of this process among others, default host name and a random part

	Shards int // fixed when the log is made, default 1

	RetainAge   time.Duration // default 72 h
	RetainBytes uint64        // of the store, default 20 GiB
	TenantBytes uint64        // kept by one tenant, before compression; default a quarter of RetainBytes… of raw events
	// TenantQuota gives a tenant another bound than TenantBytes; 0 keeps it.
	TenantQuota func(tenant string) uint64

	DiskReserve  uint64        // free bytes below which the embedded log takes no appends, default 256 MiB
	Identities   int           // identities remembered per shard, default 5,000,000
	IdentityAge  time.Duration // how long an identity is remembered, default RetainAge
	Cache        int           // bytes of new commits, and as many of old ones read lately, kept in memory per shard, default 32 MiB
	MaxEvents    int           // events of one commit
	MaxPending   int           // bytes waiting to be committed per shard
	Gather       time.Duration // longest wait for company before a commit
	Tick         time.Duration // a tick is logged when such a boundary passes in silence, default 1 min
	Lease        time.Duration // how long a silent writer keeps its shard in a cluster, default 5 s
	Timeout      time.Duration // wait for the engine's answer to a commit, default 5 s
	UnknownWait  time.Duration // how long an append waits for a doubtful outcome, default 3 s
	SegmentEach  int           // events between index segments, default 100,000
	SnapshotEach int           // events between snapshots of the fold, default 100,000

	Now func() time.Time // the clock that stamps commits, default time.Now

	// NoSync switches the fsync of the embedded engine off, for measurements.
	NoSync bool
	// NewEpoch numbers all tenants anew from here on: after an older copy of the
	// store was put back, so that no consumer takes new events for those it had.
	NewEpoch bool
	// ReadOnly opens the log without writing to it: nothing can be appended.
	ReadOnly bool

	// Fold makes the state that enriches and derives, one a shard; nil: none.
	Fold func(shard int) writer.Fold

	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.RetainAge, 72*time.Hour)
	def(&c.Lease, 5*time.Second)
	def(&c.Timeout, 5*time.Second)
	def(&c.IdentityAge, c.RetainAge)
	if c.RetainBytes == 0 {
		c.RetainBytes = 20 << 30
	}
	if c.TenantBytes == 0 {
		// Stored events are compressed to about a third: a quarter of the
		// store holds three quarters of its size in raw events.
		c.TenantBytes = c.RetainBytes / 4 * 3
	}
	if c.DiskReserve == 0 {
		c.DiskReserve = 256 << 20
	}
	if c.Cache == 0 {
		c.Cache = 32 << 20
	}
	if c.SegmentEach == 0 {
		c.SegmentEach = 100_000
	}
	if c.Replicas == 0 {
		c.Replicas = 1
		if c.URL != "" {
			c.Replicas = 3
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
