// Package tail is the sample client of the measures feed: it asks for a token, makes a subscription as the vendor's page says,
// connects, authenticates, and writes each message on a line. When it is cut it connects again, renews the subscription
// while it is connected, and makes a new one when its own is gone; each time it gets a snapshot.
//
// [Run] ends when it has seen enough ([Options.Count], Duration), when its context ends, or when the server says that coming
// back is of no use. At the end it deletes its subscription.
package tail

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"trunkline/client/persist"
	"trunkline/ws"
)

// Options say what to follow and when it is enough.
type Options struct {
	URL     string // of the server, such as http://127.0.0.1:8090
	Account string
	// Client and Secret get the tokens.
	Client, Secret string
	Token          string       // a signed token in place of them, of an outside issuer for instance
	HTTP           *http.Client // nil: http.DefaultClient

	Producer   string            // the measure producer, in any form that the server knows
	Extensions map[string]string // further extensions: filters on keys and measures

	Out       io.Writer // nil: nothing is written
	Measures  bool      // write keys and measures alone, not whole messages
	LiveOnly  bool      // do not write snapshots
	Count     uint64    // end after so many messages that are written; 0: no such end
	Duration  time.Duration
	Patience  time.Duration // give up coming back after so long; 0: never
	Reconnect func(err error, pause time.Duration)
}

// Result is what was seen.
type Result struct {
	Initial, Live, Deleted uint64 // messages; those that are deleted are counted as live, too
	Keys                   int    // that there are at the end
	Reconnects             int
}

// RefusedError says that the server will not serve this client.
type RefusedError = persist.RefusedError

// maxMessage is the longest message that is taken.
const maxMessage = 16 << 20

type client struct {
	o       Options
	out     *bufio.Writer
	res     Result
	written uint64
	keys    map[string]struct{}

	token   string
	expires time.Time // of the token
	sub     *subscription
	lost    bool // the subscription is gone
}

// Run listens until it is enough. The result is valid with an error too.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	c := &client{o: o, out: bufio.NewWriterSize(o.Out, 64<<10)}
	var err error
	c.res.Reconnects, err = persist.Run(ctx, persist.Options{Duration: o.Duration, Patience: o.Patience, Reconnect: o.Reconnect}, func(ctx context.Context) (bool, error) {
		seen := c.res.Initial + c.res.Live
		err := c.listen(ctx)
		return c.res.Initial+c.res.Live > seen, err
	})
	c.res.Keys = len(c.keys)
	c.drop(context.WithoutCancel(ctx))
	if flushed := c.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write the messages: %w", flushed)
	}
	return c.res, err
}

// message is what is read of one.
type message struct {
	Event, Status string // of the answer to the authentication

	PayloadType, EventAction string
	Keys, Measures           json.RawMessage
}

// listen serves one connection.
func (c *client) listen(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	conn, resp, err := websocket.Dial(ctx, c.sub.Transport.Endpoint, &websocket.DialOptions{HTTPClient: c.o.HTTP})
	if err != nil {
		return persist.DialError(resp, err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxMessage)
	hello, err := json.Marshal(map[string]string{"event": "authentication", "subscriptionId": c.sub.ID, "token": c.token})
	if err != nil {
		return persist.Final(err)
	}
	if err := conn.Write(ctx, websocket.MessageText, hello); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	kept := make(chan struct{})
	defer func() { cancel(); <-kept }()
	go func() { defer close(kept); c.keep(ctx, conn) }()
	c.keys = map[string]struct{}{}
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			return c.closed(err)
		}
		enough, err := c.take(raw)
		if err != nil {
			return err
		}
		if enough {
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return persist.ErrEnough
		}
	}
}

// closed says what the end of a connection means. A subscription that is over is no reason to stay away: there can be another.
func (c *client) closed(err error) error {
	switch ws.CloseCode(websocket.CloseStatus(err)) {
	case ws.CodeMeasuresSubscription, ws.CodeMeasuresUnknown, ws.CodeMeasuresNoPing:
		c.lost = true
		return err
	}
	return persist.CloseError(err)
}

// take writes one message.
func (c *client) take(raw []byte) (enough bool, err error) {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return false, persist.Final(fmt.Errorf("the server sent what is no message: %w", err))
	}
	switch {
	case m.Event == "authenticationResponse":
		if m.Status == "CONNECTION_FAILED_UNKNOWN_SUBSCRIPTION" {
			c.lost = true // the next connection has a new one
			return false, fmt.Errorf("the server answers %s", m.Status)
		}
		return false, nil // the close behind it says whether coming back is of use
	case m.PayloadType == "INITIALIZING":
		c.res.Initial++
	case m.PayloadType == "LIVE":
		c.res.Live++
	default:
		return false, nil // a marker
	}
	if m.EventAction == "DELETE" {
		c.res.Deleted++
		delete(c.keys, string(m.Keys))
	} else {
		c.keys[string(m.Keys)] = struct{}{}
	}
	if c.o.LiveOnly && m.PayloadType == "INITIALIZING" {
		return false, nil
	}
	if c.o.Measures {
		if raw, err = json.Marshal(struct {
			Keys     json.RawMessage `json:"keys"`
			Measures json.RawMessage `json:"measures"`
		}{m.Keys, m.Measures}); err != nil {
			return false, persist.Final(fmt.Errorf("encode a message: %w", err))
		}
	}
	_, _ = c.out.Write(raw)
	_ = c.out.WriteByte('\n') // a writer that has failed says so when it is flushed
	if err := c.out.Flush(); err != nil {
		return false, persist.Final(fmt.Errorf("write the messages: %w", err))
	}
	c.written++
	return c.o.Count > 0 && c.written >= c.o.Count, nil
}
