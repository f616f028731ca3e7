package freeswitch_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// capture returns the bytes of the real capture: one connection to FreeSWITCH
// 1.10.12 that begins in the middle of a call and ends with a shutdown.
func capture(t testing.TB) []byte {
	captured.once.Do(func() { captured.data = unzip(t, "esl-capture.txt.gz") })
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
