package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"trunkline/internal/scan"
)

// Mark is what decides of a row whether it holds: its key, and what it is ordered by.
type Mark struct {
	Key   []byte // as [Dedupe.AppendKey] has it
	order []Value
}

// Mark reads of a line only what removing duplicates needs, which is much faster than
// [Table.ParseJSON]. The line must be one JSON object; what its other members hold is not
// looked at.
func (d *Dedupe) Mark(t *Table, line []byte) (Mark, error) {
	if !gjson.ValidBytes(line) {
		return Mark{}, fmt.Errorf("%w: %s: it is no JSON object", ErrRow, t.Name)
	}
	row := make(map[int]Value, len(d.key)+len(d.order))
	js := scan.Of(string(line))
	if !js.Open(scan.Object) {
		return Mark{}, fmt.Errorf("%w: %s: it is no JSON object", ErrRow, t.Name)
	}
	for {
		name, ok := js.Member()
		if !ok {
			break
		}
		raw := js.Value()
		i, ok := t.Column(name)
		if !ok || !slices.Contains(d.key, i) && !slices.Contains(d.order, i) {
			continue
		}
		v, err := small(raw)
		if err != nil {
			return Mark{}, fmt.Errorf("%w: %s.%s: %w", ErrRow, t.Name, name, err)
		}
		if row[i], ok = valueOf(t.Columns[i].Kind, v); !ok {
			return Mark{}, fmt.Errorf("%w: %s.%s is %.60v, where %s belongs", ErrRow, t.Name, name, v, t.Columns[i].Kind)
		}
	}
	m := Mark{order: make([]Value, len(d.order))}
	for _, i := range d.key {
		m.Key = append(row[i].AppendJSON(m.Key), ',')
	}
	for n, i := range d.order {
		m.order[n] = row[i]
	}
	return m, nil
}

// small decodes one value. Most are texts without escapes, and numbers.
func small(raw string) (v any, err error) {
	switch {
	case raw == "null":
		return nil, nil
	case raw == "true", raw == "false":
		return raw == "true", nil
	case raw[0] == '"' && strings.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1], nil
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return json.Number(raw), nil
	}
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// Newer says that a row of a window holds before another row of another, or of the same
// window where that came first.
func (m Mark) Newer(window time.Time, o Mark, other time.Time) bool {
	for i := range m.order {
		if c := m.order[i].Compare(o.order[i]); c != 0 {
			return c > 0
		}
	}
	return !window.Before(other)
}
