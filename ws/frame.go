package ws

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxControl is the longest payload of a control frame (RFC 6455, section 5.5).
const maxControl = ws.MaxControlFramePayloadSize

// TextFrame makes a complete, unmasked text frame. payload must be valid UTF-8.
func TextFrame(payload []byte) []byte {
	return AppendTextFrame(make([]byte, 0, len(payload)+frameOverhead(len(payload))), payload)
}

// BinaryFrame makes a complete, unmasked binary frame.
func BinaryFrame(payload []byte) []byte {
	return appendFrame(make([]byte, 0, len(payload)+frameOverhead(len(payload))), ws.OpBinary, payload)
}

// PingFrame makes a ping that carries payload, of which at most 125 bytes are kept.
func PingFrame(payload []byte) []byte {
	return appendFrame(nil, ws.OpPing, payload[:min(len(payload), maxControl)])
}

// PongFrame makes a pong that carries payload, of which at most 125 bytes are kept.
func PongFrame(payload []byte) []byte {
	return appendFrame(nil, ws.OpPong, payload[:min(len(payload), maxControl)])
}

// CloseFrame makes a close frame. The reason is cut to 123 bytes at a character
// boundary. CodeNoStatus and CodeAbnormal, which may not be sent, give an empty
// close frame.
func CloseFrame(code CloseCode, reason string) []byte {
	if code == CodeNoStatus || code == CodeAbnormal || code == 0 {
		return appendFrame(nil, ws.OpClose, nil)
	}
	for len(reason) > maxControl-2 {
		_, size := utf8.DecodeLastRuneInString(reason)
		reason = reason[:len(reason)-size]
	}
	return appendFrame(nil, ws.OpClose, ws.NewCloseFrameBody(ws.StatusCode(code), reason))
}

// AppendTextFrame appends a complete text frame to dst: several frames in one
// buffer cost a connection one queue entry.
func AppendTextFrame(dst, payload []byte) []byte { return appendFrame(dst, ws.OpText, payload) }

// AppendTextHeader appends only the header of a text frame whose payload of n
// bytes the caller appends next.
func AppendTextHeader(dst []byte, n int) []byte { return appendHeader(dst, ws.OpText, n) }

func appendFrame(dst []byte, op ws.OpCode, payload []byte) []byte {
	return append(appendHeader(dst, op, len(payload)), payload...)
}

// appendHeader writes the header of an unmasked final frame: 2 bytes, 4 from 126
// bytes of payload on, 10 from 65,536 on.
func appendHeader(dst []byte, op ws.OpCode, n int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return append(dst, 126, byte(n>>8), byte(n))
	default:
		u := uint64(n)
		return append(dst, 127, byte(u>>56), byte(u>>48), byte(u>>40), byte(u>>32), byte(u>>24), byte(u>>16), byte(u>>8), byte(u))
	}
}

// frameOverhead is the length of the header in front of n bytes of payload.
func frameOverhead(n int) int {
	switch {
	case n < 126:
		return 2
	case n < 1<<16:
		return 4
	default:
		return 10
	}
}
