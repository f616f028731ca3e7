package directory_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/directory"
)

// The directory file of the guide is one.
func TestTheGuidesFile(t *testing.T) {
	guide, err := os.ReadFile("../docs/directory.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(guide), "```yaml\n")
	text, _, end := strings.Cut(text, "```")
	if !ok || !end {
		t.Fatal("the guide shows no file")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("VOKD62TDDH5KPUXQ2EEWASINVC\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := directory.ParseDeclaration("acme", []byte(strings.ReplaceAll(text, "/etc/trunkline/anna.secret", secret)))
	if err != nil || len(d.Agents)+len(d.Queues)+len(d.Users)+len(d.Groups)+len(d.Channels) != 5 {
		t.Errorf("%v: %+v", err, d)
	}
}
