package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trunkline/eventlog/engine"
)

// Log is an open event log.
type Log struct {
	cfg     Config
	engine  *engine.Engine
	meta    *engine.KV
	objects *engine.Objects
	witness *witness // nil on a cluster
	lock    *os.File // nil on a cluster
	shards  []*shard

	cancel context.CancelFunc
	tasks  sync.WaitGroup

	restarting sync.Mutex // held while the engine is restarted; guards restarted
	restarted  time.Time

	mu     sync.Mutex // guards closed and reason
	closed bool
	reason string // why the disk takes nothing, "" when it does
}

// Buckets of the log's own control state.
const (
	metaBucket   = "TL_LOG"
	objectBucket = "TL_STATE"
)

// meta is what is fixed when a log is made.
type meta struct {
	Format int `json:"format"`
	Shards int `json:"shards"`
}

// Open opens the log, or makes it. It returns when everything that is stored
// is indexed; the writers take appends a moment later (see Health).
func Open(ctx context.Context, cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	if (cfg.Dir == "") == (cfg.URL == "") {
		return nil, errors.New("open the log: exactly one of a directory and a NATS URL is needed")
	}
	if cfg.Node == "" {
		var b [4]byte
		_, _ = rand.Read(b[:])
		host, _ := os.Hostname()
		cfg.Node = host + "-" + hex.EncodeToString(b[:])
	}
	l := &Log{cfg: cfg}
	if cfg.Dir != "" {
		lock, err := lockDir(cfg.Dir)
		if err != nil {
			return nil, fmt.Errorf("open the log: %w", err)
		}
		l.lock = lock
	}
	eng, err := engine.Start(ctx, engine.Options{
		Dir: storeDir(cfg.Dir), Ledger: filepath.Join(cfg.Dir, "ledger"), URL: cfg.URL, Creds: cfg.Creds, SystemURL: cfg.SystemURL, SystemCreds: cfg.SystemCreds,
		Replicas: cfg.Replicas, Timeout: cfg.Timeout, NoSync: cfg.NoSync, Logger: cfg.Logger,
	})
	if err != nil {
		l.unlock()
		return nil, fmt.Errorf("open the log: %w", err)
	}
	l.engine = eng
	if err := l.open(ctx); err != nil {
		l.shutdown()
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return l, nil
}

func storeDir(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "store")
}

func (l *Log) open(ctx context.Context) error {
	if l.engine.Embedded() {
		w, err := openWitness(filepath.Join(l.cfg.Dir, "witness"))
		if err != nil {
			return err
		}
		l.witness = w
	}
	var err error
	if l.meta, err = l.engine.KV(ctx, metaBucket); err != nil {
		return err
	}
	if l.objects, err = l.engine.Objects(ctx, objectBucket); err != nil {
		return err
	}
	m, fresh, err := l.readMeta(ctx)
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	for id := range m.Shards {
		s, err := openShard(ctx, l, id, fresh)
		if err != nil {
			return err
		}
		l.shards = append(l.shards, s)
	}
	for _, s := range l.shards {
		s.start(run)
	}
	if !l.cfg.ReadOnly {
		l.tasks.Go(func() { l.maintain(run) })
	}
	return nil
}

// readMeta reads what was fixed when the log was made, and fixes it when there
// is no log yet. A store whose meta is gone but whose witness has seen commits
// is damaged: it is not taken for a new one.
func (l *Log) readMeta(ctx context.Context) (m meta, fresh bool, err error) {
	want := meta{Format: 1, Shards: max(l.cfg.Shards, 1)}
	e, err := l.meta.Get(ctx, "meta")
	if errors.Is(err, ErrNotFound) {
		if l.witness != nil && l.witness.any() {
			return m, false, errors.New("the store has lost its description although it held events: restore it from a backup")
		}
		b, _ := json.Marshal(want)
		if _, err = l.meta.Create(ctx, "meta", b); err == nil {
			return want, true, nil
		}
		if !errors.Is(err, ErrExists) {
			return m, false, err
		}
		// Another node was first. A server of the cluster that answers reads may
		// hear of it later than the one that refused ours.
		for e, err = l.meta.Get(ctx, "meta"); errors.Is(err, ErrNotFound) && pause(ctx, retryPause); {
			e, err = l.meta.Get(ctx, "meta")
		}
	}
	if err != nil {
		return m, false, err
	}
	if err := json.Unmarshal(e.Value, &m); err != nil || m.Shards < 1 {
		return m, false, fmt.Errorf("the log's description %q cannot be read", e.Value)
	}
	if m.Format != want.Format {
		return m, false, fmt.Errorf("the log has format %d, this program reads %d", m.Format, want.Format)
	}
	if l.cfg.Shards != 0 && l.cfg.Shards != m.Shards {
		return m, false, fmt.Errorf("the log was made with %d shards, which is fixed; the configuration says %d", m.Shards, l.cfg.Shards)
	}
	// On a cluster another node may have written the description a moment ago
	// and not made the streams yet.
	return m, !l.engine.Embedded(), nil
}

