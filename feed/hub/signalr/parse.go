package signalr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// ErrProtocol is what an error wraps when a client does not speak SignalR.
var ErrProtocol = errors.New("not the SignalR protocol")

// incoming is what a client says. Only a call has more than its kind.
type incoming struct {
	kind   int
	id     string // of a call that wants an answer
	asked  bool   // there is an id
	target string
	args   []json.RawMessage // of both protocols
	reason string            // of a close
}

// cut takes the first whole record off data: n bytes, 0 when more are needed. max
// bounds a record, in bytes.
func cut(proto int, data []byte, limit int) (record []byte, n int, err error) {
	if proto == protoJSON {
		i := bytes.IndexByte(data, recordEnd)
		switch {
		case i > limit || i < 0 && len(data) > limit:
			return nil, 0, tooLong(limit)
		case i < 0:
			return nil, 0, nil
		}
		return data[:i], i + 1, nil
	}
	size := 0
	for i := range 5 {
		if i == len(data) {
			return nil, 0, nil
		}
		size |= int(data[i]&0x7f) << (7 * i)
		if data[i] < 0x80 {
			switch at := i + 1; {
			case size > limit:
				return nil, 0, tooLong(limit)
			case len(data)-at < size:
				return nil, 0, nil
			default:
				return data[at : at+size], at + size, nil
			}
		}
	}
	return nil, 0, fmt.Errorf("%w: a length of more than five bytes", ErrProtocol)
}

// errTooLong is what an error wraps when a message is longer than is taken.
var errTooLong = errors.New("the message is too long")

func tooLong(limit int) error { return fmt.Errorf("%w: at most %d bytes are taken", errTooLong, limit) }

// handshake is the first thing that a client says, always in JSON.
type handshake struct {
	Protocol string `json:"protocol"`
	Version  *int   `json:"version"`
}

// parseHandshake reads a handshake; wrong says why it is refused, "" when it is not.
func parseHandshake(record []byte, binary bool) (proto int, wrong string) {
	var h handshake
	if err := json.Unmarshal(record, &h); err != nil || h.Protocol == "" || h.Version == nil {
		return 0, `The handshake is {"protocol":"json","version":1} or the same with "messagepack".`
	}
	proto, ok := protoNamed(h.Protocol)
	switch {
	case !ok:
		return 0, fmt.Sprintf("The protocol %.40q is not supported; json and messagepack are.", h.Protocol)
	case *h.Version < 0 || *h.Version > 1:
		return 0, fmt.Sprintf("Version %d of the protocol is not supported; 0 and 1 are.", *h.Version)
	case proto == protoMsgpack && !binary:
		return 0, "The messagepack protocol cannot be used over this transport, which takes text only."
	}
	return proto, ""
}

// parse reads a record.
func parse(proto int, record []byte) (incoming, error) {
	if proto == protoJSON {
		return parseJSON(record)
	}
	return parsePack(record)
}

func parseJSON(record []byte) (incoming, error) {
	var m struct {
		Kind   *int              `json:"type"`
		ID     *string           `json:"invocationId"`
		Target string            `json:"target"`
		Args   []json.RawMessage `json:"arguments"`
		Error  string            `json:"error"`
	}
	if err := json.Unmarshal(record, &m); err != nil {
		return incoming{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if m.Kind == nil {
		return incoming{}, fmt.Errorf("%w: a message without a type", ErrProtocol)
	}
	in := incoming{kind: *m.Kind, target: m.Target, args: m.Args, reason: m.Error}
	if m.ID != nil {
		in.id, in.asked = *m.ID, true
	}
	return in, nil
}

// maxArgs bounds the arguments of a call.
const maxArgs = 64

func parsePack(record []byte) (incoming, error) {
	d := msgpack.NewDecoder(bytes.NewReader(record))
	in, err := readPack(d, len(record))
	if err != nil && !errors.Is(err, ErrProtocol) {
		err = fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return in, err
}

func readPack(d *msgpack.Decoder, size int) (in incoming, err error) {
	n, err := d.DecodeArrayLen()
	if err != nil {
		return in, err
	}
	if n < 1 {
		return in, fmt.Errorf("%w: a message is an array that begins with its type", ErrProtocol)
	}
	if in.kind, err = d.DecodeInt(); err != nil {
		return in, err
	}
	switch in.kind {
	case kindInvocation, kindStreamInvocation:
		if n < 5 {
			return in, fmt.Errorf("%w: a call of %d parts, it has at least 5", ErrProtocol, n)
		}
		return readCall(d, in, size)
	case kindClose:
		if n > 1 {
			if code, err := d.PeekCode(); err == nil && code != msgpcode.Nil {
				in.reason, err = d.DecodeString()
				return in, err
			}
		}
	}
	return in, nil
}

func readCall(d *msgpack.Decoder, in incoming, size int) (incoming, error) {
	if err := d.Skip(); err != nil { // headers
		return in, err
	}
	code, err := d.PeekCode()
	if err != nil {
		return in, err
	}
	if code == msgpcode.Nil {
		err = d.DecodeNil()
	} else {
		in.asked = true
		in.id, err = d.DecodeString()
	}
	if err != nil {
		return in, err
	}
	if in.target, err = d.DecodeString(); err != nil {
		return in, err
	}
	args, err := d.DecodeArrayLen()
	if err != nil {
		return in, err
	}
	if args > min(maxArgs, size) {
		return in, fmt.Errorf("%w: %d arguments, at most %d are taken", ErrProtocol, args, maxArgs)
	}
	for range args {
		v, err := d.DecodeInterface()
		if err != nil {
			return in, err
		}
		text, err := json.Marshal(v)
		if err != nil {
			return in, err
		}
		in.args = append(in.args, text)
	}
	return in, nil
}
