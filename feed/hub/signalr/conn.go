package signalr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/fanout"
	"trunkline/ws"
)

// Conn is one client.
type Conn struct {
	server *Server
	id     string // what may be known of it
	token  string // what its requests carry
	who    Identity
	wrap   wrap
	remote string
	gone   chan struct{} // closed when everything of it is cleared up
	poll   *poll         // of long polling
	nc     net.Conn      // nil under long polling
	stream *fanout.Conn  // of server-sent events, before the handshake

	proto  int // from the handshake on
	shaken atomic.Bool
	heard  atomic.Int64 // Unix milliseconds of the last sign of life
	out    atomic.Pointer[fanout.Conn]
	left   sync.Once

	receiving sync.Mutex // held while something of the client is taken: calls are in order
	rest      []byte     // the beginning of a record, guarded by receiving
	over      bool       // what comes is not looked at any more, guarded by receiving
	dead      bool       // it was cleared up, guarded by receiving
}

// ID names the connection; it is no secret.
func (c *Conn) ID() string { return c.id }

// User is who has connected, as Authenticate said.
func (c *Conn) User() any { return c.who.User }

// Remote is the address of the client.
func (c *Conn) Remote() string { return c.remote }

// Send queues a message. It never waits; false says that the connection is closing
// and takes nothing.
func (c *Conn) Send(m *Message) bool {
	out, frame := c.frame(m)
	return frame != nil && c.put(out, fanout.Item{Frame: frame, Expires: m.Expires})
}

// frame is a message as it goes out here; nil when it does not.
func (c *Conn) frame(m *Message) (*fanout.Conn, fanout.Frame) {
	out := c.out.Load()
	if out == nil {
		return nil, nil
	}
	frame, err := m.frame(c.proto, c.wrap)
	if err != nil {
		c.server.o.Logger.Error("a message cannot be encoded", "error", err)
		return nil, nil
	}
	return out, frame
}

func (c *Conn) put(out *fanout.Conn, it fanout.Item) bool {
	if out.Put(it) != fanout.OK {
		c.server.lost.Add(1)
		return false
	}
	c.server.sent.Add(1)
	return true
}

// Close ends the connection with a reason that the client can show. reconnect says
// that it may come back by itself.
func (c *Conn) Close(reason string, reconnect bool) {
	c.end(errors.New(reason), reason, reconnect, ws.CodePolicy)
}

// end ends the connection: the client reads a close message with the reason.
func (c *Conn) end(err error, reason string, reconnect bool, code ws.CloseCode) {
	out := c.out.Load()
	if out == nil { // before the handshake: there is nothing to say that would be understood
		c.leave(err)
		return
	}
	out.Cut(c.server.last(c.proto, c.wrap, reason, reconnect, code), err)
}

// late says whether the client has been silent for too long.
func (c *Conn) late(now time.Time) bool {
	quiet := now.Sub(time.UnixMilli(c.heard.Load()))
	if !c.shaken.Load() {
		return quiet >= c.server.o.HandshakeTimeout
	}
	if c.poll != nil {
		quiet = min(quiet, c.poll.idle(now))
	}
	return quiet >= c.server.o.ClientTimeout
}

// alive notes a sign of life.
func (c *Conn) alive() { c.heard.Store(time.Now().UnixMilli()) }

// take takes what the client sends, and ends the connection when that makes no sense.
func (c *Conn) take(data []byte) error {
	c.receiving.Lock()
	err := c.receive(data)
	c.receiving.Unlock()
	if err != nil {
		c.quit(err)
	}
	return err
}

// receive takes records, whole or not, under receiving.
func (c *Conn) receive(data []byte) (err error) {
	if c.over {
		return nil
	}
	defer func() { c.over = err != nil }()
	if c.shaken.Load() {
		c.alive() // until the handshake time counts from the beginning
	}
	if len(c.rest) > 0 {
		c.rest = append(c.rest, data...)
		data = c.rest
	}
	for len(data) > 0 {
		proto := c.proto
		if !c.shaken.Load() {
			proto = protoJSON
		}
		record, n, err := cut(proto, data, c.server.o.MaxMessage)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if !c.shaken.Load() {
			err = c.shake(record)
		} else {
			err = c.obey(proto, record)
		}
		if err != nil {
			return err
		}
		data = data[n:]
	}
	if len(data) == 0 {
		c.rest = nil
	} else {
		c.rest = append(c.rest[:0], data...)
	}
	return nil
}

var (
	errLeft    = errors.New("the client closed the connection")
	errRefused = errors.New("the handshake was refused")
)

// shake answers the handshake.
func (c *Conn) shake(record []byte) error {
	if c.nc == nil && c.stream == nil && c.poll == nil {
		return broken("a send came before its connection was open")
	}
	proto, wrong := parseHandshake(record, c.wrap == wrapWebSocket || c.wrap == wrapBare)
	c.proto = proto
	out := c.join(handshakeAnswer(wrong))
	if out == nil {
		return ErrClosing
	}
	c.out.Store(out)
	if wrong != "" {
		out.Finish(goodbyes[c.wrap], errRefused)
		return errRefused
	}
	c.alive()
	c.shaken.Store(true)
	c.server.o.Opened(c)
	return nil
}

