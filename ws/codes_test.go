package ws_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"trunkline/ws"
)

// TestCloseCodesAreDocumented holds docs/close-codes.md and the table in the code
// together: every code has exactly its line, and no line has no code.
func TestCloseCodesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/close-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	last := ws.CloseCode(0)
	for _, c := range ws.Codes() {
		if c.Code <= last {
			t.Errorf("%d does not follow %d in order", c.Code, last)
		}
		last = c.Code
		reconnect := "no"
		if c.Code.Reconnect() {
			reconnect = "yes"
		}
		want = append(want, fmt.Sprintf("| %d | %s | %s | %s | %s | %s |", c.Code, c.Name, c.Feed, reconnect, c.Meaning, c.Client))
	}
	var got []string
	for line := range strings.Lines(string(doc)) {
		if len(line) > 3 && line[:2] == "| " && line[2] >= '0' && line[2] <= '9' {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("docs/close-codes.md should have these lines:\n%s", strings.Join(want, "\n"))
	}
}

func TestCodeRanges(t *testing.T) {
	for code, reconnect := range map[ws.CloseCode]bool{
		2999: false, 3000: true, 3499: true, 3500: false, 3999: false,
		4000: true, 4499: true, 4500: false, 4999: false, 1002: false, 1008: false, 1000: true,
	} {
		if code.Reconnect() != reconnect {
			t.Errorf("%d: Reconnect() = %v", code, !reconnect)
		}
	}
	if s := ws.CodeSlow.String(); s != "3008 slow" {
		t.Error(s)
	}
	if s := ws.CloseCode(4999).String(); s != "4999" {
		t.Error(s)
	}
}
