package eventlog

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"trunkline/event"
	"trunkline/eventlog/commit"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Appends that reach a node which does not write their shard are forwarded to
// the one that does, over NATS. Request: tenant, number of events, then source,
// id and raw bytes of each, every field with its uvarint length before it.
// Answer: JSON.
type forwarded struct {
	Accepted, Duplicates, Conflicts int
	Cursor                          Cursor
	Error                           string `json:",omitempty"` // code
	Reason                          string `json:",omitempty"`
	RetryAfter                      time.Duration
}

// The codes of forwarded errors.
const (
	codeUnavailable = "unavailable"
	codeUnknown     = "unknown"
	codeQuota       = "quota"
	codeBusy        = "busy"
	codeTooLarge    = "too large"
)

func (s *shard) subject() string { return "tlw." + itoa(s.id) }

// forwardWait is how long an append waits for its shard to have a writer: a
// little more than an election among servers and a lease take.
const forwardWait = 12 * time.Second

// forward hands an append to the node that writes the shard, in parts that fit
// a message.
func (s *shard) forward(ctx context.Context, tenant string, events []event.Event) (Result, error) {
	if s.log.engine.Embedded() {
		_, reason := s.status()
		return Result{}, &UnavailableError{Reason: reason}
	}
	sum := Result{Durability: s.log.engine.Durability()}
	limit := s.log.engine.MaxMessage() / 2
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && (n == 0 || size+len(events[n].Raw) < limit) {
			size += len(events[n].Raw) + len(events[n].ID) + len(events[n].Source)
			n++
		}
		if size > 2*limit-4096 {
			return sum, fmt.Errorf("%w: %d bytes, a message between nodes takes %d", ErrTooLarge, size, 2*limit)
		}
		res, err := s.forwardPart(ctx, tenant, events[:n])
		sum.Accepted += res.Accepted
		sum.Duplicates += res.Duplicates
		sum.Conflicts += res.Conflicts
		if err != nil {
			if sum.Accepted > 0 {
				err = fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			return sum, err
		}
		sum.Cursor = res.Cursor
		events = events[n:]
	}
	return sum, nil
}

