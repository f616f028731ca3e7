package export

// backfill is a run through the log for one destination.
type backfill struct{}
