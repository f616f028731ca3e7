package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"trunkline/config"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/server"
	"trunkline/sim"
)

// Options say what the demo shows.
type Options struct {
	Addr     string        // where the server listens
	Agents   int           // in the simulated centre; 0 simulates nothing
	Seed     uint64        // of the simulation
	Speed    float64       // how many times faster than the clock; 0 is as fast as the log takes it
	Data     string        // directory of the log and the credentials; empty is a temporary one
	Duration time.Duration // ends by itself that long after it is ready; 0 never
	JSON     bool          // prints one line of JSON and nothing else
	Out      io.Writer     // where to print
}

// ErrOptions is what every error of options that make no sense wraps.
var ErrOptions = errors.New("demo")

// ParseSpeed reads a speed: a number of times the clock's, or "max".
func ParseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0.001 && x <= 100_000) {
		return 0, fmt.Errorf(`%w: the speed is a number from 0.001 to 100000 or "max", not %q`, ErrOptions, text)
	}
	return x, nil
}

func (o Options) check() error {
	if o.Agents != 0 && (o.Agents < 5 || o.Agents > sim.MaxAgents) {
		return fmt.Errorf("%w: there are 5 to %d agents, or 0 for no simulation, not %d", ErrOptions, sim.MaxAgents, o.Agents)
	}
	if o.Duration < 0 {
		return fmt.Errorf("%w: the duration %v is negative", ErrOptions, o.Duration)
	}
	return nil
}

// siteClock is what the clock of the simulated site says at the start: everybody is at work.
const siteClock = 13*time.Hour + 45*time.Minute

// stopTime is what requests in flight get at the end, so that all is over within five seconds.
const stopTime = 3 * time.Second

// Run runs the demo until ctx ends or the duration is over.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	dir := o.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "trunkline-demo-"); err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	cred, run, err := openCredentials(dir)
	if err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Listen.Addr, cfg.Listen.ShutdownTimeout = o.Addr, config.Duration(stopTime)
	cfg.Log.Dir = filepath.Join(dir, "log")
	cfg.Tenants = []config.Tenant{{ID: tenant, Name: tenantName, TimeZone: "UTC", Account: account, GUID: cred.Organization}}
	cfg.Tokens = cred.static()
	centre, err := o.centre(run)
	if err != nil {
		return err
	}
	staff := staffOf(centre)
	if cfg.Tenants[0].Directory, err = staff.declare(dir, cred); err != nil {
		return err
	}
	staff.watch(&cfg)
	cfg.Clients = cred.clients()
	cfg.Floor.Intervals = []string{tenant}
	openExports(dir, &cfg)
	certs, err := openPush(dir, &cfg)
	if err != nil {
		return err
	}

	// The server lives a little longer than ctx: the simulation says its last word first.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	giveUpStart := context.AfterFunc(ctx, stop)
	var working sync.WaitGroup
	var workErr error
	err = server.Run(life, cfg, func(s *server.Server) {
		giveUpStart()
		working.Go(func() {
			defer stop()
			if workErr = s.Log().WaitWritable(ctx); workErr == nil {
				to := pushed{Receiver: s.ReceiverURL(), CA: certs.CA, Cert: certs.ClientCert, Key: certs.ClientKey}
				workErr = o.announce(s.URL(), cred, staff, to, dir)
			}
			if workErr == nil {
				workErr = o.work(ctx, life, s, centre)
			}
			if ctx.Err() != nil && errors.Is(workErr, ctx.Err()) {
				workErr = nil // told to stop before it began
			}
		})
	})
	stop()
	working.Wait()
	return errors.Join(workErr, err)
}

// centre makes the simulated centre, nil when nothing is simulated.
func (o Options) centre(run uint32) (*sim.Sim, error) {
	if o.Agents == 0 {
		return nil, nil
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	return sim.New(sim.Config{
		Tenant: tenant, Seed: o.Seed, Run: run, Agents: o.Agents, Start: now, Offset: sim.OffsetFor(now, siteClock),
		Load: 1.1, Busy: true, Transcribed: 1,
	})
}

// work lets the simulation run until ctx ends; life is the server's.
func (o Options) work(ctx, life context.Context, s *server.Server, centre *sim.Sim) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	if o.Duration > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, o.Duration)
		defer end()
	}
	if centre == nil {
		<-ctx.Done()
		return nil
	}
	sink := func(ctx context.Context, events []event.Event) error { return insist(ctx, s.Append, events) }
	r := sim.Runner{Sim: centre, Sink: sink, Speed: o.Speed}
	if err := r.Run(ctx); err != nil {
		return err
	}
	last := centre.Halt("the demo ends")
	e, err := event.Encode(last.Meta, last.Fact)
	if err != nil {
		return fmt.Errorf("encode the last fact: %w", err)
	}
	bye, cancel := context.WithTimeout(life, time.Second)
	defer cancel()
	if _, err := s.Append(bye, tenant, []event.Event{e}); err != nil && life.Err() == nil {
		return fmt.Errorf("append the last fact: %w", err)
	}
	return nil
}

// insist appends until the log has the events, under the same ids, however long it cannot take them.
func insist(ctx context.Context, do func(context.Context, string, []event.Event) (eventlog.Result, error), events []event.Event) error {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		_, err := do(ctx, tenant, events)
		var unavailable *eventlog.UnavailableError
		var quota *eventlog.QuotaError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &unavailable), errors.As(err, &quota), errors.Is(err, eventlog.ErrUnknown), errors.Is(err, eventlog.ErrBusy):
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