// goodbyes end a connection of which nobody has shaken hands.
var goodbyes = [numWraps]fanout.Frame{wrapWebSocket: ws.CloseFrame(ws.CodePolicy, "the handshake was refused"), wrapChunk: fanout.LastChunk()}

// join hands the connection to the writers, with the answer to the handshake.
func (c *Conn) join(answer []byte) *fanout.Conn {
	terms := &c.server.terms[c.proto][c.wrap]
	if c.poll != nil {
		c.poll.speak(answer, c.proto) // the protocol of what follows is another one
		return c.server.pool.Add(c.poll, terms, c)
	}
	out := c.stream
	if out == nil {
		out = c.server.pool.Add(c.nc, terms, c)
	}
	frame := wrapRecord(answer, protoJSON, c.wrap)
	if c.wrap == wrapWebSocket && c.proto == protoMsgpack {
		frame = ws.BinaryFrame(answer)
	}
	if out.Put(fanout.Item{Frame: frame}) != fanout.OK {
		return nil
	}
	return out
}

// obey does what a record says.
func (c *Conn) obey(proto int, record []byte) error {
	in, err := parse(proto, record)
	if err != nil {
		return err
	}
	switch in.kind {
	case kindInvocation, kindStreamInvocation:
		c.call(in)
	case kindClose:
		return errLeft
	}
	// Pings have been heard; the rest, known to the protocol or not, has nothing to say to
	// a server that neither streams nor calls.
	return nil
}

// call runs a method and answers.
func (c *Conn) call(in incoming) {
	c.server.calls.Add(1)
	method := c.server.methods[strings.ToLower(in.target)]
	var result any
	var failure string
	switch {
	case in.kind == kindStreamInvocation:
		failure = fmt.Sprintf("The method '%.100s' cannot be streamed: there are no streams here.", in.target)
	case method == nil:
		failure = fmt.Sprintf("Unknown hub method '%.100s'.", in.target)
	case in.wrong != "":
		failure = fmt.Sprintf("The method '%.100s' was not called: %s.", in.target, in.wrong)
	default:
		result, failure = c.run(in, method)
	}
	if !in.asked {
		return
	}
	record, err := completion(c.proto, in.id, result, failure)
	if err != nil {
		c.server.o.Logger.Error("the result of a method cannot be encoded", "method", in.target, "error", err)
		if record, err = completion(c.proto, in.id, Void{}, masked(in.target)); err != nil {
			return
		}
	}
	if out := c.out.Load(); out != nil {
		out.Put(fanout.Item{Frame: wrapRecord(record, c.proto, c.wrap)})
	}
}

// masked is all that a caller reads of an error that is not for it.
func masked(target string) string {
	return fmt.Sprintf("An unexpected error occurred invoking '%.100s' on the server.", target)
}

// run calls a method; what it breaks stays inside.
func (c *Conn) run(in incoming, method Method) (result any, failure string) {
	defer func() {
		if p := recover(); p != nil {
			c.server.failures.Add(1)
			c.server.o.Logger.Error("a method panicked", "method", in.target, "panic", p, "stack", string(debug.Stack()))
			result, failure = Void{}, masked(in.target)
		}
	}()
	result, err := method(c.server.ctx, c, in.args)
	var told CallError
	switch {
	case err == nil:
		return result, ""
	case errors.As(err, &told):
		return Void{}, string(told)
	}
	c.server.failures.Add(1)
	if !errors.Is(err, context.Canceled) {
		c.server.o.Logger.Error("a method failed", "method", in.target, "error", err)
	}
	return Void{}, masked(in.target)
}

// quit ends a connection because of what its client sent.
func (c *Conn) quit(err error) {
	switch {
	case errors.Is(err, errTooLong):
		c.end(err, err.Error(), false, ws.CodeTooBig)
	case errors.Is(err, errLeft):
		if out := c.out.Load(); out != nil {
			out.Finish(leaving[c.wrap], nil)
		}
	case errors.Is(err, ErrProtocol):
		c.end(err, err.Error(), false, ws.CodeProtocolError)
	}
}

// leaving answers a client that has said that it leaves.
var leaving = [numWraps]fanout.Frame{wrapWebSocket: ws.CloseFrame(ws.CodeNormal, ""), wrapChunk: fanout.LastChunk()}

// Drained implements fanout.Owner; a queue that is full ends its connection.
func (c *Conn) Drained(*fanout.Conn) {}

// Closed implements fanout.Owner. Connections with a reader are cleared up by it.
func (c *Conn) Closed(_ *fanout.Conn, err error) {
	if c.poll != nil {
		c.server.wg.Go(func() { c.leave(err) })
	}
}

// leave clears up after a connection.
func (c *Conn) leave(err error) {
	c.left.Do(func() {
		c.receiving.Lock() // what is being taken is taken: Opened has returned
		defer c.receiving.Unlock()
		c.dead, c.over = true, true
		if out := c.out.Load(); out != nil {
			out.Abort(err)
		} else if c.stream != nil {
			c.stream.Abort(err)
		} else if c.nc != nil {
			_ = c.nc.Close()
		}
		if c.poll != nil {
			_ = c.poll.Close()
		}
		c.server.mu.Lock()
		c.server.remove(c)
		c.server.mu.Unlock()
		if c.shaken.Load() {
			c.server.o.Closed(c, err)
		}
		close(c.gone)
		c.server.wg.Done()
	})
}
