package nearest_test

import (
	"testing"

	"trunkline/nearest"
)

func TestOf(t *testing.T) {
	keys := []string{"addr", "tls", "header_timeout", "idle_timeout", "log", "limits", "live", "dir"}
	for word, want := range map[string]string{
		"addr":           "addr",
		"adr":            "addr",
		"address":        "addr", // three of seven letters, but it begins so
		"idle":           "idle_timeout",
		"li":             "",
		"lim":            "limits",
		"header_bytes":   "",
		"adrd":           "addr",
		"header-timeout": "header_timeout",
		"HeaderTimeout":  "header_timeout",
		"idel_timeout":   "idle_timeout",
		"lgo":            "log",
		"limit":          "limits",
		"x":              "",
		"":               "",
		"completely":     "",
	} {
		got, ok := nearest.Of(word, keys)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if _, ok := nearest.Of("a", nil); ok {
		t.Error("something is near to nothing")
	}
}
