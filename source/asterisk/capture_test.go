package asterisk_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// capture returns the bytes of the real capture: three connections to one
// Asterisk 22 with 81 queue visits, a graceful restart, a crash and a stop.
func capture(t testing.TB) []byte {
	captured.once.Do(func() { captured.data = unzip(t, "ami-capture.txt.gz") })
	return captured.data
}

// captured is unpacked once for all tests, which only read it.
var captured struct {
	once sync.Once
	data []byte
}

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
