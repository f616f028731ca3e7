package asterisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/event"
	"trunkline/source"
)

// QueueLogOptions configure a [QueueLog]. Durations that are zero take their
// defaults.
type QueueLogOptions struct {
	// Name names the PBX in the source and in all ids; required.
	Name   string
	Tenant string
	// File is the queue_log, mostly /var/log/asterisk/queue_log.
	File string
	// StateFile keeps how far the file was read and what was open then; required.
	StateFile string
	// FromStart reads the whole file when there is no state yet. Otherwise reading
	// begins at its end.
	FromStart bool
	// Agents, AgentID and Linger are as in [QueueLogTranslatorOptions].
	Agents  map[string]string
	AgentID func(iface string) string
	Linger  time.Duration
	// Log takes the facts.
	Log source.Appender
	// Poll is how often the file is looked at; default 1 s.
	Poll time.Duration
	// Promise is as in [ClientOptions]: a file that has nothing new is no silence as
	// long as it can be read.
	Promise time.Duration
	// Grace is how long facts may take to the log after a stop; default 5 s. What
	// the log has not taken by then is read again at the next start.
	Grace time.Duration
	// Now is the clock; nil is the system's. Logger may be nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// QueueLog follows a queue_log for a PBX whose manager interface cannot be had.
// What it has handed to the log it remembers in its state file, so that after a
// stop of any kind it goes on where it was: lines read twice make the same facts
// with the same ids. See [NewQueueLog].
type QueueLog struct {
	o  QueueLogOptions
	tr *QueueLogTranslator
	up *source.Outbox

	file   *os.File
	at     position
	part   []byte // of a line that is not finished
	over   bool   // the line in part is too long and is left out
	said   time.Time
	mu     sync.Mutex // guards health
	health source.Health
}

// follower is the content of the state file.
type follower struct {
	Version    int             `json:"version"`
	Position   position        `json:"position"`
	Translator json.RawMessage `json:"translator"`
}

// NewQueueLog returns a follower; [QueueLog.Run] works it.
func NewQueueLog(o QueueLogOptions) *QueueLog {
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Promise == 0 {
		o.Promise = 2 * time.Minute
	}
	if o.Grace <= 0 {
		o.Grace = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("source", "asterisk/"+o.Name)
	q := &QueueLog{o: o}
	q.health = source.Health{Name: o.Name, Address: o.File, State: source.StateConnecting, Since: o.Now()}
	q.up = source.NewOutbox(o.Log, o.Tenant, 0, o.Logger)
	q.tr = NewQueueLogTranslator(QueueLogTranslatorOptions{
		Tenant: o.Tenant, PBX: o.Name, Agents: o.Agents, AgentID: o.AgentID, Linger: o.Linger, Emit: q.put,
		promise: max(o.Promise, 0),
	})
	return q
}

func (q *QueueLog) put(m event.Meta, f event.Fact) {
	q.said = q.o.Now()
	q.up.Put(m, f)
}

// Health returns how the follower is.
func (q *QueueLog) Health() source.Health {
	q.mu.Lock()
	h := q.health
	q.mu.Unlock()
	h.Waiting, h.Refused, h.Dropped = q.up.State()
	h.LeftOut = q.tr.left.Counts()
	if h.State != source.StateDown && h.Refused != "" {
		h.State, h.Reason = source.StateHeld, h.Refused
	}
	return h
}

func (q *QueueLog) set(s source.State, reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.health.State != s || q.health.Reason != reason {
		q.health.State, q.health.Reason, q.health.Since = s, reason, q.o.Now()
	}
	q.health.Open, q.health.Heard = q.tr.Open(), q.tr.Last()
}

// Check tells what is wrong with the options, in an error that wraps [ErrOptions].
// [QueueLog.Run] begins with it.
func (q *QueueLog) Check() error {
	if q.o.Name == "" || q.o.File == "" || q.o.StateFile == "" || q.o.Log == nil {
		return fmt.Errorf("%w: name, file, state file and log must be there", ErrOptions)
	}
	return nil
}

// Run follows the file until ctx ends; then it says source.down, gives the log a
// last chance, and returns nil. It returns an error when the options make no sense
// or the state cannot be read or written; a new follower may go on then.
func (q *QueueLog) Run(ctx context.Context) error {
	if err := q.Check(); err != nil {
		return err
	}
	if err := q.restore(); err != nil {
		return err
	}
	defer func() {
		if q.file != nil {
			q.file.Close()
		}
	}()
	tick := time.NewTicker(q.o.Poll)
	defer tick.Stop()
	for {
		if err := q.poll(ctx); err != nil {
			if ctx.Err() != nil {
				return q.stop(ctx)
			}
			q.set(source.StateDown, err.Error())
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return q.stop(ctx)
		}
	}
}

// stop says that nothing is read any more. It is no error when the log does not
// take that: the state file has not moved on then.
func (q *QueueLog) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.o.Grace)
	defer cancel()
	q.set(source.StateDown, "stopped")
	q.tr.Down(q.o.Now(), "stopped")
	if err := q.deliverAny(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// restore goes on where the state file says.
func (q *QueueLog) restore() error {
	data, err := os.ReadFile(q.o.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		if q.o.FromStart {
			return nil
		}
		if f, err := os.Open(q.o.File); err == nil {
			defer f.Close()
			q.at, _ = endOf(f)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue_log state: %w", err)
	}
	var s follower
	if err := json.Unmarshal(data, &s); err != nil || s.Version != 1 {
		return fmt.Errorf("queue_log state in %s cannot be read (version %d): %w", q.o.StateFile, s.Version, errors.Join(err))
	}
	q.at = s.Position
	return q.tr.Restore(s.Translator)
}

// save stores the state; what it covers is in the log.
func (q *QueueLog) save() error {
	tr, err := q.tr.State()
	if err != nil {
		return err
	}
	data, err := json.Marshal(follower{1, q.at, tr})
	if err != nil {
		return fmt.Errorf("queue_log state: %w", err)
	}
	next := q.o.StateFile + ".next"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return fmt.Errorf("queue_log state: %w", err)
	}
	if err := os.Rename(next, q.o.StateFile); err != nil {
		return fmt.Errorf("queue_log state: %w", err)
	}
	return nil
}

// deliver hands what was translated to the log and remembers it. It comes back
// when the log has it: until then nothing more is read.
func (q *QueueLog) deliver(ctx context.Context) error {
	if err := q.up.Drain(ctx); err != nil {
		return err
	}
	return q.save()
}

// poll takes what was written since the last time.
func (q *QueueLog) poll(ctx context.Context) error {
	now := q.o.Now()
	switch err := q.open(ctx, now); {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		q.set(source.StateDown, err.Error())
		q.tr.Down(now, err.Error())
	case err != nil:
		return err
	default:
		if err := q.read(ctx); err != nil {
			return err
		}
		q.set(source.StateUp, "")
		if q.o.Promise > 0 && now.Sub(q.said) >= q.o.Promise/2 {
			q.tr.alive(now, q.o.File)
		}
	}
	q.tr.Advance(now)
	return q.deliverAny(ctx)
}

// deliverAny delivers when there is something to.
func (q *QueueLog) deliverAny(ctx context.Context) error {
	if waiting, _, _ := q.up.State(); waiting == 0 {
		return nil
	}
	return q.deliver(ctx)
}

// open sees to it that the file in hand is the one to read: after a rename the
// old one is read to its end first.
func (q *QueueLog) open(ctx context.Context, now time.Time) error {
	if q.file == nil {
		return q.find(ctx, now)
	}
	there, err := os.Stat(q.o.File)
	if err != nil {
		return err
	}
	have, err := q.file.Stat()
	if err != nil {
		return fmt.Errorf("queue_log: %w", err)
	}
	if !os.SameFile(there, have) {
		if err := q.finish(ctx); err != nil {
			return err
		}
		return q.begin(q.o.File, position{})
	}
	if have.Size() < q.at.Offset || !q.at.matches(q.file) {
		q.o.Logger.Warn("the queue_log was cut short or written anew; lines may be missing")
		q.tr.Gap(now, "lines of a queue_log that was cut short")
		q.part, q.over, q.at = nil, false, position{}
	}
	return nil
}

// find opens the file that the position is in: the present one, or one that was
// renamed while nobody looked, and then those after it.
func (q *QueueLog) find(ctx context.Context, now time.Time) error {
	if q.at.Len == 0 {
		return q.begin(q.o.File, q.at)
	}
	if ok, err := q.holds(q.o.File); err != nil || ok {
		if err != nil {
			return err
		}
		return q.begin(q.o.File, q.at)
	}
	older := q.rotated()
	i := slices.IndexFunc(older, func(name string) bool { ok, _ := q.holds(name); return ok })
	if i < 0 {
		q.o.Logger.Warn("the queue_log is another one than before; lines may be missing")
		q.tr.Gap(now, "lines of a queue_log that is gone")
		return q.begin(q.o.File, position{})
	}
	for k, name := range older[i:] {
		from := position{}
		if k == 0 {
			from = q.at
		}
		if err := q.begin(name, from); err != nil {
			return err
		}
		if err := q.finish(ctx); err != nil {
			return err
		}
	}
	return q.begin(q.o.File, position{})
}

// holds tells whether a file is the one that was read last.
func (q *QueueLog) holds(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	return info.Size() >= q.at.Offset && q.at.matches(f), nil
}

// rotated lists the files next to the queue_log that have its name and more, the
// oldest first.
func (q *QueueLog) rotated() []string {
	dir, base := filepath.Split(q.o.File)
	entries, _ := os.ReadDir(filepath.Clean(dir + "."))
	type old struct {
		name string
		at   time.Time
	}
	var list []old
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && strings.HasPrefix(e.Name(), base) && e.Name() != base {
			list = append(list, old{filepath.Join(dir, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b old) int { return a.at.Compare(b.at) })
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

func (q *QueueLog) begin(name string, at position) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	if q.file != nil {
		q.file.Close()
	}
	q.file, q.at, q.part, q.over = f, at, nil, false
	q.tr.now = q.o.Now()
	q.tr.Up(q.o.File)
	return nil
}

// finish reads a file that is not written to any more.
func (q *QueueLog) finish(ctx context.Context) error {
	if err := q.read(ctx); err != nil {
		return err
	}
	if len(q.part) > 0 { // the last line has no end
		q.line(q.part)
		q.part = nil
	}
	return q.deliver(ctx)
}
