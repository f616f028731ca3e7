package source_test

import (
	"regexp"
	"strings"
	"testing"

	"trunkline/source"
)

func TestRecognition(t *testing.T) {
	r := source.Recognition{
		IDs: map[string]string{"PJSIP/1001": "4711"}, Pattern: regexp.MustCompile(`^Local/(\d*)@`),
		Usual: func(name string) string { return strings.TrimPrefix(name, "PJSIP/") },
	}
	for name, want := range map[string]string{
		"PJSIP/1001": "4711", "PJSIP/1002": "1002", "Local/1003@from-queue/n": "1003", "Local/@x": "Local/@x", "": "",
	} {
		if got := r.AgentID(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if got := (source.Recognition{}).AgentID("1001@default"); got != "1001@default" {
		t.Errorf("got %q", got)
	}
}

func TestMatcher(t *testing.T) {
	if source.Matcher(nil) != nil {
		t.Error("no pattern makes a matcher")
	}
	in := source.Matcher([]string{"PJSIP/2*", "sofia/internal/*@10.0.0.7", "a.b"})
	for name, want := range map[string]bool{
		"PJSIP/2001": true, "PJSIP/2": true, "PJSIP/1001": false, "xPJSIP/2": false, "sofia/internal/3@10.0.0.7": true,
		"sofia/internal/3@10.0.0.78": false, "a.b": true, "axb": false, "": false,
	} {
		if got := in(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
