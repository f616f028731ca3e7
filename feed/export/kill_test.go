package export_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"testing"
	"time"

	"trunkline/feed/export"
	"trunkline/feed/export/bucket/buckettest"
	"trunkline/internal/testenv"
)

// childBucket and childDir tell the process that is killed where it works.
const (
	childBucket = "TRUNKLINE_TEST_EXPORT_BUCKET"
	childDir    = "TRUNKLINE_TEST_EXPORT_DIR"
)

// TestMain is the process that is killed where its environment says so.
func TestMain(m *testing.M) {
	if os.Getenv(childBucket) == "" {
		os.Exit(m.Run())
	}
	f, err := export.Open(day(), options(nopTB{}, os.Getenv(childDir), to(directory(nopTB{}, os.Getenv(childBucket)))))
	if err != nil {
		panic(err)
	}
	upTo(nopTB{}, f, evening.Add(length))
}

// killed runs the process until a moment, and says whether it came to its end.
func killed(t *testing.T, bucket, dir string, after time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after) // which sends SIGKILL
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childBucket+"="+bucket, childDir+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("the process has failed: %v\n%s", err, out)
	}
	return err == nil
}

// TestKilledAgainAndAgainItExportsTheSame kills a process that exports at any moment,
// for five minutes with TRUNKLINE_LONG=1. What is committed in the end, and after each
// kill, is what a run makes that nobody disturbs.
func TestKilledAgainAndAgainItExportsTheSame(t *testing.T) {
	t.Parallel()
	whole := buckettest.NewMemory()
	upTo(t, open(t, day(), options(t, t.TempDir(), to(whole))), evening.Add(length))
	want := contents(t, whole)
	rounds, end := 1, time.Now()
	if testenv.Long() {
		end = end.Add(5 * time.Minute)
	}
	random := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for round := 0; round < rounds || time.Now().Before(end); round++ {
		bucket, dir := t.TempDir(), t.TempDir()
		for n := 0; ; n++ {
			// Each time it gets a little further, so that it comes to an end on any machine.
			after := time.Duration(200+random.IntN(400)) * time.Millisecond * time.Duration(n+2) / 3
			if testing.Short() { // which is also how the race detector, with its own slowness, runs it
				after *= 3
			}
			if killed(t, bucket, dir, after) {
				break
			}
			kills++
			checkCommitted(t, contents(t, directory(t, bucket)), want)
		}
		same(t, contents(t, directory(t, bucket)), want)
	}
	t.Log(fmt.Sprint(kills, " kills"))
}

// checkCommitted compares the partitions that are complete.
func checkCommitted(t *testing.T, got, want map[string]string) {
	t.Helper()
	done := func(key string) bool {
		_, ok := got[path.Dir(key)+"/_SUCCESS"]
		return ok
	}
	for key, content := range got {
		if w, ok := want[key]; done(key) && (!ok || w != content) {
			t.Errorf("%s is committed and another file, or none of a whole run", key)
		}
	}
	for key := range want {
		if _, ok := got[key]; done(key) && !ok {
			t.Errorf("%s is missing in a partition that is committed", key)
		}
	}
}
