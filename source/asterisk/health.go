package asterisk

import "time"

// State is how a source is.
type State string

// The states of a source.
const (
	StateConnecting State = "connecting" // on the way to the PBX or through its login
	StateUp         State = "up"         // what the PBX says flows
	StateHeld       State = "held"       // the log refuses, so that nothing more is read from the PBX
	StateDown       State = "down"       // there is no connection
)

// Health is how a source is at a moment.
type Health struct {
	Name    string        // of the PBX
	Address string        // of the PBX
	State   State         // how it is
	Reason  string        // why it is down or held
	Since   time.Time     // since when it is so
	Heard   time.Time     // when the PBX last said anything
	Lag     time.Duration // from what the PBX says is the time to its arrival, as measured with the last answer to a ping
	Logins  int           // how often it was logged in to
	Events  int64         // events taken
	Faults  int64         // places of the stream that made no sense
	Waiting int           // facts that wait for the log
	Refused string        // why the log takes nothing, empty when it does
	Dropped int64         // facts that could never be written
	Open    int           // interactions that are not ended
}

// Health returns how the source is.
func (c *Client) Health() Health {
	c.mu.Lock()
	h := c.health
	c.mu.Unlock()
	h.Waiting, h.Refused, h.Dropped = c.up.state()
	return h
}

func (c *Client) set(s State, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.health.State != s || c.health.Reason != reason {
		c.health.State, c.health.Reason, c.health.Since = s, reason, c.o.Now()
	}
}

// note changes the health.
func (c *Client) note(f func(*Health)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.health)
}
