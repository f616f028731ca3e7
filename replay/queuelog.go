package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"trunkline/source/asterisk"
)

// readQueueLog translates a queue_log. A line that makes no sense is counted
// and left out.
func readQueueLog(ctx context.Context, r io.Reader, o Options, sum *Summary, emit func(item) error) error {
	var failed error
	br := bufio.NewReaderSize(r, 64<<10)
	to := asterisk.QueueLogTranslatorOptions{
		Tenant: o.Tenant, PBX: o.PBX, Agents: o.Agents, Emit: translated(&failed, emit),
	}
	if o.Now {
		head, _ := br.Peek(64)
		if l, err := asterisk.ParseQueueLog(append(head, "||||x"...)); err == nil {
			to.Shift = o.shift(l.Time)
		}
	}
	tr := asterisk.NewQueueLogTranslator(to)
	lines := bufio.NewScanner(br)
	lines.Buffer(make([]byte, 4096), 1<<20)
	for n := 1; lines.Scan() && failed == nil; n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := tr.Line(lines.Bytes()); err != nil {
			sum.Faults++
			if sum.FirstFault == nil {
				sum.FirstFault = fmt.Errorf("line %d: %w", n, err)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the queue_log: %w", err)
	}
	tr.Close()
	sum.Open = tr.Open()
	return errors.Join(failed)
}
