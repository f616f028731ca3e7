package asterisk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trunkline/source"
	"trunkline/source/line"
)

// ErrOptions is what an error wraps when a source's options make no sense.
var ErrOptions = line.ErrOptions

// ClientOptions configure a [Client].
type ClientOptions struct {
	// Settings are those of any client. The name need not be the systemname; the port of the address is mostly 5038;
	// the secret is the user's and never goes over the line; TLS is tlsenable in manager.conf; the login ends with
	// FullyBooted.
	line.Settings
	// User is a section of manager.conf.
	User string

	// AgentID and Inside are as in [Options].
	AgentID func(iface string) string
	Inside  func(device string) bool
	// NoFilter leaves out the choice of event classes and the attempt to add event
	// filters to the connection.
	NoFilter bool
}

// Client keeps one PBX connected: it logs in, takes a snapshot, turns what the
// PBX says into facts and hands them to the log, and does it again whenever the
// connection breaks. Several PBXs are several clients. See [NewClient].
type Client struct {
	o    ClientOptions
	line *line.Line
	tr   *Translator
}

// NewClient returns a client; [Client.Run] works it.
func NewClient(o ClientOptions) *Client {
	c := &Client{o: o, line: line.New("asterisk", "the PBX", o.Settings)}
	c.tr = NewTranslator(Options{
		Emit: c.line.Put, Tenant: o.Tenant, PBX: o.Name, AgentID: o.AgentID, Inside: o.Inside,
		live: true, address: o.Address, promise: max(c.line.Promise, 0),
	})
	return c
}

// Check tells what is wrong with the options, in an error that wraps [ErrOptions].
// [Client.Run] begins with it.
func (c *Client) Check() error {
	if c.o.User == "" || strings.ContainsAny(c.o.User, "\r\n") {
		return fmt.Errorf("%w: user %q must be there, on one line", ErrOptions, c.o.User)
	}
	return c.line.Check()
}

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
func (p protocol) Ended(now time.Time, reason string) { p.c.tr.Disconnected(now, reason) }
func (p protocol) Close()                             { p.c.tr.Close() }
