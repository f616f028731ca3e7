package source

import "time"

// State is how a source is.
type State string

// The states of a source.
const (
	StateConnecting State = "connecting" // on the way to the system or through its login
	StateUp         State = "up"         // what it says flows
	StateHeld       State = "held"       // the log refuses, so that nothing more is read from it
	StateDown       State = "down"       // there is no connection
	StateElsewhere  State = "elsewhere"  // another node of the cluster is attached
)

// Health is how a source is at a moment.
type Health struct {
	Name    string        // of the system, as in the configuration
	Address string        // of the system
	State   State         // how it is
	Reason  string        // why it is down or held
	Since   time.Time     // since when it is so
	Heard   time.Time     // when the system last said anything
	Lag     time.Duration // from the time that the system gives what it says to its arrival
	Logins  int           // how often it was logged in to
	Bytes   int64         // read
	Events  int64         // events taken
	EventAt time.Time     // when the last of them came
	LeftOut Left          // events of which no fact is made
	Faults  int64         // places of the stream that made no sense
	Waiting int           // facts that wait for the log
	Refused string        // why the log takes nothing, empty when it does
	Dropped int64         // facts that could never be written
	Open    int           // interactions that are not ended
}
