package replay

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Bar shows the progress of a replay: one line that is drawn anew on a
// terminal, a plain line now and then elsewhere.
type Bar struct {
	w        io.Writer
	terminal bool
	every    time.Duration
	start    time.Time
	last     time.Time
	width    int
	retry    string
}

// NewBar returns a bar that writes to w.
func NewBar(w io.Writer, terminal bool) *Bar {
	b := &Bar{w: w, terminal: terminal, every: 5 * time.Second, start: time.Now()}
	if terminal {
		b.every = 100 * time.Millisecond
	}
	return b
}

// Update shows p, unless something was shown a moment ago. A retry is always
// shown, once for each reason in a row.
func (b *Bar) Update(p Progress) {
	now := time.Now()
	news := p.Retry != "" && p.Retry != b.retry
	b.retry = p.Retry
	if !news && now.Sub(b.last) < b.every {
		return
	}
	if b.last.IsZero() && !b.terminal && !news {
		b.last = now // the first plain line comes after a while, short replays have none
		return
	}
	b.last = now
	b.draw(b.line(p, now))
}

func (b *Bar) line(p Progress, now time.Time) string {
	var s strings.Builder
	if p.Size > 0 {
		done := min(float64(p.Read)/float64(p.Size), 1)
		if b.terminal {
			const cells = 24
			full := int(done * cells)
			fmt.Fprintf(&s, "[%s%s] ", strings.Repeat("#", full), strings.Repeat(".", cells-full))
		}
		fmt.Fprintf(&s, "%3.0f%% ", done*100)
	}
	fmt.Fprintf(&s, "%d events", p.Sent)
	if sec := now.Sub(b.start).Seconds(); sec > 0.5 {
		fmt.Fprintf(&s, ", %.0f/s", float64(p.Sent)/sec)
	}
	if !p.At.IsZero() {
		fmt.Fprintf(&s, ", at %s", p.At.UTC().Format("15:04:05"))
	}
	if p.Retry != "" {
		fmt.Fprintf(&s, ", again: %s", p.Retry)
	}
	return s.String()
}

func (b *Bar) draw(line string) {
	if !b.terminal {
		fmt.Fprintln(b.w, line)
		return
	}
	const columns = 79
	runes := []rune(line)
	if len(runes) > columns {
		runes = runes[:columns]
	}
	fmt.Fprintf(b.w, "\r%s%s", string(runes), strings.Repeat(" ", max(b.width-len(runes), 0)))
	b.width = len(runes)
}

// Done takes the bar off the terminal.
func (b *Bar) Done() {
	if b.terminal && b.width > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", b.width))
		b.width = 0
	}
}

// Write writes the summary for people.
func (s Summary) Write(w io.Writer) error {
	types := make([]string, 0, len(s.Types))
	width := 0
	for t := range s.Types {
		types = append(types, t)
		width = max(width, len(t))
	}
	slices.Sort(types)
	var b strings.Builder
	for _, t := range types {
		fmt.Fprintf(&b, "%-*s %8d\n", width, t, s.Types[t])
	}
	fmt.Fprintf(&b, "%-*s %8d\n", width, "sent", s.Sent)
	fmt.Fprintf(&b, "accepted %d, duplicates %d, conflicts %d, in %d requests, %d repeated, %v\n",
		s.Accepted, s.Duplicates, s.Conflicts, s.Requests, s.Retries, s.Elapsed.Round(time.Millisecond))
	if s.Faults > 0 {
		fmt.Fprintf(&b, "%d places of the capture could not be read, the first: %v\n", s.Faults, s.FirstFault)
	}
	if s.Open > 0 {
		fmt.Fprintf(&b, "%d interactions had not ended when the capture did\n", s.Open)
	}
	if s.Cursor != "" {
		fmt.Fprintf(&b, "cursor %s\n", s.Cursor)
	}
	if s.Durability != "" {
		fmt.Fprintf(&b, "durability %s\n", s.Durability)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
