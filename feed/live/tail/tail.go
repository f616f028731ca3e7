// Package tail is a client of the live feed that comes back when it is cut: it listens
// over a WebSocket, writes one event a line, and can check that none is missing.
//
// [Run] goes on behind the last event that it wrote, or behind the place that the
// server named in the handshake when there was none yet, so that a cut loses nothing.
// It ends when it has seen enough ([Options.Count], Duration, Idle), when its context
// ends, or when the server says that coming back is of no use.
package tail

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"

	"trunkline/feed/live"
	"trunkline/problem"
	"trunkline/ws"
)

// Options say what to listen to and when it is enough.
type Options struct {
	URL   string // of the server, such as http://127.0.0.1:8090
	Token string
	HTTP  *http.Client // nil: http.DefaultClient

	After    string // a cursor, "oldest", or "" for what comes from now on
	Types    string // as the feed takes them
	Subject  string
	Filter   string // an expression in CEL
	Consumer string // a name under which the server keeps the place
	Explicit bool   // acknowledge what was written, instead of by pong

	Out       io.Writer // one event a line; nil: nothing is written
	Cursors   bool      // write {"cursor":…,"event":…} instead of the event alone
	Check     bool      // look for gaps, repeats and disorder
	Count     uint64    // end after so many events; 0: no such end
	Duration  time.Duration
	Idle      time.Duration // end when connected and nothing came for so long
	Patience  time.Duration // give up coming back after so long; 0: never
	Reconnect func(err error, pause time.Duration)
}

// maxMessage is the longest message that is taken: the server's largest event and
// what belongs to it.
const maxMessage = 16 << 20

// Pauses between attempts to come back, doubled each time and varied by half.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// ackInterval is how often what was written is acknowledged.
const ackInterval = 500 * time.Millisecond

// RefusedError says that the server will not serve this request, now or later.
type RefusedError struct {
	Status int          // of the answer to the handshake, 0 when it was closed later
	Code   ws.CloseCode // of the close frame, 0 when the handshake was refused
	Reason string
}

func (e *RefusedError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("the server answers %d: %s", e.Status, e.Reason)
	}
	return fmt.Sprintf("the server closed the connection with %s: %s", e.Code, e.Reason)
}

// errEnough ends a connection of which no more is wanted.
var errEnough = errors.New("enough")

type client struct {
	o       Options
	out     *bufio.Writer
	res     Result
	cursor  string
	started time.Time // of the current attempt to connect
	pause   time.Duration
}

// Run listens until it is enough. The result is valid with an error too.
func Run(ctx context.Context, o Options) (Result, error) {
	c := &client{o: o, cursor: o.After, res: Result{filtered: o.Types != "" || o.Subject != "" || o.Filter != ""}}
	if o.Out == nil {
		o.Out = io.Discard
	}
	c.out = bufio.NewWriterSize(o.Out, 64<<10)
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	err := c.loop(ctx)
	if flushed := c.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write the events: %w", flushed)
	}
	c.res.Cursor = c.cursor
	return c.res, err
}

