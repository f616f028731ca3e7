package eventlog_test

import (
	"testing"

	"trunkline/eventlog/logtest"
)

// A log on three server processes does all that the embedded one does.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: three server processes are not for -short")
	}
	c := logtest.StartCluster(t, true)
	t.Run("conformance", func(t *testing.T) { logtest.Run(t, c.Config) })
	t.Run("durability is asked for", func(t *testing.T) {
		cfg := c.Config(t)
		l := logtest.Open(t, cfg)
		if res := logtest.Append(t, l, logtest.Tenant, logtest.Events("pbx", 0, 1)); res.Durability != "fsync" {
			t.Fatalf("%+v", res)
		}
		logtest.Close(t, l)
		cfg.SystemURL = ""
		l = logtest.Open(t, cfg)
		if res := logtest.Append(t, l, logtest.Tenant, logtest.Events("pbx", 1, 2)); res.Durability != "unverified" {
			t.Fatalf("fsync is claimed without having been asked for: %+v", res)
		}
		logtest.Close(t, l)
	})
	t.Run("nodes that start at once", func(t *testing.T) { nodesAtOnce(t, c.Config(t)) })
	t.Run("two nodes", func(t *testing.T) { twoNodes(t, c.Config(t)) })
	t.Run("the writing node dies", func(t *testing.T) { ownerDies(t, c.Config(t)) })
	t.Run("the writing node is paused", func(t *testing.T) { ownerIsPaused(t, c.Config(t)) })
	t.Run("a server dies", func(t *testing.T) { serverDies(t, c) })
}

// A cluster that answers before it syncs is never said to sync.
func TestClusterWithoutSync(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: three server processes are not for -short")
	}
	c := logtest.StartCluster(t, false)
	l := logtest.Open(t, c.Config(t))
	res := logtest.Append(t, l, logtest.Tenant, logtest.Events("pbx", 0, 1))
	if res.Durability != "unverified" || l.Health().Durability != "unverified" {
		t.Fatalf("%+v", res)
	}
	logtest.Close(t, l)
}
