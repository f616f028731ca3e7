// Package engine is the event log's view of NATS JetStream: one stream a shard,
// key-value buckets for control state and object buckets for snapshots.
//
// An [Engine] is either embedded (a nats-server inside this process without a
// listener, its store in a directory, fsync after every write) or a connection
// to somebody's cluster. Everything above it is the same for both.
//
// Invariants:
//
//   - Publish always waits for the server's answer and sorts what it hears into
//     three kinds: stored, surely not stored ([ErrRefused], [ErrWrongSequence])
//     and not known ([ErrNoAnswer]). Only the last needs looking.
//   - An embedded engine that met a failed write is not trusted any more: it has
//     to be restarted, and Restart syncs all that it wrote and drops what the
//     page cache pretends to hold, so that what is read afterwards is what the
//     disk has.
//   - There is no consumer per client: readers fetch ranges by sequence.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors that callers test for.
var (
	// ErrDown says that there is no connection to JetStream at the moment.
	ErrDown = errors.New("log engine is down")
	// ErrNoAnswer says that a publish was sent and no answer came: the message
	// may be stored or not.
	ErrNoAnswer = errors.New("log engine gave no answer")
	// ErrWrongSequence says that the stream's last sequence is not the expected
	// one: nothing was stored, and somebody else has written.
	ErrWrongSequence = errors.New("stream has another last sequence than expected")
	// ErrRefused says that the server refused the message: nothing was stored.
	ErrRefused = errors.New("log engine refused the message")
)

// Options say which engine to use.
type Options struct {
	// Dir is the store of the embedded engine, Ledger the file beside it that
	// has the checksums of the control state; "" keeps none.
	Dir, Ledger string
	// URL, when set, names an existing cluster instead (nats://…), Creds its
	// credentials file. SystemURL and SystemCreds reach the same cluster's
	// system account, which alone can say whether it syncs before it answers.
	URL, Creds             string
	SystemURL, SystemCreds string
	// Replicas of every stream and bucket, 1 when embedded.
	Replicas int
	// MaxPayload is the embedded engine's largest message, in bytes.
	MaxPayload int
	// Timeout bounds the wait for an answer to one publish.
	Timeout time.Duration
	// NoSync switches the fsync of the embedded engine off. For measurements
	// only: what is acknowledged may then be lost with the power.
	NoSync bool
	Logger *slog.Logger
}

// Engine is a running connection to JetStream.
type Engine struct {
	opt Options

	mu  sync.RWMutex // guards cur; held for writing while the engine restarts
	cur *session

	durability string
	ledger     *ledger // nil: none is kept

	scanMu  sync.Mutex // guards damaged
	damaged []string   // files of the store found damaged

	stop  context.CancelFunc
	tasks sync.WaitGroup
}

// session is what a restart replaces.
type session struct {
	srv  *server.Server // nil on a cluster
	nc   *nats.Conn
	js   jetstream.JetStream
	gone context.Context // ends when the connection is closed for good
	end  context.CancelFunc
}

