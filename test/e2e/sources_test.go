package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The guide's own settings attach a PBX: from trunkline.yaml and a file with the
// secret to live queues, through a graceful restart, a crash in mid-call and the
// end of the PBX. The program ends in order, and says the secret nowhere.
func TestTheGuideToAsterisk(t *testing.T) {
	bin, dir := build(t), t.TempDir()
	pbx := exec.Command(bin, "replay", "--as-pbx", "--listen", "127.0.0.1:0", "--secret", "hunter2", "--speed", "max",
		"--timing", "../../source/asterisk/testdata/ami-capture.timing.jsonl.gz", "../../source/asterisk/testdata/ami-capture.txt.gz")
	address := started(t, pbx)
	played := make(chan error, 1)
	go func() { played <- pbx.Wait() }()

	guide, err := os.ReadFile("../../docs/asterisk.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(guide)
	if settings == nil {
		t.Fatal("docs/asterisk.md has no settings")
	}
	secret, listen := filepath.Join(dir, "pbx1.secret"), freeAddr(t)
	zone := fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12) // whose midnight, at which the day is counted anew, is far
	text := strings.NewReplacer("10.0.0.5:5038", address, "/etc/trunkline/pbx1.secret", secret, "Europe/Berlin", zone).Replace(string(settings[1]))
	text += fmt.Sprintf("listen: {addr: %q}\nlog: {dir: %q, disk_reserve: 16MiB}\n", listen, filepath.Join(dir, "data"))
	for name, data := range map[string]string{secret: "hunter2\n", filepath.Join(dir, "trunkline.yaml"): text} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	generated, err := exec.Command(bin, "token", "generate", "wallboard").Output()
	if err != nil {
		t.Fatal(err)
	}
	token, _, _ := strings.Cut(string(generated), "\n")

	var said output
	serve := exec.Command(bin, "serve", "-c", filepath.Join(dir, "trunkline.yaml"))
	serve.Env = append(os.Environ(), "WALLBOARD_TOKEN="+token)
	serve.Stdout, serve.Stderr = &said, &said
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			kill(serve)
		}
	})
	get := func(path string) string {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	select {
	case err := <-played:
		if err != nil {
			t.Fatalf("the PBX: %v", err)
		}
	case <-time.After(5 * time.Minute):
		kill(pbx)
		t.Fatalf("the capture was not played to its end; %s\n%s", get("/v1/sources"), said.buf)
	}

	want := map[string]int{"abandoned": 33, "timeout": 17, "key": 1, "answered": 25, "lost": 5}
	wrong := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if wrong = counted(get("/v1/state/queues"), want); wrong == "" {
			break
		}
	}
	if wrong != "" {
		t.Errorf("%s\n%s", wrong, get("/v1/sources"))
	}
	if source := get("/v1/sources/asterisk/pbx1"); !strings.Contains(source, `"logins":3`) || !strings.Contains(source, `"kind":"asterisk"`) {
		t.Errorf("the source is %s", source)
	}
	if err := serve.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := serve.Wait(); err != nil {
		t.Errorf("the server did not end in order: %v", err)
	}
	ended = true
	if strings.Contains(string(said.buf), "hunter2") || !strings.Contains(string(said.buf), "source=asterisk/pbx1") {
		t.Errorf("the server said\n%s", said.buf)
	}
}

// started starts a command and gives the first line that it prints.
func started(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		kill(cmd)
		t.Fatalf("it printed nothing: %v\n%s", err, errs.String())
	}
	return strings.TrimSpace(line)
}

// counted compares the sums over the queues with what they should be.
func counted(body string, want map[string]int) string {
	var got struct {
		Queues []struct {
			Waiting, Active int
			Today           map[string]int
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		return fmt.Sprintf("%v: %s", err, body)
	}
	sum := map[string]int{}
	for _, q := range got.Queues {
		for name, n := range q.Today {
			sum[name] += n
		}
		sum["abandoned"] += q.Today["abandoned_short"] + q.Today["abandoned_long"]
		if q.Waiting+q.Active > 0 {
			return "somebody is left: " + body
		}
	}
	for name, n := range want {
		if sum[name] != n {
			return fmt.Sprintf("%d %s, want %d", sum[name], name, n)
		}
	}
	return ""
}
