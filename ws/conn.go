package ws

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Handler is what a connection's owner does with what arrives. Its methods are
// called by the goroutine in [Conn.Serve], one after the other.
type Handler interface {
	// Message gets one whole data message, or a piece of one under Options.Pieces.
	// payload is valid during the call. An error ends the connection: with the code
	// of a *CloseError, else with 1011.
	Message(text bool, payload []byte) error
	// Pong gets the payload of a pong, valid during the call.
	Pong(payload []byte)
	// Send puts a finished control frame (a pong) into the way out.
	Send(frame []byte)
	// Finish puts the last frame into the way out. The connection should be shut
	// for writing after it; calls after the first have no effect.
	Finish(frame []byte)
}

// CloseError is why a connection ended.
type CloseError struct {
	Code   CloseCode
	Reason string
	Remote bool // the peer closed first
}

func (e *CloseError) Error() string {
	who := "closed by this side"
	if e.Remote {
		who = "closed by the peer"
	}
	if e.Reason == "" {
		return fmt.Sprintf("websocket %s: %s", who, e.Code)
	}
	return fmt.Sprintf("websocket %s: %s: %s", who, e.Code, e.Reason)
}

// Conn is the server's end of one WebSocket.
type Conn struct {
	nc          net.Conn
	in          input
	max         int
	pieces      bool
	subprotocol string
	header      [ws.MaxHeaderSize]byte // scratch of the header parser
}

// closeWait is how long the reader waits for the peer's part of a closing
// handshake, and closeBytes how much it throws away meanwhile: closing a socket
// with unread bytes would reset it and take the close frame with it.
const (
	closeWait  = 2 * time.Second
	closeBytes = 1 << 20
)

func newConn(nc net.Conn, maxMessage int) *Conn {
	if maxMessage <= 0 {
		maxMessage = DefaultMaxMessage
	}
	c := &Conn{nc: nc, max: maxMessage}
	c.in.init(nc)
	return c
}

// NetConn is the socket below, for the writer that owns its outgoing bytes.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Subprotocol is the one agreed in the handshake, "" when none was.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Serve reads until the connection ends and returns why: a *CloseError after a
// close frame of either side, otherwise the error of the socket. It does not
// close the socket; whoever called it does, after the writer is done with it.
func (c *Conn) Serve(h Handler) error {
	defer c.in.release()
	err := c.read(h)
	var ce *CloseError
	if !errors.As(err, &ce) {
		return err
	}
	if ce.Remote {
		h.Finish(CloseFrame(ce.Code, ""))
	} else {
		h.Finish(CloseFrame(ce.Code, ce.Reason))
	}
	c.drain()
	return ce
}

// read handles frames until one of them, or the socket, ends the connection.
func (c *Conn) read(h Handler) error {
	var (
		msg   []byte // fragments, or the part of a long frame that has arrived
		text  bool
		state = ws.StateServerSide
	)
	for {
		hd, err := c.readHeader()
		if err != nil {
			return err
		}
		if err := ws.CheckHeader(hd, state); err != nil {
			return &CloseError{Code: CodeProtocolError, Reason: err.Error()}
		}
		if hd.OpCode.IsControl() {
			if err := c.control(h, hd); err != nil {
				return err
			}
			continue
		}
		if hd.OpCode != ws.OpContinuation {
			text = hd.OpCode == ws.OpText
		}
		if c.pieces {
			if err := c.pass(h, text, hd); err != nil {
				return err
			}
			if hd.Fin {
				state = state.Clear(ws.StateFragmented)
			} else {
				state = state.Set(ws.StateFragmented)
			}
			continue
		}
		if hd.Length > int64(c.max-len(msg)) {
			return &CloseError{Code: CodeTooBig, Reason: fmt.Sprintf("a message may have %d bytes", c.max)}
		}
		if hd.Fin && len(msg) == 0 && hd.Length <= idleBuffer {
			// The usual case, a short message in one frame, is used where it lies.
			p, err := c.payload(hd)
			if err != nil {
				return err
			}
			if err := deliver(h, text, p); err != nil {
				return err
			}
			state = state.Clear(ws.StateFragmented)
			continue
		}
		if msg, err = c.appendPayload(msg, hd); err != nil {
			return err
		}
		if !hd.Fin {
			state = state.Set(ws.StateFragmented)
			continue
		}
		if err := deliver(h, text, msg); err != nil {
			return err
		}
		state, msg = state.Clear(ws.StateFragmented), nil
	}
}

