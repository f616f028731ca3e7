// Package tail is the sample client of the hub feed: it asks for a token as the vendor's
// page says, connects by SignalR over a WebSocket, subscribes, and writes the data of each
// message on a line. When it is cut it comes back with a new token and subscribes again,
// since the hub keeps no subscriptions.
//
// [Run] ends when it has seen enough ([Options.Count], Duration), when its context ends, or
// when the server says that coming back is of no use.
package tail

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"trunkline/client/persist"
)

// Subscription is what to subscribe to.
type Subscription struct {
	EntityID  string `json:"EntityId"`
	EventName string // "*": all events that the entity has
}

// Options say what to subscribe to and when it is enough.
type Options struct {
	URL    string // of the server, such as http://127.0.0.1:8090
	User   string // who signs in
	Secret string
	HTTP   *http.Client // nil: http.DefaultClient

	Subscriptions []Subscription

	Out       io.Writer // nil: nothing is written
	Whole     bool      // write whole messages, with their subscription
	Count     uint64    // end after so many messages; 0: no such end
	Duration  time.Duration
	Patience  time.Duration // give up coming back after so long; 0: never
	Reconnect func(err error, pause time.Duration)
	Refused   func(s Subscription, message string) // is told of each subscription that is refused; may be nil
}

// Result is what was seen.
type Result struct {
	Messages   uint64
	Subscribed int // of the last connection
	Reconnects int
}

// RefusedError says that the server will not serve this client.
type RefusedError = persist.RefusedError

// maxMessage is the longest message that is taken.
const maxMessage = 16 << 20

// pingEvery is how often the client says that it is there.
const pingEvery = 10 * time.Second

// recordEnd ends a record of SignalR's JSON protocol.
const recordEnd = 0x1e

type client struct {
	o   Options
	out *bufio.Writer
	res Result
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
		seen := c.res.Messages
		err := c.listen(ctx)
		return c.res.Messages > seen, err
	})
	if flushed := c.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write the messages: %w", flushed)
	}
	return c.res, err
}

// token asks for the hub's address and a token.
func (c *client) token(ctx context.Context) (endpoint, token string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.o.URL, "/")+"/token/me/rte/", nil)
	if err != nil {
		return "", "", persist.Final(err)
	}
	req.SetBasicAuth(c.o.User, c.o.Secret)
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", "", persist.DialError(resp, fmt.Errorf("the server answers %d", resp.StatusCode))
	}
	var answer struct{ WssEndpoint, Token string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer); err != nil {
		return "", "", fmt.Errorf("read the token: %w", err)
	}
	return answer.WssEndpoint, answer.Token, nil
}

// listen serves one connection.
func (c *client) listen(ctx context.Context) error {
	endpoint, token, err := c.token(ctx)
	if err != nil {
		return err
	}
	if _, err := url.Parse(endpoint); err != nil {
		return persist.Final(fmt.Errorf("the hub's address: %w", err))
	}
	conn, resp, err := websocket.Dial(ctx, endpoint, &websocket.DialOptions{HTTPClient: c.o.HTTP, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		return persist.DialError(resp, err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &hub{client: c, conn: conn}
	if err := h.say(ctx, map[string]any{"protocol": "json", "version": 1}); err != nil {
		return err
	}
	if err := h.call(ctx, "available", "AvailableSubscriptions"); err != nil {
		return err
	}
	go h.ping(ctx)
	for {
		_, msg, err := conn.Read(ctx)
		if err != nil {
			return persist.CloseError(err)
		}
		for record := range bytes.SplitSeq(msg, []byte{recordEnd}) {
			if len(record) == 0 {
				continue
			}
			if err := h.take(ctx, record); err != nil {
				return err
			}
		}
	}
}

// hub is one connection.
type hub struct {
	*client
	conn   *websocket.Conn
	wanted []Subscription
}

func (h *hub) say(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return h.conn.Write(ctx, websocket.MessageText, append(b, recordEnd))
}

func (h *hub) call(ctx context.Context, id, method string, args ...any) error {
	if args == nil {
		args = []any{}
	}
	return h.say(ctx, map[string]any{"type": 1, "invocationId": id, "target": method, "arguments": args})
}

func (h *hub) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if h.say(ctx, map[string]any{"type": 6}) != nil {
				return
			}
		}
	}
}

// record is what the server says.
type record struct {
	Type      int
	ID        string `json:"invocationId"`
	Target    string
	Arguments []json.RawMessage
	Result    json.RawMessage
	Error     string
	Reconnect bool `json:"allowReconnect"`
}

func (h *hub) take(ctx context.Context, text []byte) error {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("the server sent something that is no SignalR: %.80q", text)
	}
	switch {
	case r.Type == 0 && r.Error != "":
		return &RefusedError{Reason: r.Error}
	case r.Type == 1 && r.Target == "MessageReceived" && len(r.Arguments) > 0:
		return h.message(r.Arguments[0])
	case r.Type == 3 && r.Error != "":
		return &RefusedError{Reason: r.Error}
	case r.Type == 3 && r.ID == "available":
		return h.subscribe(ctx, r.Result)
	case r.Type == 3 && r.ID == "subscribe":
		return h.subscribed(r.Result)
	case r.Type == 7 && !r.Reconnect:
		return &RefusedError{Reason: r.Error}
	case r.Type == 7:
		return errors.New("the server closes the connection: " + r.Error)
	}
	return nil
}

func (h *hub) subscribe(ctx context.Context, result json.RawMessage) error {
	var available []string
	if err := json.Unmarshal(result, &available); err != nil {
		return fmt.Errorf("the events that can be subscribed to: %w", err)
	}
	for _, s := range h.o.Subscriptions {
		if s.EventName != "*" {
			h.wanted = append(h.wanted, s)
			continue
		}
		for _, name := range available {
			h.wanted = append(h.wanted, Subscription{s.EntityID, name})
		}
	}
	return h.call(ctx, "subscribe", "Subscribe", h.wanted)
}

func (h *hub) subscribed(result json.RawMessage) error {
	var answers []struct {
		Subscribed bool
		Message    string
	}
	if err := json.Unmarshal(result, &answers); err != nil || len(answers) != len(h.wanted) {
		return fmt.Errorf("the answer to Subscribe: %.80q", result)
	}
	all := map[string]bool{}
	for _, s := range h.o.Subscriptions {
		all[s.EntityID] = all[s.EntityID] || s.EventName == "*"
	}
	h.res.Subscribed = 0
	for i, a := range answers {
		switch {
		case a.Subscribed:
			h.res.Subscribed++
		case all[h.wanted[i].EntityID] && a.Message == "Invalid event name": // one of another kind of entity
		case h.o.Refused != nil:
			h.o.Refused(h.wanted[i], a.Message)
		}
	}
	if h.res.Subscribed == 0 {
		return &RefusedError{Reason: "none of the subscriptions was accepted"}
	}
	return nil
}

func (h *hub) message(arg json.RawMessage) error {
	line := []byte(arg)
	if !h.o.Whole {
		var m struct{ Data json.RawMessage }
		if err := json.Unmarshal(arg, &m); err != nil {
			return fmt.Errorf("the server sent something that is no message: %.80q", arg)
		}
		line = m.Data
	}
	_, err := h.out.Write(append(line, '\n'))
	if err == nil {
		err = h.out.Flush()
	}
	if err != nil {
		return persist.Final(fmt.Errorf("write the messages: %w", err))
	}
	if h.res.Messages++; h.o.Count > 0 && h.res.Messages >= h.o.Count {
		_ = h.conn.Close(websocket.StatusNormalClosure, "")
		return persist.ErrEnough
	}
	return nil
}
