package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"trunkline/source/asterisk"
	"trunkline/source/freeswitch"
)

// translator makes facts of the bytes of a connection.
type translator interface {
	Feed(p []byte, at time.Time)
	Disconnected(at time.Time, reason string)
	Close()
	Open() int
}

// readAMI translates a capture of a manager connection.
func readAMI(ctx context.Context, r io.Reader, o Options, sum *Summary, emit func(item) error) error {
	var failed error
	return readCapture(ctx, r, o, sum, &failed, amiTime, func(shift time.Duration) translator {
		return asterisk.NewTranslator(asterisk.Options{
			Tenant: o.Tenant, PBX: o.PBX, Shift: shift, Emit: translated(&failed, emit),
			Fault: func(e *asterisk.SyntaxError) { sum.fault(e) },
		})
	})
}

// readESL translates a capture of an event socket.
func readESL(ctx context.Context, r io.Reader, o Options, sum *Summary, emit func(item) error) error {
	var failed error
	return readCapture(ctx, r, o, sum, &failed, eslTime, func(shift time.Duration) translator {
		return freeswitch.NewTranslator(freeswitch.Options{
			Tenant: o.Tenant, Name: o.PBX, Shift: shift, Emit: translated(&failed, emit),
			Fault: func(e *freeswitch.SyntaxError) { sum.fault(e) },
		})
	})
}

// fault counts a place that could not be read.
func (s *Summary) fault(err error) {
	s.Faults++
	if s.FirstFault == nil {
		s.FirstFault = err
	}
}

// piece is how much of a capture is taken at once when there is no timing.
const piece = 32 << 10

// readCapture feeds a capture to a translator, read by read where its timing is
// known. failed is what stops the translator's facts; first finds the first
// time in the head of a capture.
func readCapture(ctx context.Context, r io.Reader, o Options, sum *Summary, failed *error, first func([]byte) time.Time,
	open func(shift time.Duration) translator,
) error {
	ahead := piece
	if o.Now && len(o.Timing) == 0 {
		ahead = 1 << 20 // to find the first time behind a long snapshot
	}
	br := bufio.NewReaderSize(r, ahead)
	tr := open(o.captureShift(br, first))
	buf := make([]byte, piece)
	take := func(want int, at time.Time) error {
		for want > 0 && *failed == nil {
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
		return *failed
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
	return *failed
}

// captureShift is how far the times of a capture are moved. It begins at its
// first read, or else at the first time in it.
func (o *Options) captureShift(br *bufio.Reader, first func([]byte) time.Time) time.Duration {
	if !o.Now {
		return 0
	}
	if len(o.Timing) > 0 {
		return o.shift(o.Timing[0].At)
	}
	head, _ := br.Peek(br.Size())
	return o.shift(first(head))
}

func amiTime(head []byte) (first time.Time) {
	r := asterisk.NewReader(asterisk.Limits{}, func(m *asterisk.Message) {
		if at, ok := m.Time(); ok && first.IsZero() {
			first = at
		}
	}, nil)
	_, _ = r.Write(head)
	return first
}

func eslTime(head []byte) (first time.Time) {
	r := freeswitch.NewReader(freeswitch.Limits{}, func(m *freeswitch.Message) {
		if at, ok := m.Time(); ok && first.IsZero() {
			first = at
		}
	}, nil)
	_, _ = r.Write(head)
	return first
}
