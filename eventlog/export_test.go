package eventlog

import (
	"context"

	"trunkline/eventlog/engine"
)

// Free is engine.Free.
func Free(dir string) (uint64, error) { return engine.Free(dir) }

// Objects gives the bucket of segments and snapshots, for tests that damage it.
func (l *Log) Objects() *engine.Objects { return l.objects }

// RestartEngine stops the engine under the log and starts it again.
func (l *Log) RestartEngine(ctx context.Context) error { return l.engine.Restart(ctx) }
