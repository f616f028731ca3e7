package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is the JetStream stream of one shard.
type Stream struct {
	e       *Engine
	name    string
	subject string
	label   string
}

// State is what the engine says of a stream.
type State struct {
	First, Last uint64 // sequences; First > Last when empty
	Missing     int    // messages missing between First and Last
	Bytes       uint64
}

// ErrNoStream says that the shard has no stream.
var ErrNoStream = errors.New("shard has no stream")

// StreamName is the name of a shard's stream.
func StreamName(shard int) string { return fmt.Sprintf("TL_%d", shard) }

// labelKey is where a stream's metadata has its label.
const labelKey = "trunkline.epoch"

// Label is what the stream was given when it was made.
func (st *Stream) Label() string { return st.label }

// Stream opens the stream of a shard. With create it is made when it is not
// there, with a label that stays; otherwise that is ErrNoStream.
func (e *Engine) Stream(ctx context.Context, shard int, label string, create bool) (st *Stream, err error) {
	err = e.open(ctx, func(ctx context.Context) (err error) {
		st, err = e.stream(ctx, shard, label, create)
		return err
	})
	return st, err
}

func (e *Engine) stream(ctx context.Context, shard int, label string, create bool) (*Stream, error) {
	s, err := e.session()
	if err != nil {
		return nil, err
	}
	st := &Stream{e: e, name: StreamName(shard), subject: fmt.Sprintf("tl.%d", shard)}
	str, err := s.js.Stream(ctx, st.name)
	if err == nil {
		st.label = str.CachedInfo().Config.Metadata[labelKey]
		return st, nil
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("open stream %s: %w", st.name, err)
	}
	if !create {
		return nil, fmt.Errorf("%w: %s", ErrNoStream, st.name)
	}
	_, err = s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:        st.name,
		Description: "Trunkline event log, one commit a message",
		Subjects:    []string{st.subject},
		Storage:     jetstream.FileStorage,
		Replicas:    e.opt.Replicas,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		DenyDelete:  true,
		AllowDirect: true,
		MaxMsgSize:  -1,
		// Identities are the writer's business; the server's window stays small.
		Duplicates: 100 * time.Millisecond,
		Metadata:   map[string]string{labelKey: label},
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return e.stream(ctx, shard, label, false) // another node was first
	}
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", st.name, err)
	}
	st.label = label
	return st, nil
}

// State asks for the stream's state.
func (st *Stream) State(ctx context.Context) (State, error) {
	s, err := st.e.session()
	if err != nil {
		return State{}, err
	}
	str, err := s.js.Stream(ctx, st.name)
	if err != nil {
		return State{}, fmt.Errorf("ask for the state of stream %s: %w", st.name, err)
	}
	i := str.CachedInfo().State
	return State{First: i.FirstSeq, Last: i.LastSeq, Missing: i.NumDeleted, Bytes: i.Bytes}, nil
}

// JetStream's error codes that are told apart.
const (
	wrongLastSequence = 10071
	storeFailed       = 10077
	noMessage         = 10037
)

// Publish appends msg if the stream's last sequence is expect, and returns when
// the server says that it is stored.
func (st *Stream) Publish(ctx context.Context, msg []byte, expect uint64) error {
	s, err := st.e.session()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, st.e.opt.Timeout)
	defer cancel()
	m := &nats.Msg{Subject: st.subject, Data: msg, Header: nats.Header{
		"Nats-Expected-Last-Sequence": []string{strconv.FormatUint(expect, 10)},
	}}
	reply, err := s.nc.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: nobody serves stream %s", ErrRefused, st.name)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %d bytes are more than the server takes", ErrRefused, len(msg))
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	var ack struct {
		Seq   uint64 `json:"seq"`
		Error *struct {
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return fmt.Errorf("%w: unreadable answer: %w", ErrNoAnswer, err)
	}
	if ack.Error != nil {
		switch ack.Error.ErrCode {
		case wrongLastSequence:
			return fmt.Errorf("%w: %s", ErrWrongSequence, ack.Error.Description)
		case storeFailed:
			// The store met an error half way; what is there has to be looked at.
			return fmt.Errorf("%w: %s", ErrNoAnswer, ack.Error.Description)
		}
		return fmt.Errorf("%w: %s", ErrRefused, ack.Error.Description)
	}
	if ack.Seq != expect+1 {
		return fmt.Errorf("%w: stored at %d, expected %d", ErrNoAnswer, ack.Seq, expect+1)
	}
	return nil
}

// Batches of a range read: few enough bytes that a reader does not hold up the
// writer, which waits while the server gathers one batch.
const (
	batchMessages = 1024
	batchBytes    = 1 << 20
)

