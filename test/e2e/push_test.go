package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/internal/devcert"
	"trunkline/internal/testenv"
)

// A Node HTTPS server with required client certificates gets every event, once after repeats are dropped by event_id
// and in order for each entity, while it fails, hangs and cuts off, is killed and started again, and while the program is
// killed with -9. TRUNKLINE_LONG=1: 100,000 events and five kills of each.
func TestWebhooksThroughKills(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so the webhook endpoint was not tried")
	}
	total, rounds := 1500, 2
	if testenv.Long() {
		total, rounds = 100_000, 5
	}
	bin, dir := build(t), t.TempDir()
	certs, err := devcert.WriteSet(t.TempDir(), "trunkline", devcert.Terms{}, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "events")
	_, port, err := net.SplitHostPort(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	listen := func() *exec.Cmd {
		cmd := exec.Command(node, filepath.Join("..", "node", "webhook.mjs"), port, certs.ServerCert, certs.ServerKey, certs.CA, file)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "listening\n" {
			t.Fatalf("the endpoint says %q, %v", line, err)
		}
		return cmd
	}
	endpoint := listen()
	defer func() { kill(endpoint) }()
	addr := freeAddr(t)
	server, d := launch(t, bin, addr, dir)
	defer func() { kill(server) }()

	settings := map[string]any{"id": "node", "url": "https://127.0.0.1:" + port + "/", "feeds": []string{"journey"}, "concurrency": 32, "retries": 50,
		"timeout_ms": 1000, "backoff_ms": 20, "after": "oldest"}
	for k, path := range map[string]string{"ca": certs.CA, "client_cert": certs.ClientCert, "client_key": certs.ClientKey} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		settings[k] = string(raw)
	}
	if status, body := admin(t, d, "POST", "/v1/webhooks", settings); status != http.StatusCreated {
		t.Fatalf("make the webhook: %d %s", status, body)
	}
	sent := 0
	send := func(upTo int) {
		for sent < upTo {
			var body bytes.Buffer
			for i := sent; i < min(upTo, sent+100); i++ {
				fmt.Fprintf(&body, `{"specversion":"1.0","id":"%d","source":"push","type":"interaction.summarised","subject":"interaction/run-%d",`+
					`"data":{"interaction":"run-%d","media":"chat","text":"%d"}}`+"\n", i, i%37, i%37, i)
			}
			for !post(t.Context(), t, d, body.Bytes()) {
				time.Sleep(20 * time.Millisecond)
			}
			sent = min(upTo, sent+100)
		}
	}
	for round := range rounds {
		send(total * (2*round + 1) / (2 * rounds))
		time.Sleep(300 * time.Millisecond) // some of it is on its way
		kill(server)
		server, d = launch(t, bin, addr, dir)
		send(total * (2*round + 2) / (2 * rounds))
		time.Sleep(300 * time.Millisecond)
		kill(endpoint)
		endpoint = listen()
	}
	var state struct {
		State struct {
			Lag    int `json:"lag_events"`
			Parked int `json:"parked"`
		} `json:"state"`
	}
	for end := time.Now().Add(2 * time.Minute * time.Duration(max(1, total/10_000))); ; time.Sleep(50 * time.Millisecond) {
		status, body := admin(t, d, "GET", "/v1/webhooks/node", nil)
		if err := json.Unmarshal(body, &state); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s", status, body)
		}
		if state.State.Lag == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not everything was delivered: %s", body)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ids, last, repeats := map[string]bool{}, map[string]int{}, 0
	for line := range strings.Lines(string(raw)) {
		var id, issue, typ string
		var n int
		if _, err := fmt.Sscan(line, &id, &issue, &typ, &n); err != nil || typ != "LAST_ASSIGNMENT_SUMMARY" || issue != fmt.Sprintf("run-%d", n%37) {
			t.Fatalf("%q: %v", line, err)
		}
		if ids[id] {
			repeats++
			continue
		}
		ids[id] = true
		if before, known := last[issue]; known && n != before+37 || !known && n >= 37 {
			t.Errorf("%s: %d came after %d", issue, n, before)
		}
		last[issue] = n
	}
	if len(ids) != total || state.State.Parked != 0 {
		t.Errorf("%d of %d events came, %d are parked", len(ids), total, state.State.Parked)
	}
	t.Logf("%d events, %d repeats, %d kills of each side", len(ids), repeats, rounds)
}

// admin sends a request with the admin's token.
func admin(t *testing.T, d demo, method, path string, in any) (int, []byte) {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var body io.Reader
	if in != nil {
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, d.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.Tokens["admin"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, out
}
