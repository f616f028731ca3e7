package signalr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
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
	wrong  string            // why the arguments cannot be taken, "" when they can
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
	}
	if !utf8.Valid(record) || json.Unmarshal(record, &m) != nil || m.Kind == nil {
		return incoming{}, broken("a message is an object with a number as its type, and a call has text as its target and an array as its arguments")
	}
	if len(m.Args) > maxArgs {
		return incoming{}, broken(fmt.Sprintf("%d arguments, at most %d are taken", len(m.Args), maxArgs))
	}
	in := incoming{kind: *m.Kind, target: m.Target, args: m.Args}
	if m.ID != nil {
		in.id, in.asked = *m.ID, true
	}
	return in, nil
}

func parsePack(record []byte) (in incoming, err error) {
	u := unpacker{record}
	whole, err := u.as(packArray, "a message is an array that begins with its type")
	if err != nil {
		return in, err
	}
	if whole.n < 1 {
		return in, broken("a message is an array that begins with its type")
	}
	kind, err := u.next()
	if err != nil {
		return in, err
	}
	if kind.kind != packUint && kind.kind != packInt {
		return in, broken("the type of a message is a number")
	}
	if in.kind = int(min(kind.n, math.MaxInt32)); in.kind != kindInvocation && in.kind != kindStreamInvocation {
		return in, nil // of the others the type is enough
	}
	if whole.n < 5 {
		return in, broken(fmt.Sprintf("a call of %d parts, it has at least 5", whole.n))
	}
	return in, in.unpack(&u)
}

// unpack takes what a call has behind its type.
func (in *incoming) unpack(u *unpacker) error {
	if _, err := u.appendJSON(nil, 0); errors.Is(err, errNoJSON) {
		return broken("the headers of a call are text")
	} else if err != nil {
		return err
	}
	id, err := u.next()
	if err != nil {
		return err
	}
	switch id.kind {
	case packText:
		in.id, in.asked = string(id.data), true
	case packNil:
	default:
		return broken("the id of a call is text")
	}
	target, err := u.as(packText, "the target of a call is text")
	if err != nil {
		return err
	}
	in.target = string(target.data)
	args, err := u.as(packArray, "the arguments of a call are an array")
	if err != nil {
		return err
	}
	if args.n > maxArgs {
		return broken(fmt.Sprintf("%d arguments, at most %d are taken", args.n, maxArgs))
	}
	for range args.n {
		arg, err := u.appendJSON(nil, 0)
		if errors.Is(err, errNoJSON) {
			in.wrong = err.Error()
			return nil
		}
		if err != nil {
			return err
		}
		in.args = append(in.args, arg)
	}
	return nil
}
