package eventlog

import "trunkline/eventlog/engine"

// Free is engine.Free.
func Free(dir string) (uint64, error) { return engine.Free(dir) }
