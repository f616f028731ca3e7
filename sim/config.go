package sim

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// MaxAgents is the largest contact centre that can be simulated.
const MaxAgents = 10_000

// Config says which contact centre to simulate. The same Config gives the same
// facts, byte for byte.
type Config struct {
	Tenant string // the tenant extension of every event, and part of the source "sim/<tenant>"
	Seed   uint64 // chooses the people, the queues and everything that chance decides
	Run    uint32 // tells runs of one contact centre apart: people and queues stay, every other id is new; from 1 on a run begins with source.reset
	Agents int    // 5 to MaxAgents

	Start  time.Time     // the time of the first fact, whole milliseconds
	Offset time.Duration // what the site's clock is ahead of UTC: whole hours from -12 to 14
	Length time.Duration // no new arrivals after Start+Length; 0 goes on for ever
	// Drain goes on after Length until nothing is open and every agent has
	// logged out. Without it the facts simply end at Start+Length.
	Drain bool

	// Load scales the arrivals: 1 is what the staff is planned for.
	Load float64
	// Busy begins with a crowded floor: as many callers at once as a centre at
	// work would have on its lines.
	Busy bool
	// Transcribed is the share of phone calls of which every phrase is a
	// message fact.
	Transcribed float64
	// KeepInteractions keeps what became of every single interaction in the
	// books. Without it they hold totals, and their size does not grow.
	KeepInteractions bool
}

// DefaultConfig is a centre of 25 agents at a Monday's half past one in UTC.
func DefaultConfig() Config {
	return Config{
		Tenant: "acmecorp01", Seed: 1, Agents: 25,
		Start: time.Date(2026, time.March, 2, 13, 30, 0, 0, time.UTC),
		Load:  1, Transcribed: 0.5,
	}
}

// ErrConfig is what every error of a Config that cannot be simulated wraps.
var ErrConfig = errors.New("sim: configuration")

var tenantName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

func (c Config) validate() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
	}
	switch {
	case !tenantName.MatchString(c.Tenant):
		return wrong("tenant %q is not 1 to 64 lower-case letters, digits, '-' and '_'", c.Tenant)
	case c.Agents < 5 || c.Agents > MaxAgents:
		return wrong("agents %d is not from 5 to %d", c.Agents, MaxAgents)
	case c.Start.IsZero():
		return wrong("start is missing")
	case c.Start.Nanosecond()%int(time.Millisecond) != 0:
		return wrong("start %v is not a whole millisecond", c.Start)
	case c.Offset%time.Hour != 0 || c.Offset < -12*time.Hour || c.Offset > 14*time.Hour:
		return wrong("offset %v is not whole hours from -12 to 14", c.Offset)
	case c.Length < 0 || c.Length%time.Millisecond != 0:
		return wrong("length %v is negative or not a whole millisecond", c.Length)
	case c.Drain && c.Length == 0:
		return wrong("drain needs a length")
	case !(c.Load >= 0 && c.Load <= 5):
		return wrong("load %v is not from 0 to 5", c.Load)
	case !(c.Transcribed >= 0 && c.Transcribed <= 1):
		return wrong("transcribed %v is not from 0 to 1", c.Transcribed)
	}
	return nil
}

// OffsetFor is the Offset with which the site's clock says clock (a time of
// the day) at the instant start, within half an hour.
func OffsetFor(start time.Time, clock time.Duration) time.Duration {
	u := start.UTC()
	now := time.Duration(u.Hour())*time.Hour + time.Duration(u.Minute())*time.Minute
	off := (clock - now).Round(time.Hour)
	for off > 12*time.Hour {
		off -= 24 * time.Hour
	}
	for off < -11*time.Hour {
		off += 24 * time.Hour
	}
	return off
}
