package event

import (
	"encoding/json"
	"time"
)

// Fact is one word of the vocabulary with its data. The facts are plain
// structs and implement it with value receivers, so a Fact is comparable by
// its type and safe to hand around.
type Fact interface {
	// EventType returns the CloudEvents type, for instance "interaction.queued".
	EventType() string
	// EventSubject returns the entity the fact is about, for instance "interaction/42".
	EventSubject() string
}

// Meta is what the envelope of a fact says beyond its data.
type Meta struct {
	// ID identifies the event within its source; the log drops a second one.
	ID string
	// Source is the URI reference of who says so, for instance "/asterisk/pbx1".
	Source string
	// Tenant is the tenant extension; empty leaves it out.
	Tenant string
	// Time is when it happened by the source's clock; zero leaves it out.
	Time time.Time
}

// Time is a point in time inside a fact. It is written as RFC 3339 in UTC with
// milliseconds and read from any RFC 3339 text.
type Time struct{ time.Time }

// At returns t as a Time of a fact.
func At(t time.Time) Time { return Time{t} }

// timeLayout writes RFC 3339 in UTC with exactly three fraction digits.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON writes the time in UTC with milliseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(timeLayout)+2)
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"'), nil
}

// UnmarshalJSON reads an RFC 3339 text; null leaves t as it is.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, *s)
	if err != nil {
		return err
	}
	t.Time = at
	return nil
}

// words turns the constants of a word type into their texts.
func words[T ~string](list ...T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
