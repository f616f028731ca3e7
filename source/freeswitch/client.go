package freeswitch

import (
	"context"
	"time"

	"trunkline/source"
	"trunkline/source/line"
)

// ErrOptions is what an error wraps when a source's options make no sense.
var ErrOptions = line.ErrOptions

// ClientOptions configure a [Client].
type ClientOptions struct {
	// Settings are those of any client. The name need not be the switchname; the port of the address is mostly 8021; the
	// secret is the password of event_socket.conf, which takes it in the clear: outside one machine put a tunnel or TLS
	// around the connection. The login ends with the first snapshot.
	line.Settings

	// AgentID and Inside are as in [Options].
	AgentID func(name string) string
	Inside  func(channel string) bool

	// Poll is how often the lists of queues, agents, tiers and channels are asked
	// for again: FreeSWITCH sends no event when an agent or a tier is deleted;
	// default one minute.
	Poll time.Duration
	// Limits bound the reader.
	Limits Limits
}

// Client keeps one FreeSWITCH connected: it logs in, takes a snapshot, turns
// what FreeSWITCH says into facts and hands them to the log, and does it again
// whenever the connection breaks. See [NewClient].
type Client struct {
	o    ClientOptions
	line *line.Line
	tr   *Translator
}

// NewClient returns a client; [Client.Run] works it.
func NewClient(o ClientOptions) *Client {
	if o.Poll <= 0 {
		o.Poll = time.Minute
	}
	c := &Client{o: o, line: line.New("freeswitch", "FreeSWITCH", o.Settings)}
	c.tr = NewTranslator(Options{
		Emit: c.line.Put, Tenant: o.Tenant, Name: o.Name, AgentID: o.AgentID, Inside: o.Inside, Whole: true, address: o.Address,
		promise: max(c.line.Promise, 0),
	})
	return c
}

// Check tells what is wrong with the options, in an error that wraps [ErrOptions].
// [Client.Run] begins with it.
func (c *Client) Check() error { return c.line.Check() }

// Health returns how the source is.
func (c *Client) Health() source.Health {
	h := c.line.Health()
	h.LeftOut = c.tr.left.Counts()
	return h
}

// Run works until ctx ends; then it logs off, says source.down and gives the
// log a last chance to take what waits. It returns nil then, an error that wraps
// [ErrOptions] when the options make no sense, or [source.ErrUndelivered].
func (c *Client) Run(ctx context.Context) error {
	if err := c.Check(); err != nil {
		return err
	}
	return c.line.Run(ctx, protocol{c})
}

// protocol is the client as its line sees it.
type protocol struct{ c *Client }

func (p protocol) Begin(conn *line.Conn) line.Session { return p.c.begin(conn) }
func (p protocol) Close()                             { p.c.tr.Close() }

func (p protocol) Ended(now time.Time, reason string) {
	p.c.tr.Disconnected(now, reason)
	p.c.tr.Unreachable(now, reason)
}
