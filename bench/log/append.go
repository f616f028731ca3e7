package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"trunkline/event"
	"trunkline/eventlog"
)

// append compares appends with an fsync before each acknowledgement.
func (b *bench) append(ctx context.Context) error {
	sizes := batches(1, 20, 256)
	total, n := 0, 0
	for _, batch := range sizes {
		for i := range batch {
			total += len(batch[i].Raw)
			n++
		}
	}
	fmt.Printf("events of %d bytes on average, %v each\n\n", total/n, b.each)

	fileBatch, err := b.file(16, 256)
	if err != nil {
		return err
	}
	fileSingle, err := b.file(64, 1)
	if err != nil {
		return err
	}
	async, err := b.jetstream(ctx, false)
	if err != nil {
		return err
	}
	always, err := b.jetstream(ctx, true)
	if err != nil {
		return err
	}
	logBatch, err := b.log(ctx, 16, 256)
	if err != nil {
		return err
	}
	logSingle, err := b.log(ctx, 64, 1)
	if err != nil {
		return err
	}
	fmt.Println("| what | events/s | against the log |")
	fmt.Println("|---|---|---|")
	row := func(name string, v, ref float64) { fmt.Printf("| %s | %.0f | %.2fx |\n", name, v, ref/v) }
	row("**event log, fsync, batches of 256 from 16 callers**", logBatch, logBatch)
	row("append-only file, group-commit fdatasync, batches of 256 from 16 callers", fileBatch, logBatch)
	row("JetStream PublishAsync, one event a message, no fsync", async, logBatch)
	row("JetStream SyncAlways, one event a message", always, logBatch)
	row("**event log, fsync, single events from 64 callers**", logSingle, logSingle)
	row("append-only file, group-commit fdatasync, single events from 64 callers", fileSingle, logSingle)
	return nil
}

// load runs callers that hand prepared batches to fn until the time is over,
// and gives events a second.
func (b *bench) load(callers, size int, fn func([]event.Event) error) (float64, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	prepared := make([][][]event.Event, callers)
	for i := range prepared {
		prepared[i] = batches(uint64(i)+100, max(1, 2048/size/callers), size)
	}
	var wg sync.WaitGroup
	began := time.Now()
	for i := range callers {
		wg.Go(func() {
			mine := prepared[i]
			for k := uint64(0); time.Since(began) < b.each; k++ {
				batch := mine[k%uint64(len(mine))]
				renew(batch, k)
				if err := fn(batch); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				done.Add(int64(size))
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return rate(int(done.Load()), time.Since(began)), nil
}

func (b *bench) log(ctx context.Context, callers, size int) (float64, error) {
	l, err := b.openLog(ctx, "log")
	if err != nil {
		return 0, err
	}
	defer l.Close(ctx)
	return b.load(callers, size, func(batch []event.Event) error {
		res, err := l.Append(ctx, "acmecorp01", batch)
		if err == nil && res.Accepted != len(batch) {
			err = fmt.Errorf("%d of %d accepted", res.Accepted, len(batch))
		}
		return err
	})
}

func (b *bench) openLog(ctx context.Context, name string) (*eventlog.Log, error) {
	dir, err := b.fresh(name)
	if err != nil {
		return nil, err
	}
	return reopen(ctx, dir)
}

func reopen(ctx context.Context, dir string) (*eventlog.Log, error) {
	l, err := eventlog.Open(ctx, eventlog.Config{Dir: dir, RetainBytes: 64 << 30})
	if err != nil {
		return nil, err
	}
	return l, l.WaitWritable(ctx)
}

// file is the physical limit: an append-only file with one fdatasync for all
// who wait, uncompressed, without identities, numbers or checksums.
func (b *bench) file(callers, size int) (float64, error) {
	dir, err := b.fresh("file")
	if err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	g := &groupCommit{f: f}
	g.cond.L = &g.mu
	return b.load(callers, size, func(batch []event.Event) error { return g.append(batch) })
}

// groupCommit lets one of those who wait sync for all.
type groupCommit struct {
	mu              sync.Mutex
	cond            sync.Cond
	f               *os.File
	buf, spare      []byte
	written, synced uint64
	syncing         bool
}

func (g *groupCommit) append(batch []event.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range batch {
		g.buf = append(g.buf, batch[i].Raw...)
	}
	g.written++
	mine := g.written
	for g.synced < mine {
		if g.syncing {
			g.cond.Wait()
			continue
		}
		g.syncing = true
		out, upto := g.buf, g.written
		g.buf = g.spare[:0]
		g.mu.Unlock()
		_, err := g.f.Write(out)
		if err == nil {
			err = fdatasync(g.f)
		}
		g.mu.Lock()
		g.spare, g.syncing, g.synced = out, false, upto
		g.cond.Broadcast()
		if err != nil {
			return err
		}
	}
	return nil
}

// jetstream is the peer: the same server, used plainly, one event a message.
func (b *bench) jetstream(ctx context.Context, always bool) (float64, error) {
	dir, err := b.fresh("jetstream")
	if err != nil {
		return 0, err
	}
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir, SyncAlways: always})
	if err != nil {
		return 0, err
	}
	srv.Start()
	defer func() { srv.Shutdown(); srv.WaitForShutdown() }()
	if !srv.ReadyForConnections(10 * time.Second) {
		return 0, fmt.Errorf("nats-server is not ready")
	}
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return 0, err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "B", Subjects: []string{"b"}, Storage: jetstream.FileStorage}); err != nil {
		return 0, err
	}
	events := batches(1, 8, 256)
	began := time.Now()
	n := 0
	for ; time.Since(began) < b.each; n++ {
		if _, err := js.PublishAsync("b", events[n/256%8][n%256].Raw, jetstream.WithStallWait(10*time.Second)); err != nil {
			return 0, err
		}
	}
	<-js.PublishAsyncComplete()
	return rate(n, time.Since(began)), nil
}
