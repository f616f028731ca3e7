package eventlog_test

import (
	"testing"

	"trunkline/eventlog"
	"trunkline/eventlog/logtest"
)

func TestEmbedded(t *testing.T) {
	logtest.Run(t, func(t *testing.T) eventlog.Config { return eventlog.Config{Dir: t.TempDir()} })
}
