// Package testenv says what a test may do when the machine cannot do what the
// test needs.
//
// Some tests need more than Go: root for a small disk, a loop device for a
// power cut, a browser. Where that is missing they call [Optional], which leaves
// the test out and says so. TRUNKLINE_REQUIRE_ALL=1 turns every test that is
// left out into a failure, so that a machine that is meant to run all of them
// cannot lose one in silence. TRUNKLINE_LONG=1 asks for the long variants of
// tests ([Long]).
package testenv

import (
	"os"
	"testing"
)

// The environment variables that this package reads.
const (
	RequireAll = "TRUNKLINE_REQUIRE_ALL"
	LongRuns   = "TRUNKLINE_LONG"
)

// Optional leaves the test out for a reason that it prints, or fails it when
// all tests are required.
func Optional(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(RequireAll) == "1" {
		t.Fatalf("this test cannot run here and %s=1 requires it: %s", RequireAll, reason)
	}
	t.Skipf("left out: %s", reason)
}

// Long says whether the long variants of tests are asked for.
func Long() bool { return os.Getenv(LongRuns) == "1" }
