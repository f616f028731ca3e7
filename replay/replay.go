package replay

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrOptions is what an error wraps when the options make no sense. Nothing was
// read or sent.
var ErrOptions = errors.New("wrong options")

// Options say what is replayed, where to and how.
type Options struct {
	Format Format
	// Timing is the record of reads of a capture, see [ReadTiming]. Without it
	// times are those of the PBX alone.
	Timing []Read
	// URL is the server's, such as http://127.0.0.1:8090.
	URL   string
	Token string
	// Tenant goes into translated events; empty leaves it to the token.
	Tenant string
	// PBX names the PBX of a capture that does not name itself.
	PBX string
	// Speed is how many times faster than it happened; 0 is as fast as possible.
	Speed float64
	// Now moves all times so that the recording begins now.
	Now bool
	// Batch is the number of events in a request; default 256, at most 10,000.
	Batch int
	// Patience is how long a batch is repeated before giving up; default two
	// minutes.
	Patience time.Duration
	// Client sends the requests; nil makes one that keeps its connection.
	Client *http.Client
	// Print gets the events as NDJSON instead of a server when it is not nil.
	Print io.Writer
	// Outcomes counts the facts instead of sending them when it is not nil.
	Outcomes *Outcomes
	// Agents gives the interfaces of a queue_log's members by their names.
	Agents map[string]string
	// Size is the size of the recording in bytes, for the progress; 0 is not known.
	Size int64
	// Progress is called after every request and every wait; may be nil.
	Progress func(Progress)
}

// Progress says how far a replay is.
type Progress struct {
	Read  int64 // bytes of the recording taken
	Size  int64 // bytes of the recording, 0 when that is not known
	Sent  int   // events that the server took
	At    time.Time
	Retry string // why the last request is repeated; empty when it is not
}

// Summary is what a replay did.
type Summary struct {
	Types      map[string]int // events sent, by type
	Sent       int
	Accepted   int
	Duplicates int
	Conflicts  int
	Requests   int
	Retries    int
	Cursor     string // of the server, after the last event
	Durability string // what the server promises
	Bytes      int64  // of the recording
	Faults     int    // places of a capture that could not be read
	FirstFault error
	Open       int // interactions of a capture that were not ended
	Elapsed    time.Duration
}

// maxBatchBytes keeps a request below what servers take by default.
const maxBatchBytes = 4 << 20

// together is how far apart events may be due and still go in one request.
const together = 20 * time.Millisecond

// Run replays a recording. What was sent before an error stays sent; the
// summary says how much that is.
func Run(ctx context.Context, recording io.Reader, o Options) (Summary, error) {
	start := time.Now()
	sum := Summary{Types: make(map[string]int)}
	counted := &counter{r: recording}
	err := o.check()
	if err == nil {
		p := &player{o: o, sum: &sum, in: counted, start: start}
		err = p.play(ctx)
	}
	sum.Bytes, sum.Elapsed = counted.n, time.Since(start)
	return sum, err
}

