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
)

// Format is the kind of a recording.
type Format string

// The formats.
const (
	FormatAMI      Format = "ami"       // bytes of an Asterisk manager connection
	FormatQueueLog Format = "queue_log" // Asterisk's queue_log
	FormatESL      Format = "esl"       // bytes of a FreeSWITCH's event socket
	FormatNDJSON   Format = "ndjson"    // one CloudEvent a line
)

// Formats lists the formats, for messages and completion.
func Formats() []string {
	return []string{string(FormatAMI), string(FormatQueueLog), string(FormatESL), string(FormatNDJSON)}
}

// readFunc reads a recording and hands on what it says.
type readFunc func(ctx context.Context, r io.Reader, o Options, sum *Summary, emit func(item) error) error

// readers are the readers of the formats.
func readers() map[Format]readFunc {
	return map[Format]readFunc{FormatAMI: readAMI, FormatQueueLog: readQueueLog, FormatESL: readESL, FormatNDJSON: readNDJSON}
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