// loop connects again and again.
func (c *client) loop(ctx context.Context) error {
	c.started = time.Now()
	for {
		err := c.listen(ctx)
		var refused *RefusedError
		var failed *writeError
		switch {
		case errors.Is(err, errEnough), ctx.Err() != nil:
			return nil
		case errors.As(err, &refused), errors.As(err, &failed):
			return err
		case c.o.Patience > 0 && time.Since(c.started) > c.o.Patience:
			return fmt.Errorf("no connection for %v: %w", c.o.Patience, err)
		}
		c.pause = min(max(c.pause*2, firstPause), lastPause)
		pause := c.pause/2 + rand.N(c.pause)
		c.res.Reconnects++
		if c.o.Reconnect != nil {
			c.o.Reconnect(err, pause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// query is the address of the feed behind the last cursor.
func (c *client) query() string {
	q := url.Values{}
	for name, value := range map[string]string{"types": c.o.Types, "subject": c.o.Subject, "filter": c.o.Filter, "consumer": c.o.Consumer, "after": c.cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.o.Explicit {
		q.Set("ack", "explicit")
	}
	return strings.TrimSuffix(c.o.URL, "/") + "/v1/live?" + q.Encode()
}

// listen serves one connection.
func (c *client) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	header := http.Header{}
	if c.o.Token != "" {
		header.Set("Authorization", "Bearer "+c.o.Token)
	}
	conn, resp, err := websocket.Dial(ctx, c.query(), &websocket.DialOptions{HTTPClient: c.o.HTTP, HTTPHeader: header})
	if err != nil {
		return dialError(resp, err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxMessage)
	if c.cursor == "" || c.cursor == "oldest" {
		c.cursor = resp.Header.Get(live.CursorHeader)
	}
	messages := make(chan []byte, 256)
	ended := make(chan error, 1)
	go func() {
		defer close(messages)
		for {
			_, p, err := conn.Read(ctx)
			if err != nil {
				ended <- err
				return
			}
			select {
			case messages <- p:
			case <-ctx.Done():
				ended <- ctx.Err()
				return
			}
		}
	}()
	err = c.take(ctx, conn, messages)
	if errors.Is(err, errEnough) {
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
	if err == nil {
		err = closeError(<-ended)
	}
	c.started = time.Now()
	return err
}

// take handles messages until there are no more (nil), or it is enough.
func (c *client) take(ctx context.Context, conn *websocket.Conn, messages <-chan []byte) error {
	var idle <-chan time.Time
	var timer *time.Timer
	if c.o.Idle > 0 {
		timer = time.NewTimer(c.o.Idle)
		defer timer.Stop()
		idle = timer.C
	}
	var ack <-chan time.Time
	if c.o.Explicit {
		tick := time.NewTicker(ackInterval)
		defer tick.Stop()
		ack = tick.C
	}
	acked := c.cursor
	acknowledge := func() error {
		if !c.o.Explicit || c.cursor == acked {
			return nil
		}
		if err := c.out.Flush(); err != nil {
			return &writeError{err}
		}
		acked = c.cursor
		return conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"ack":%q}`, acked))
	}
	for {
		var p []byte
		var more bool
		select {
		case p, more = <-messages:
		default:
			// Nothing is waiting: what was written so far should be seen.
			if err := c.out.Flush(); err != nil {
				return &writeError{err}
			}
			select {
			case p, more = <-messages:
			case <-ack:
				if err := acknowledge(); err != nil {
					return err
				}
				continue
			case <-idle:
				return errors.Join(errEnough, acknowledge())
			case <-ctx.Done():
				return errEnough
			}
		}
		if !more {
			return nil
		}
		if err := c.event(p); err != nil {
			return err
		}
		c.pause = 0
		if c.o.Count > 0 && c.res.Events >= c.o.Count {
			return errors.Join(errEnough, acknowledge())
		}
		if timer != nil {
			timer.Reset(c.o.Idle)
		}
	}
}

// writeError says that the output failed: no reason to come back.
type writeError struct{ err error }

func (e *writeError) Error() string { return "write the events: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// event handles one message.
func (c *client) event(p []byte) error {
	got := gjson.GetManyBytes(p, "cursor", "event", "event.sequence")
	if !got[0].Exists() || !got[1].IsObject() || !got[2].Exists() {
		return fmt.Errorf("the server sent something that is no event: %.80q", p)
	}
	if c.o.Check {
		c.res.check(got[2].Uint())
	}
	c.res.Events++
	c.cursor = got[0].Str
	line := p
	if !c.o.Cursors {
		line = []byte(got[1].Raw)
	}
	_, err := c.out.Write(line)
	if err == nil {
		err = c.out.WriteByte('\n')
	}
	if err != nil {
		return &writeError{err}
	}
	return nil
}

// dialError tells refusals for good from those that pass.
func dialError(resp *http.Response, err error) error {
	if resp == nil || resp.StatusCode < 400 || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout {
		return err
	}
	reason := http.StatusText(resp.StatusCode)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), problem.ContentType) {
		var doc struct{ Title, Detail string }
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if json.Unmarshal(body, &doc) == nil && doc.Title != "" {
			reason = strings.TrimSuffix(doc.Title+": "+doc.Detail, ": ")
		} else if title := gjson.GetBytes(body, "title").Str; title != "" { // the library keeps only the beginning of a body
			reason = title
		}
	}
	return &RefusedError{Status: resp.StatusCode, Reason: reason}
}

// closeError tells ends for good from cuts.
func closeError(err error) error {
	var ce websocket.CloseError
	if errors.As(err, &ce) && !ws.CloseCode(ce.Code).Reconnect() {
		return &RefusedError{Code: ws.CloseCode(ce.Code), Reason: ce.Reason}
	}
	return err
}