func deliver(h Handler, text bool, p []byte) error {
	if text && !utf8.Valid(p) {
		return &CloseError{Code: CodeInvalidData, Reason: "a text message must be UTF-8"}
	}
	return handled(h.Message(text, p))
}

// handled makes a handler's error what ends the connection.
func handled(err error) error {
	if err == nil {
		return nil
	}
	var ce *CloseError
	if errors.As(err, &ce) {
		return ce
	}
	return &CloseError{Code: CodeInternal, Reason: "the message could not be handled"}
}

// readHeader waits for the next frame. Nothing is buffered while it waits for the
// first byte of one.
func (c *Conn) readHeader() (ws.Header, error) {
	if err := c.in.need(2); err != nil {
		return ws.Header{}, err
	}
	hd, err := ws.ReadHeaderBuffer((*headerReader)(&c.in), c.header[:0:len(c.header)])
	if errors.Is(err, ws.ErrHeaderLengthMSB) || errors.Is(err, ws.ErrHeaderLengthUnexpected) {
		return hd, &CloseError{Code: CodeProtocolError, Reason: "a frame length has its highest bit set"}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return hd, err
}

// headerReader lets the library's header parser read from an input.
type headerReader input

func (r *headerReader) Read(p []byte) (int, error) {
	in := (*input)(r)
	if err := in.need(len(p)); err != nil {
		return 0, err
	}
	return copy(p, in.take(len(p))), nil
}

// payload gives the unmasked payload of a short frame where it lies in the buffer.
func (c *Conn) payload(hd ws.Header) ([]byte, error) {
	n := int(hd.Length)
	if n == 0 {
		return nil, nil
	}
	if err := c.in.need(n); err != nil {
		return nil, unexpected(err)
	}
	p := c.in.take(n)
	ws.Cipher(p, hd.Mask, 0)
	return p, nil
}

// appendPayload adds a frame's payload to msg as it arrives.
func (c *Conn) appendPayload(msg []byte, hd ws.Header) ([]byte, error) {
	err := c.arriving(hd, func(p []byte) error {
		msg = append(msg, p...)
		return nil
	})
	return msg, err
}

// pass hands a frame's payload on as it arrives.
func (c *Conn) pass(h Handler, text bool, hd ws.Header) error {
	return c.arriving(hd, func(p []byte) error { return handled(h.Message(text, p)) })
}

// arriving calls fn with each part of a frame's payload, unmasked where it lies.
func (c *Conn) arriving(hd ws.Header, fn func(p []byte) error) error {
	for left, offset := hd.Length, 0; left > 0; {
		if err := c.in.need(1); err != nil {
			return unexpected(err)
		}
		p := c.in.take(int(min(left, int64(c.in.buffered()))))
		ws.Cipher(p, hd.Mask, offset)
		if err := fn(p); err != nil {
			return err
		}
		offset += len(p)
		left -= int64(len(p))
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// control answers one control frame.
func (c *Conn) control(h Handler, hd ws.Header) error {
	p, err := c.payload(hd)
	if err != nil {
		return err
	}
	switch hd.OpCode {
	case ws.OpPing:
		h.Send(PongFrame(p))
	case ws.OpPong:
		h.Pong(p)
	case ws.OpClose:
		return closeReceived(p)
	}
	return nil
}

// closeReceived judges a peer's close frame.
func closeReceived(p []byte) error {
	if len(p) == 0 {
		return &CloseError{Code: CodeNoStatus, Remote: true}
	}
	if len(p) == 1 {
		return &CloseError{Code: CodeProtocolError, Reason: "a close frame with half a code"}
	}
	code, reason := binary.BigEndian.Uint16(p), string(p[2:])
	if err := ws.CheckCloseFrameData(ws.StatusCode(code), reason); err != nil {
		return &CloseError{Code: CodeProtocolError, Reason: err.Error()}
	}
	return &CloseError{Code: CloseCode(code), Reason: reason, Remote: true}
}

// drain throws away what still comes until the peer has closed its side too.
func (c *Conn) drain() {
	_ = c.nc.SetReadDeadline(time.Now().Add(closeWait))
	for dropped := c.in.buffered(); dropped < closeBytes; {
		c.in.r = c.in.w
		if err := c.in.fill(); err != nil {
			return
		}
		dropped += c.in.buffered()
	}
}
