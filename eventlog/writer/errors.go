package writer

import (
	"errors"
	"fmt"
)

var (
	// ErrUnknown says that the outcome of an append is not known: repeat it
	// with the same ids.
	ErrUnknown = errors.New("outcome of the append is unknown, repeat with the same ids")
	// ErrBusy says that too much is waiting to be written already.
	ErrBusy = errors.New("too many appends are waiting")
	// ErrFenced says that another writer has taken the shard over.
	ErrFenced = errors.New("another writer owns the shard")
	// ErrTooLarge says that one event is larger than a commit may be.
	ErrTooLarge = errors.New("event is too large for the log")
)

// UnavailableError says why nothing can be appended at the moment. Nothing of
// the append was written.
type UnavailableError struct{ Reason string }

func (e *UnavailableError) Error() string { return "log takes no appends: " + e.Reason }

func unavailable(format string, args ...any) error {
	return &UnavailableError{fmt.Sprintf(format, args...)}
}