// Read hands the messages from sequence from on to fn, in order, at most one
// batch of them. It returns how many there were: 0 when there is nothing at or
// behind from. Messages that are missing are silently stepped over here: the
// sequence inside each commit tells.
func (st *Stream) Read(ctx context.Context, from uint64, most int, fn func(msg []byte) error) (int, error) {
	s, err := st.e.session()
	if err != nil {
		return 0, err
	}
	if most <= 0 || most > batchMessages {
		most = batchMessages
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d,"no_hdr":true}`, max(from, 1), most, batchBytes)
	n := 0
	err = st.e.patiently(ctx, func() (err error) {
		n, err = s.readRange(ctx, st.name, req, func(m *nats.Msg) error { return fn(m.Data) })
		return err
	})
	if err == nil && n == 0 && !st.e.Embedded() {
		return st.readLeader(ctx, s, from, fn)
	}
	return n, err
}

// readRange asks for a batch of a stream's messages and hands them on, in order.
func (s *session) readRange(ctx context.Context, stream string, req []byte, fn func(m *nats.Msg) error) (int, error) {
	inbox := s.nc.NewInbox()
	sub, err := s.nc.SubscribeSync(inbox)
	if err != nil {
		return 0, fmt.Errorf("read stream %s: %w", stream, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	_ = sub.SetPendingLimits(-1, -1)
	if err := s.nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, req); err != nil {
		return 0, fmt.Errorf("read stream %s: %w", stream, err)
	}
	for n := 0; ; n++ {
		m, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
			return n, fmt.Errorf("read stream %s: %w: %w", stream, ErrDown, err)
		}
		if err != nil {
			return n, fmt.Errorf("read stream %s, %s: %w", stream, req, err)
		}
		if len(m.Data) == 0 {
			switch status := m.Header.Get("Status"); status {
			case "204", "404": // end of batch, nothing there
				return n, nil
			case "": // an entry without a value
			default:
				return n, fmt.Errorf("read stream %s, %s: server answered %s %s", stream, req, status, m.Header.Get("Description"))
			}
		}
		if err := fn(m); err != nil {
			return n, err
		}
	}
}

// readLeader reads one message from the stream's leader. Ranges are answered by
// any replica, and one that lags behind does not know yet what was acknowledged
// already: "nothing there" is true only when the leader says so.
func (st *Stream) readLeader(ctx context.Context, s *session, from uint64, fn func(msg []byte) error) (int, error) {
	req := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q}`, max(from, 1), st.subject)
	var m *nats.Msg
	err := st.e.patiently(ctx, func() (err error) {
		m, err = s.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+st.name, req)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read stream %s from %d: %w", st.name, from, err)
	}
	var answer struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
		Error *struct {
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return 0, fmt.Errorf("read stream %s from %d: unreadable answer: %w", st.name, from, err)
	case answer.Error != nil && answer.Error.ErrCode == noMessage:
		return 0, nil
	case answer.Error != nil:
		return 0, fmt.Errorf("read stream %s from %d: %s", st.name, from, answer.Error.Description)
	}
	return 1, fn(answer.Message.Data)
}

// Trim removes all messages before keep.
func (st *Stream) Trim(ctx context.Context, keep uint64) error {
	s, err := st.e.session()
	if err != nil {
		return err
	}
	str, err := s.js.Stream(ctx, st.name)
	if err == nil {
		err = str.Purge(ctx, jetstream.WithPurgeSequence(keep))
	}
	if err != nil {
		return fmt.Errorf("trim stream %s before %d: %w", st.name, keep, err)
	}
	return nil
}

// Consume hands every message from sequence from on to fn, in order, until ctx
// ends or fn returns an error. It is for nodes that follow another node's
// writer.
func (st *Stream) Consume(ctx context.Context, from uint64, fn func(msg []byte) error) error {
	s, err := st.e.session()
	if err != nil {
		return err
	}
	str, err := s.js.Stream(ctx, st.name)
	if err != nil {
		return fmt.Errorf("follow stream %s: %w", st.name, err)
	}
	cons, err := str.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1),
	})
	if err != nil {
		return fmt.Errorf("follow stream %s: %w", st.name, err)
	}
	it, err := cons.Messages(jetstream.PullMaxBytes(8 << 20))
	if err != nil {
		return fmt.Errorf("follow stream %s: %w", st.name, err)
	}
	defer it.Stop()
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	for {
		m, err := it.Next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("follow stream %s: %w", st.name, err)
		}
		if err := fn(m.Data()); err != nil {
			return err
		}
	}
}

// Last asks for the stream's last sequence.
func (st *Stream) Last(ctx context.Context) (uint64, error) {
	s, err := st.State(ctx)
	return s.Last, err
}
