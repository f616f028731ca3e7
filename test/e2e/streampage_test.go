package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/testenv"
)

// The stream's test page does in a real browser what the vendor's page describes.
func TestTheStreamsPageInABrowser(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so the stream's page was not tried in a browser")
	}
	project := filepath.Join("..", "node")
	if _, err := os.Stat(filepath.Join(project, "node_modules", "playwright-core")); err != nil {
		testenv.Optional(t, "run npm ci in test/node to try the stream's page in a browser")
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		testenv.Optional(t, "chromium is not installed, so the stream's page was not tried in a browser")
	}
	server, d := launch(t, build(t), freeAddr(t), t.TempDir(), "--agents", "30", "--speed", "20")
	defer kill(server)
	cmd := exec.CommandContext(t.Context(), node, "streampage.mjs", d.URL, "acmecorp01", browser)
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "STREAM_TOKEN="+d.Tokens["stream"])
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
}
