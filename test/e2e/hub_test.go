package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/internal/testenv"
)

// The official SignalR client against the demo: both protocols over every transport, all
// methods, the rights of roles, and a server that is killed and started again under it.
func TestTheHubByItsOfficialClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so the hub was not tried by the official SignalR client")
	}
	project := filepath.Join("..", "node")
	if _, err := os.Stat(filepath.Join(project, "node_modules", "@microsoft", "signalr")); err != nil {
		testenv.Optional(t, "run npm ci in test/node to try the hub by the official SignalR client")
	}
	bin, dir, addr := build(t), t.TempDir(), freeAddr(t)
	args := []string{"--agents", "40", "--speed", "20"}
	server, d := launch(t, bin, addr, dir, args...)
	defer func() { kill(server) }()
	client := exec.CommandContext(t.Context(), node, "hub.mjs", d.URL, "restart")
	client.Dir, client.Stdin = project, strings.NewReader(string(d.Hub))
	out, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var wrong strings.Builder
	client.Stderr = &wrong
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer kill(client)
	watch := time.AfterFunc(2*time.Minute, func() { _ = client.Process.Kill() })
	defer watch.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
		if lines.Text() == "restart" {
			kill(server)
			server, d = launch(t, bin, addr, dir, args...)
		}
	}
	if err := client.Wait(); err != nil {
		t.Fatalf("%v: %s", err, wrong.String())
	}
}
