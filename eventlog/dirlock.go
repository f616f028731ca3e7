package eventlog

import (
	"errors"
	"fmt"
	"os"

	"trunkline/internal/dirlock"
)

// ErrInUse says that another process has the log's directory open.
var ErrInUse = errors.New("log directory is in use by another process")

// lockDir keeps other processes off an embedded store: two engines on one
// directory would destroy it.
func lockDir(dir string) (*os.File, error) {
	f, err := dirlock.Lock(dir)
	if errors.Is(err, dirlock.ErrInUse) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("the log's directory: %w", err)
	}
	return f, nil
}
