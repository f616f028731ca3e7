//go:build !linux

package engine

// dropPageCache has nothing to do here: only Linux calls pages clean that it
// failed to write.
func dropPageCache(string) {}