func (s *shard) forwardPart(ctx context.Context, tenant string, events []event.Event) (Result, error) {
	b := encodeForward(tenant, events)
	deadline := time.Now().Add(forwardWait)
	for {
		nc, err := s.log.engine.Conn()
		if err != nil {
			return Result{}, &UnavailableError{Reason: err.Error()}
		}
		try, cancel := context.WithTimeout(ctx, s.log.cfg.Timeout+s.log.cfg.UnknownWait)
		m, err := nc.RequestWithContext(try, s.subject(), b)
		cancel()
		if err == nil {
			res, ferr := decodeForwarded(m.Data)
			var un *UnavailableError
			if !errors.As(ferr, &un) || time.Now().After(deadline) {
				return res, ferr
			}
			err = ferr // not written: a new writer may be on its way
		} else if !errors.Is(err, nats.ErrNoResponders) {
			return Result{}, fmt.Errorf("%w: the writing node did not answer: %w", ErrUnknown, err)
		}
		if time.Now().After(deadline) {
			return Result{}, &UnavailableError{Reason: "shard " + itoa(s.id) + " has no writer: " + err.Error()}
		}
		if w := s.owner(); w != nil { // it has become this node
			res, err := w.Append(ctx, tenant, events)
			return Result{Accepted: res.Accepted, Duplicates: res.Duplicates, Conflicts: res.Conflicts, Cursor: Cursor{res.Epoch, res.Head}}, err
		}
		if !pause(ctx, retryPause) {
			return Result{}, ctx.Err()
		}
	}
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// serveForwards answers appends of other nodes while this one writes the shard.
func (s *shard) serveForwards(ctx context.Context) (stop func(), err error) {
	nc, err := s.log.engine.Conn()
	if err != nil {
		return nil, err
	}
	sub, err := nc.Subscribe(s.subject(), func(m *nats.Msg) {
		s.tasks.Go(func() {
			b, _ := json.Marshal(s.answerForward(ctx, m.Data))
			_ = m.Respond(b)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("serve appends of other nodes: %w", err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

func (s *shard) answerForward(ctx context.Context, b []byte) forwarded {
	tenant, events, err := decodeForward(b)
	if err != nil {
		return forwarded{Error: codeUnavailable, Reason: err.Error()}
	}
	w := s.owner()
	if w == nil {
		return forwarded{Error: codeUnavailable, Reason: "this node does not write the shard any more"}
	}
	if err := s.log.checkQuota(s, tenant); err != nil {
		return encodeError(err)
	}
	res, err := w.Append(ctx, tenant, events)
	f := encodeError(err)
	f.Accepted, f.Duplicates, f.Conflicts = res.Accepted, res.Duplicates, res.Conflicts
	f.Cursor = Cursor{res.Epoch, res.Head}
	return f
}

func encodeError(err error) forwarded {
	var un *UnavailableError
	var quota *QuotaError
	switch {
	case err == nil:
		return forwarded{}
	case errors.As(err, &quota):
		return forwarded{Error: codeQuota, Reason: quota.Reason, RetryAfter: quota.RetryAfter}
	case errors.Is(err, ErrUnknown):
		return forwarded{Error: codeUnknown, Reason: err.Error()}
	case errors.Is(err, ErrBusy):
		return forwarded{Error: codeBusy, Reason: err.Error()}
	case errors.Is(err, ErrTooLarge):
		return forwarded{Error: codeTooLarge, Reason: err.Error()}
	case errors.As(err, &un):
		return forwarded{Error: codeUnavailable, Reason: un.Reason}
	}
	return forwarded{Error: codeUnavailable, Reason: err.Error()}
}

func decodeForwarded(b []byte) (Result, error) {
	var f forwarded
	if err := json.Unmarshal(b, &f); err != nil {
		return Result{}, fmt.Errorf("%w: unreadable answer of the writing node: %w", ErrUnknown, err)
	}
	res := Result{Accepted: f.Accepted, Duplicates: f.Duplicates, Conflicts: f.Conflicts, Cursor: f.Cursor}
	switch f.Error {
	case "":
		return res, nil
	case codeQuota:
		return res, &QuotaError{RetryAfter: f.RetryAfter, Reason: f.Reason}
	case codeUnavailable:
		return res, &UnavailableError{Reason: f.Reason}
	case codeBusy:
		return res, fmt.Errorf("%w: %s", ErrBusy, f.Reason)
	case codeTooLarge:
		return res, fmt.Errorf("%w: %s", ErrTooLarge, f.Reason)
	}
	return res, fmt.Errorf("%w: %s", ErrUnknown, f.Reason)
}

func encodeForward(tenant string, events []event.Event) []byte {
	b := appendBytes(nil, tenant)
	b = binary.AppendUvarint(b, uint64(len(events)))
	for i := range events {
		e := &events[i]
		b = appendBytes(b, e.Source)
		b = appendBytes(b, e.ID)
		b = appendBytes(b, e.Raw)
	}
	return b
}

func decodeForward(b []byte) (tenant string, events []event.Event, err error) {
	r := commit.Fields{B: b}
	tenant = string(r.Bytes(r.Uvarint()))
	n := r.Uvarint()
	if n > uint64(len(b)) {
		r.Bad = true
	}
	for ; n > 0 && !r.Bad; n-- {
		events = append(events, event.Event{
			Source: string(r.Bytes(r.Uvarint())), ID: string(r.Bytes(r.Uvarint())), Raw: r.Bytes(r.Uvarint()),
		})
	}
	if r.Bad || len(r.B) != 0 {
		return "", nil, errors.New("append of another node is cut short")
	}
	return tenant, events, nil
}
