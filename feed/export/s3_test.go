package export_test

import (
	"testing"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
)

// TestTwoExportersMakeOneExportOnS3 has two processes' worth of exporters write to one
// bucket of a real server at the same time.
func TestTwoExportersMakeOneExportOnS3(t *testing.T) {
	t.Parallel()
	s, err := bucket.OpenS3(t.Context(), buckettest.Versity(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := buckettest.NewMemory()
	end := evening.Add(length)
	upTo(t, open(t, day(), options(t, t.TempDir(), to(whole))), end)
	f, g := open(t, day(), options(t, t.TempDir(), to(s))), open(t, day(), options(t, t.TempDir(), to(s)))
	upTo(t, f, end)
	upTo(t, g, end)
	same(t, contents(t, s), contents(t, whole))
}
