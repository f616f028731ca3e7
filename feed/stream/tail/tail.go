// Package tail is the sample client of the stream feed: it subscribes as the vendor's page
// says, writes each event on a line, and comes back with the same subscription when it is
// cut, so that it misses nothing.
//
// [Run] ends when it has seen enough ([Options.Count], Duration), when its context ends, or
// when the server says that coming back is of no use.
package tail

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"trunkline/client/persist"
)

// Options say what to subscribe to and when it is enough.
type Options struct {
	URL    string // of the server, such as http://127.0.0.1:8090
	Tenant string
	Token  string
	HTTP   *http.Client // nil: http.DefaultClient

	Subscription string // the name under which the server keeps the place
	Output       string // JSON, XML, NEWLINE_JSON, NEWLINE_XML; empty: JSON
	Types        string // names of events, separated by commas; empty: all
	After        string // a cursor of the log to begin at

	Out        io.Writer // nil: nothing is written
	Heartbeats bool      // ClientChecks are written, too
	Count      uint64    // end after so many events; 0: no such end
	Duration   time.Duration
	Patience   time.Duration // give up coming back after so long; 0: never
	Reconnect  func(err error, pause time.Duration)
}

// Result is what was seen.
type Result struct {
	Events, Repeats, Gaps uint64 // gaps and repeats by the numbers of the events
	Reconnects            int
	First, Last           uint64 // numbers
}

// RefusedError says that the server will not serve this subscription.
type RefusedError = persist.RefusedError

// maxMessage is the longest event that is taken.
const maxMessage = 16 << 20

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
	c := &client{o: o, out: bufio.NewWriterSize(o.Out, 64<<10)}
	err := c.loop(ctx)
	if flushed := c.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write the events: %w", flushed)
	}
	return c.res, err
}

func (c *client) loop(ctx context.Context) (err error) {
	c.res.Reconnects, err = persist.Run(ctx, persist.Options{Duration: c.o.Duration, Patience: c.o.Patience, Reconnect: c.o.Reconnect}, func(ctx context.Context) (bool, error) {
		seen := c.res.Events
		err := c.listen(ctx)
		return c.res.Events > seen, err
	})
	return err
}

// address is the subscription's.
func (c *client) address() string {
	q := url.Values{"tenantId": {c.o.Tenant}, "subsId": {c.o.Subscription}}
	if c.o.Output != "" {
		q.Set("desiredOutputType", c.o.Output)
	}
	if c.o.Types != "" {
		q.Set("types", c.o.Types)
	}
	if c.o.After != "" && c.res.Events == 0 {
		q.Set("after", c.o.After) // later the subscription's own place goes before
	}
	return strings.TrimSuffix(c.o.URL, "/") + "/api/streaming/v1/clientconnect/subscribe/TenantUpdates?" + q.Encode()
}

func (c *client) listen(ctx context.Context) error {
	header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.o.Tenant+":"+c.o.Token))}}
	conn, resp, err := websocket.Dial(ctx, c.address(), &websocket.DialOptions{HTTPClient: c.o.HTTP, HTTPHeader: header})
	if err != nil {
		return persist.DialError(resp, err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxMessage)
	for {
		_, msg, err := conn.Read(ctx)
		if err != nil {
			return persist.CloseError(err)
		}
		if err := c.event(msg); err != nil {
			return err
		}
		if c.o.Count > 0 && c.res.Events >= c.o.Count {
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return persist.ErrEnough
		}
	}
}

var xmlNumber = regexp.MustCompile(`<sequenceId>(\d+)</sequenceId>`)

// number reads an event's number, and whether it is a heartbeat.
func number(msg []byte) (n uint64, heartbeat bool) {
	text := strings.TrimSpace(string(msg))
	if strings.HasPrefix(text, "<") {
		if m := xmlNumber.FindStringSubmatch(text); m != nil {
			n, _ = strconv.ParseUint(m[1], 10, 64)
		}
		return n, strings.HasPrefix(text, "<ClientCheck")
	}
	var events map[string]struct {
		MsgInfo struct {
			SequenceID uint64 `json:"sequenceId"`
		} `json:"msgInfo"`
	}
	if json.Unmarshal(msg, &events) == nil {
		for name, e := range events {
			return e.MsgInfo.SequenceID, name == "ClientCheck"
		}
	}
	return 0, false
}

// event takes one message. What came before the cut is not written again.
func (c *client) event(msg []byte) error {
	n, heartbeat := number(msg)
	if heartbeat {
		if !c.o.Heartbeats {
			return c.out.Flush()
		}
	} else {
		switch r := &c.res; {
		case r.Events > 0 && n <= r.Last:
			r.Repeats++
			return nil
		case r.Events > 0 && n > r.Last+1 && c.o.Types == "":
			r.Gaps++
			fallthrough
		default:
			if r.Events == 0 {
				r.First = n
			}
			r.Last = n
			r.Events++
		}
	}
	_, err := c.out.Write(msg)
	if err == nil && (len(msg) == 0 || msg[len(msg)-1] != '\n') {
		err = c.out.WriteByte('\n')
	}
	if err == nil {
		err = c.out.Flush()
	}
	if err != nil {
		return persist.Final(fmt.Errorf("write the events: %w", err))
	}
	return nil
}