// Start starts the embedded engine or connects to the cluster.
func Start(ctx context.Context, opt Options) (*Engine, error) {
	if opt.Replicas == 0 {
		opt.Replicas = 1
	}
	if opt.MaxPayload == 0 {
		opt.MaxPayload = 8 << 20
	}
	if opt.Timeout == 0 {
		opt.Timeout = 5 * time.Second
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{opt: opt}
	var left []block
	if e.Embedded() {
		// A process before this one may have met a failure and ended.
		err := settle(opt.Dir, false)
		if err != nil {
			return nil, err
		}
		if left, err = scanStore(opt.Dir, time.Now().Add(scanPatience)); err != nil {
			return nil, err
		}
	}
	s, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	e.cur = s
	e.durability = e.askDurability(ctx, s)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = cancel
	e.tasks.Go(func() { e.scanRest(run, left) })
	if e.Embedded() && opt.Ledger != "" {
		e.ledger = openLedger(ctx, e, opt.Ledger)
		for _, b := range e.ledger.breaks {
			opt.Logger.Error("the control state is damaged", "break", b)
		}
		e.tasks.Go(func() { e.ledger.keep(run, e) })
	}
	return e, nil
}

// Embedded says whether the engine runs inside this process.
func (e *Engine) Embedded() bool { return e.opt.URL == "" }

// Durability says in one word what an acknowledgement means: "fsync" when it
// follows the sync of the disk, "nosync" when the operator switched that off,
// "unverified" when the cluster did not say.
func (e *Engine) Durability() string { return e.durability }

// MaxMessage is the largest message that can be published, in bytes.
func (e *Engine) MaxMessage() int {
	if s, err := e.session(); err == nil {
		return int(s.nc.MaxPayload())
	}
	return e.opt.MaxPayload
}

// Conn gives the NATS connection, for requests between nodes.
func (e *Engine) Conn() (*nats.Conn, error) {
	s, err := e.session()
	if err != nil {
		return nil, err
	}
	return s.nc, nil
}

func (e *Engine) session() (*session, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.cur == nil {
		return nil, ErrDown
	}
	return e.cur, nil
}

// Restart stops the embedded engine and starts it again on the same store. A
// cluster is left alone. While it runs, readers wait. A disk that does not take
// all that the engine has written is refused, if possible before the old engine
// is gone: it goes on serving readers.
func (e *Engine) Restart(ctx context.Context) error {
	if !e.Embedded() {
		return nil
	}
	if err := settle(e.opt.Dir, true); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur != nil {
		e.cur.close()
		e.cur = nil
	}
	if err := settle(e.opt.Dir, false); err != nil { // what it wrote at its end
		return err
	}
	s, err := e.connect(ctx)
	if err != nil {
		return err
	}
	e.cur = s
	if e.ledger != nil {
		go e.ledger.doubtAll() // it may be held by a change that waits for the engine
	}
	return nil
}

// Close ends the engine. It is not started again.
func (e *Engine) Close() {
	e.stop()
	e.tasks.Wait()
	if e.ledger != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if err := e.ledger.flush(ctx, e); err != nil && !errors.Is(err, ErrDown) {
			e.opt.Logger.Warn("the checksums of the control state were not written", "err", err)
		}
		cancel()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur != nil {
		e.cur.close()
		e.cur = nil
	}
}

func (e *Engine) connect(ctx context.Context) (*session, error) {
	if e.Embedded() {
		return e.embed(ctx)
	}
	opts := []nats.Option{
		nats.Name("trunkline"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(5 * time.Second),
	}
	if e.opt.Creds != "" {
		opts = append(opts, nats.UserCredentials(e.opt.Creds))
	}
	nc, err := nats.Connect(e.opt.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the log's NATS cluster: %w", err)
	}
	return newSession(nil, nc)
}

func (e *Engine) embed(ctx context.Context) (*session, error) {
	if err := os.MkdirAll(e.opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log's directory: %w", err)
	}
	srv, err := server.NewServer(&server.Options{
		ServerName:         "trunkline",
		DontListen:         true,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           e.opt.Dir,
		SyncAlways:         !e.opt.NoSync,
		MaxPayload:         int32(e.opt.MaxPayload),
		JetStreamMaxMemory: 1 << 30,
		JetStreamMaxStore:  1 << 62, // the reserve on the disk is ours to keep
		NoSystemAccount:    true,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the embedded log engine: %w", err)
	}
	srv.SetLoggerV2(natsLogger{e.opt.Logger}, false, false, false)
	srv.Start()
	for !srv.ReadyForConnections(100 * time.Millisecond) {
		if err := ctx.Err(); err != nil {
			srv.Shutdown()
			return nil, fmt.Errorf("start the embedded log engine: %w", err)
		}
		if !srv.Running() {
			return nil, fmt.Errorf("start the embedded log engine in %s: it stopped again; its messages are in the log", e.opt.Dir)
		}
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.NoReconnect(), nats.Name("trunkline"))
	if err != nil {
		srv.Shutdown()
		return nil, fmt.Errorf("connect to the embedded log engine: %w", err)
	}
	return newSession(srv, nc)
}

func newSession(srv *server.Server, nc *nats.Conn) (*session, error) {
	s := &session{srv: srv, nc: nc}
	s.gone, s.end = context.WithCancel(context.Background())
	nc.SetClosedHandler(func(*nats.Conn) { s.end() })
	js, err := jetstream.New(nc)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	s.js = js
	return s, nil
}

func (s *session) close() {
	s.nc.Close()
	s.end()
	if s.srv != nil {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
	}
}

// natsLogger passes the embedded server's words on to slog. Its notices are
// our debug messages.
type natsLogger struct{ l *slog.Logger }

func (n natsLogger) Noticef(f string, a ...any) { n.l.Debug("engine: " + fmt.Sprintf(f, a...)) }
func (n natsLogger) Warnf(f string, a ...any)   { n.l.Warn("engine: " + fmt.Sprintf(f, a...)) }
func (n natsLogger) Fatalf(f string, a ...any)  { n.l.Error("engine: " + fmt.Sprintf(f, a...)) }
func (n natsLogger) Errorf(f string, a ...any)  { n.l.Error("engine: " + fmt.Sprintf(f, a...)) }
func (n natsLogger) Debugf(string, ...any)      {}
func (n natsLogger) Tracef(string, ...any)      {}
