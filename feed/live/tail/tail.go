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
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"

	"trunkline/client/persist"
	"trunkline/feed/live"
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

// ackInterval is how often what was written is acknowledged.
const ackInterval = 500 * time.Millisecond

// RefusedError says that the server will not serve this request, now or later.
type RefusedError = persist.RefusedError

type client struct {
	o      Options
	out    *bufio.Writer
	res    Result
	cursor string
}

// Run listens until it is enough. The result is valid with an error too.
func Run(ctx context.Context, o Options) (Result, error) {
	c := &client{o: o, cursor: o.After, res: Result{filtered: o.Types != "" || o.Subject != "" || o.Filter != ""}}
	if o.Out == nil {
		o.Out = io.Discard
	}
	c.out = bufio.NewWriterSize(o.Out, 64<<10)
	err := c.loop(ctx)
	if flushed := c.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write the events: %w", flushed)
	}
	c.res.Cursor = c.cursor
	return c.res, err
}

// loop connects again and again.
func (c *client) loop(ctx context.Context) (err error) {
	c.res.Reconnects, err = persist.Run(ctx, persist.Options{Duration: c.o.Duration, Patience: c.o.Patience, Reconnect: c.o.Reconnect}, func(ctx context.Context) (bool, error) {
		seen := c.res.Events
		err := c.listen(ctx)
		return c.res.Events > seen, err
	})
	return err
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
		return persist.DialError(resp, err)
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
	if errors.Is(err, persist.ErrEnough) {
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
	if err == nil {
		err = persist.CloseError(<-ended)
	}
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
			return failed(err)
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
				return failed(err)
			}
			select {
			case p, more = <-messages:
			case <-ack:
				if err := acknowledge(); err != nil {
					return err
				}
				continue
			case <-idle:
				return errors.Join(persist.ErrEnough, acknowledge())
			case <-ctx.Done():
				return persist.ErrEnough
			}
		}
		if !more {
			return nil
		}
		if err := c.event(p); err != nil {
			return err
		}
		if c.o.Count > 0 && c.res.Events >= c.o.Count {
			return errors.Join(persist.ErrEnough, acknowledge())
		}
		if timer != nil {
			timer.Reset(c.o.Idle)
		}
	}
}

// failed says that the output failed.
func failed(err error) error { return persist.Final(fmt.Errorf("write the events: %w", err)) }

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
		return failed(err)
	}
	return nil
}
