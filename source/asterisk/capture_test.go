package asterisk_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// capture returns the bytes of the real capture: three connections to one
// Asterisk 22 with 81 queue visits, a graceful restart, a crash and a stop.
func capture(t testing.TB) []byte { return unzip(t, "ami-capture.txt.gz") }

func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