func (o *Options) check() error {
	if o.Speed < 0 {
		return fmt.Errorf("%w: a speed of %v: it must be 0 or more", ErrOptions, o.Speed)
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.Batch < 1 || o.Batch > 10_000 {
		return fmt.Errorf("%w: %d events in a request: it must be from 1 to 10000", ErrOptions, o.Batch)
	}
	if readers()[o.Format] == nil {
		return fmt.Errorf("%w: unknown format %q, must be one of %s", ErrOptions, o.Format, strings.Join(Formats(), ", "))
	}
	if len(o.Timing) > 0 && o.Format != FormatAMI && o.Format != FormatESL {
		return fmt.Errorf("%w: a timing file goes with the formats ami and esl only", ErrOptions)
	}
	if o.Print != nil || o.Outcomes != nil {
		return nil
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%w: %q is no http or https URL", ErrOptions, o.URL)
	}
	return nil
}

// shift is how far times are moved for a recording that begins at start.
func (o *Options) shift(start time.Time) time.Duration {
	if !o.Now || start.IsZero() {
		return 0
	}
	return time.Since(start).Round(time.Millisecond)
}

// player holds a replay under way.
type player struct {
	o     Options
	sum   *Summary
	in    *counter
	send  *sender
	start time.Time // of the replay
	first time.Time // of the recording
	lines [][]byte
	types []string
	size  int
	at    time.Time
}

func (p *player) play(ctx context.Context) error {
	in, err := plain(p.in)
	if err != nil {
		return err
	}
	client := p.o.Client
	if client == nil {
		client = &http.Client{
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
			Timeout:   time.Minute,
		}
		defer client.CloseIdleConnections()
	}
	patience := p.o.Patience
	if patience <= 0 {
		patience = 2 * time.Minute
	}
	p.send = &sender{
		url: strings.TrimRight(p.o.URL, "/") + "/v1/events", token: p.o.Token, client: client, patient: patience,
		retried: func(_ time.Duration, why string) {
			p.sum.Retries++
			p.report(why)
		},
	}
	if err := readers()[p.o.Format](ctx, in, p.o, p.sum, func(it item) error { return p.take(ctx, it) }); err != nil {
		return err
	}
	return p.flush(ctx)
}

// take adds an event to the batch in hand, when its time has come.
func (p *player) take(ctx context.Context, it item) error {
	if p.o.Outcomes != nil {
		if it.fact != nil {
			p.o.Outcomes.Add(it.fact)
		}
		return ctx.Err()
	}
	if err := p.pace(ctx, it.at); err != nil {
		return err
	}
	if !it.at.IsZero() {
		p.at = it.at
	}
	if len(p.lines) > 0 && p.size+len(it.line) > maxBatchBytes {
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	p.lines = append(p.lines, it.line)
	p.types = append(p.types, it.typ)
	p.size += len(it.line) + 1
	if len(p.lines) >= p.o.Batch {
		return p.flush(ctx)
	}
	return nil
}

// pace waits until an event is due. What is in hand goes out before the wait.
func (p *player) pace(ctx context.Context, at time.Time) error {
	if p.o.Speed == 0 || at.IsZero() {
		return nil
	}
	if p.first.IsZero() {
		p.first = at
	}
	due := p.start.Add(time.Duration(float64(at.Sub(p.first)) / p.o.Speed))
	if wait := time.Until(due); wait > together {
		if err := p.flush(ctx); err != nil {
			return err
		}
		p.report("")
		return sleep(ctx, time.Until(due))
	}
	return nil
}

func (p *player) flush(ctx context.Context) error {
	if len(p.lines) == 0 {
		return nil
	}
	if p.o.Print != nil {
		for _, l := range p.lines {
			if _, err := fmt.Fprintf(p.o.Print, "%s\n", l); err != nil {
				return fmt.Errorf("printing events: %w", err)
			}
		}
	} else {
		a, err := p.send.send(ctx, p.lines)
		if err != nil {
			return fmt.Errorf("sending events %d to %d: %w", p.sum.Sent+1, p.sum.Sent+len(p.lines), err)
		}
		p.sum.Accepted += a.Accepted
		p.sum.Duplicates += a.Duplicates
		p.sum.Conflicts += a.Conflicts
		p.sum.Cursor, p.sum.Durability = a.Cursor, a.Durability
	}
	p.sum.Requests++
	p.sum.Sent += len(p.lines)
	for _, t := range p.types {
		p.sum.Types[t]++
	}
	clear(p.lines)
	p.lines, p.types, p.size = p.lines[:0], p.types[:0], 0
	p.report("")
	return nil
}

func (p *player) report(retry string) {
	if p.o.Progress != nil {
		p.o.Progress(Progress{Read: p.in.n, Size: p.o.Size, Sent: p.sum.Sent, At: p.at, Retry: retry})
	}
}

// counter counts the bytes read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// plain unpacks a recording that is compressed with gzip.
func plain(r io.Reader) (io.Reader, error) {
	br := bufio.NewReaderSize(r, 4<<10) // small: the progress is what was read
	head, err := br.Peek(2)
	if err != nil || head[0] != 0x1f || head[1] != 0x8b {
		return br, nil
	}
	z, err := gzip.NewReader(br)
	if err != nil {
		return nil, fmt.Errorf("unpacking the recording: %w", err)
	}
	return z, nil
}

// Plain unpacks r when it is compressed with gzip, for timing files.
func Plain(r io.Reader) (io.Reader, error) { return plain(r) }