// Close ends all appends and followers and closes the engine. Appends that are
// being written are finished first.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, s := range l.shards {
			s.tasks.Wait()
		}
		l.tasks.Wait()
	}()
	var err error
	select {
	case <-done:
		if !l.cfg.ReadOnly {
			for _, s := range l.shards {
				s.cutSegment(ctx)
			}
		}
	case <-ctx.Done():
		err = fmt.Errorf("close the log: %w", ctx.Err())
	}
	l.shutdown()
	return err
}

func (l *Log) shutdown() {
	if l.cancel != nil {
		l.cancel()
	}
	l.engine.Close()
	if l.witness != nil {
		l.witness.close()
	}
	l.unlock()
}

func (l *Log) unlock() {
	if l.lock != nil {
		l.lock.Close()
	}
}

// shardOf gives the shard of a tenant.
func (l *Log) shardOf(tenant string) *shard {
	h := fnv.New32a()
	h.Write([]byte(tenant))
	return l.shards[int(h.Sum32()%uint32(len(l.shards)))]
}

// Health says how the log does.
type Health struct {
	Writable   bool
	Reason     string // why it is not writable
	Durability string // fsync, nosync, unverified: what an acknowledgement means
	Embedded   bool
	Breaks     []string // places where the store is not what was written
	Events     uint64   // events indexed
	Identities int      // identities remembered
	Shards     int
}

// Health asks for the log's state.
func (l *Log) Health() Health {
	h := Health{
		Writable: true, Durability: l.engine.Durability(), Embedded: l.engine.Embedded(),
		Shards: len(l.shards), Breaks: l.engine.Breaks(),
	}
	if r := l.refusal(); r != "" {
		h.Writable, h.Reason = false, r
	}
	for _, s := range l.shards {
		if ok, reason := s.status(); !ok && h.Reason == "" {
			h.Writable, h.Reason = false, reason
		}
		for _, b := range s.index.Breaks() {
			h.Breaks = append(h.Breaks, b.String())
		}
		h.Events += s.index.Events()
		h.Identities += s.index.Identities()
	}
	return h
}

// WaitWritable returns when all shards take appends somewhere, or with the
// context's error and the reason why not.
func (l *Log) WaitWritable(ctx context.Context) error {
	for {
		h := l.Health()
		if h.Writable {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ctx.Err(), h.Reason)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Head is the cursor behind a tenant's newest event: what comes after it is
// live.
func (l *Log) Head(tenant string) Cursor {
	t := l.shardOf(tenant).index.Tenant(tenant)
	return Cursor{t.Epoch, t.Head}
}

// Oldest is the cursor before a tenant's oldest event that is kept.
func (l *Log) Oldest(tenant string) Cursor {
	t := l.shardOf(tenant).index.Tenant(tenant)
	return Cursor{t.Epoch, t.Trim}
}

// Tenants lists the tenants that have events, by name within each shard.
func (l *Log) Tenants() []string {
	var names []string
	for _, s := range l.shards {
		names = append(names, s.index.Tenants()...)
	}
	return names
}

// KV is a bucket of control state.
type KV = engine.KV

// Entry is one key of a bucket as it stands.
type Entry = engine.Entry

// KV opens a bucket, which is made when it is not there.
func (l *Log) KV(ctx context.Context, bucket string) (*KV, error) { return l.engine.KV(ctx, bucket) }
