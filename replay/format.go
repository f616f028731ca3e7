package replay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"trunkline/event"
	"trunkline/source/asterisk"
)

// Format is the kind of a recording.
type Format string

// The formats.
const (
	FormatAMI      Format = "ami"       // bytes of an Asterisk manager connection
	FormatQueueLog Format = "queue_log" // Asterisk's queue_log
	FormatNDJSON   Format = "ndjson"    // one CloudEvent a line
)

// Formats lists the formats, for messages and completion.
func Formats() []string {
	return []string{string(FormatAMI), string(FormatQueueLog), string(FormatNDJSON)}
}

// readFunc reads a recording and hands on what it says.
type readFunc func(ctx context.Context, r io.Reader, o Options, sum *Summary, emit func(item) error) error

// readers are the readers of the formats.
func readers() map[Format]readFunc {
	return map[Format]readFunc{FormatAMI: readAMI, FormatQueueLog: readQueueLog, FormatNDJSON: readNDJSON}
}

// item is one event on its way.
type item struct {
	at   time.Time // when it happened, for the pace; zero: with the one before
	typ  string
	line []byte // one JSON object without a line end
	fact event.Fact
}

// translated is where a translator puts its facts: each becomes an item, until
// the first error.
func translated(failed *error, emit func(item) error) func(event.Meta, event.Fact) {
	return func(m event.Meta, f event.Fact) {
		if *failed != nil {
			return
		}
		line, err := event.AppendFact(nil, m, f)
		if err != nil {
			*failed = err
			return
		}
		*failed = emit(item{m.Time, f.EventType(), line, f})
	}
}

// piece is how much of a capture is taken at once when there is no timing.
const piece = 32 << 10

// readAMI translates a capture.
func readAMI(ctx context.Context, r io.Reader, o Options, sum *Summary, emit func(item) error) error {
	var failed error
	ahead := piece
	if o.Now && len(o.Timing) == 0 {
		ahead = 1 << 20 // to find the first time behind a long snapshot
	}
	br := bufio.NewReaderSize(r, ahead)
	tr := asterisk.NewTranslator(asterisk.Options{
		Tenant: o.Tenant,
		PBX:    o.PBX,
		Shift:  o.amiShift(br),
		Fault: func(e *asterisk.SyntaxError) {
			sum.Faults++
			if sum.FirstFault == nil {
				sum.FirstFault = e
			}
		},
		Emit: translated(&failed, emit),
	})
	buf := make([]byte, piece)
	take := func(want int, at time.Time) error {
		for want > 0 && failed == nil {
			n, err := io.ReadFull(br, buf[:min(want, len(buf))])
			tr.Feed(buf[:n], at)
			want -= n
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return failed
	}
	var last time.Time
	for _, read := range o.Timing {
		last = read.At
		if read.Event == "eof" {
			tr.Disconnected(read.At, "connection closed")
		}
		if err := take(read.Len, read.At); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("%w: it names bytes %d to %d, the capture is shorter", ErrTiming, read.Offset, read.Offset+int64(read.Len))
			}
			return err
		}
	}
	for {
		if err := take(piece, last); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			return err
		}
	}
	tr.Close()
	sum.Open = tr.Open()
	return failed
}

// amiShift is how far the times of a capture are moved. It begins at its first
// read, or else at the first time in it.
func (o *Options) amiShift(br *bufio.Reader) time.Duration {
	if !o.Now {
		return 0
	}
	if len(o.Timing) > 0 {
		return o.shift(o.Timing[0].At)
	}
	head, _ := br.Peek(br.Size())
	var first time.Time
	r := asterisk.NewReader(asterisk.Limits{}, func(m *asterisk.Message) {
		if at, ok := m.Time(); ok && first.IsZero() {
			first = at
		}
	}, nil)
	_, _ = r.Write(head)
	return o.shift(first)
}

// readNDJSON reads a file of CloudEvents and checks each before it is sent.
func readNDJSON(ctx context.Context, r io.Reader, o Options, _ *Summary, emit func(item) error) error {
	lim := event.DefaultLimits()
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), lim.MaxEvent+1)
	var shift time.Duration
	shifted := false
	for n := 1; lines.Scan(); n++ {
		raw := bytes.TrimSpace(lines.Bytes())
		if len(raw) == 0 {
			continue
		}
		e, err := event.Parse(bytes.Clone(raw), lim)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if !shifted && !e.Time.IsZero() {
			shift, shifted = o.shift(e.Time), true
		}
		if o.Now {
			if e, err = shiftEvent(e, shift); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		it := item{at: e.Time, typ: e.Type, line: e.Raw}
		if o.Outcomes != nil {
			if it.fact, err = event.Decode(e); err != nil && !errors.Is(err, event.ErrUnknownType) {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		if err := emit(it); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	return nil
}

// shiftEvent moves the time of an event and gives it another id, since the same
// one with another time would be a contradiction.
func shiftEvent(e event.Event, shift time.Duration) (event.Event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.Raw, &members); err != nil {
		return e, err
	}
	set := func(name, value string) {
		members[name], _ = json.Marshal(value)
	}
	set("id", fmt.Sprintf("%s+%d", e.ID, int64(shift.Seconds())))
	if !e.Time.IsZero() {
		set("time", e.Time.Add(shift).UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return e, err
	}
	return event.Parse(raw, event.DefaultLimits())
}
