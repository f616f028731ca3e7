package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// ErrRow is what the errors of a line that is no row of a table wrap.
var ErrRow = errors.New("not a row of the table")

// Extra is a member of a line that the table has no column for: a column that was
// added since.
type Extra struct {
	Name string
	JSON []byte
}

// ParseJSON reads a line of a table's file: an object with a member for each column
// that has a value, in any order. Missing members are null. Numbers may be given as
// texts, and moments in any of the three forms that exports have.
func (t *Table) ParseJSON(line []byte) (Row, []Extra, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return nil, nil, fmt.Errorf("%w: %s: it is no JSON object", ErrRow, t.Name)
	}
	row := make(Row, len(t.Columns))
	var extra []Extra
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", ErrRow, t.Name, err)
		}
		name, _ := tok.(string)
		i, ok := t.Column(name)
		if !ok {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return nil, nil, fmt.Errorf("%w: %s.%s: %w", ErrRow, t.Name, name, err)
			}
			extra = append(extra, Extra{name, raw})
			continue
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, nil, fmt.Errorf("%w: %s.%s: %w", ErrRow, t.Name, name, err)
		}
		if row[i], ok = valueOf(t.Columns[i].Kind, v); !ok {
			return nil, nil, fmt.Errorf("%w: %s.%s is %.60v, where %s belongs", ErrRow, t.Name, name, v, t.Columns[i].Kind)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrRow, t.Name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%w: %s: something stands behind the object", ErrRow, t.Name)
	}
	return row, extra, nil
}

func valueOf(k Kind, v any) (Value, bool) {
	switch x := v.(type) {
	case nil:
		return Value{}, true
	case bool:
		switch k {
		case Boolean:
			return Truth(x), true
		case Integer:
			if x {
				return Int(1), true
			}
			return Int(0), true
		case String:
			return Text(strconv.FormatBool(x)), true
		}
		return Value{}, false
	case json.Number:
		if k == Timestamp {
			return Value{}, false
		}
		return fromText(k, x.String())
	case string:
		return fromText(k, x)
	}
	if k != String {
		return Value{}, false
	}
	raw, err := json.Marshal(v)
	return Text(string(raw)), err == nil
}

func fromText(k Kind, s string) (Value, bool) {
	if s == "" && k != String {
		return Value{}, true
	}
	switch k {
	case Integer:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return Int(n), true
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f != float64(int64(f)) || f >= 1<<63 || f < -1<<63 {
			return Value{}, false
		}
		return Int(int64(f)), true
	case Float:
		f, err := strconv.ParseFloat(s, 64)
		v := Real(f)
		return v, err == nil && !v.IsNull()
	case Boolean:
		switch s {
		case "true", "t", "1":
			return Truth(true), true
		case "false", "f", "0":
			return Truth(false), true
		}
		return Value{}, false
	case Timestamp:
		at, err := ParseTime(s)
		if err != nil {
			return Value{}, false
		}
		return Micros(at.UnixMicro()), true
	}
	return Text(s), true
}

// ParseTime reads a moment in one of the forms that exports have:
// "2019-11-08 14:00:00", "2019-05-16T02:47:13+00:00" and
// "2020-01-08T19:32:38.352000+00:00". Without an offset it is UTC.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time such as 2020-01-08T19:32:38.352000+00:00", s)
}
