package asterisk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// read takes the file to its present end.
func (q *QueueLog) read(ctx context.Context) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := q.file.ReadAt(buf, q.at.Offset+int64(len(q.part)))
		data := buf[:n]
		for len(data) > 0 {
			i := bytes.IndexByte(data, '\n')
			if i < 0 {
				q.part = append(q.part, data...)
				break
			}
			line := data[:i+1]
			if len(q.part) > 0 {
				line = append(q.part, line...)
			}
			q.line(line)
			q.at.Offset += int64(len(line))
			q.part, data = q.part[:0], data[i+1:]
		}
		if len(q.part) > maxQueueLogLine { // its rest is a line that makes no sense
			q.at.Offset += int64(len(q.part))
			q.part, q.over = q.part[:0], true
		}
		q.at.know(q.file)
		if err := q.deliverAny(ctx); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) || n == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the queue_log: %w", err)
		}
	}
}

func (q *QueueLog) line(line []byte) {
	if q.over {
		q.over = false
		return
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if err := q.tr.Line(line); err != nil {
		q.mu.Lock()
		q.health.Faults++
		q.mu.Unlock()
		q.o.Logger.Debug("a line makes no sense", "error", err)
		return
	}
	q.mu.Lock()
	q.health.Events, q.health.EventAt = q.health.Events+1, q.o.Now()
	q.health.Bytes += int64(len(line))
	q.mu.Unlock()
}
