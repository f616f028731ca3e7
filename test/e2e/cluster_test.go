package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/auth"
	"trunkline/eventlog/logtest"
	"trunkline/internal/testenv"
	"trunkline/ws"
)

// clusterTenant is whose events the nodes of a cluster take in.
const clusterTenant = "acmecorp01"

// clusterNode is one `trunkline serve` on a cluster.
type clusterNode struct {
	name, url string
	cmd       *exec.Cmd
	start     func() *exec.Cmd
	said      *output
}

// clusterNodes starts nodes on one log. more is what each has in its configuration besides.
func clusterNodes(t *testing.T, bin string, cluster *logtest.Cluster, n int, more string) (nodes []*clusterNode, token string) {
	t.Helper()
	log := cluster.Config(t)
	token = auth.NewSecret("everything")
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for i := range n {
		name, addr, dir := fmt.Sprintf("node%d", i), freeAddr(t), t.TempDir()
		settings := fmt.Sprintf(`listen: {addr: %q}
log: {url: %q, system_url: %q, lease: 1s, node: %s, commit: {delay: 1ms}}
secrets: {key_env: CLUSTER_KEY}
tenants: [{id: %s}, {id: globex}]
tokens: [{id: everything, tenant: %s, scopes: [ingest, read, stream, admin], secret_env: CLUSTER_TOKEN}]
`, addr, log.URL, log.SystemURL, name, clusterTenant, clusterTenant) + strings.ReplaceAll(more, "$DIR", dir)
		file := filepath.Join(dir, "trunkline.yaml")
		if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		node := &clusterNode{name: name, url: "http://" + addr, said: &output{}}
		node.start = func() *exec.Cmd {
			cmd := exec.Command(bin, "serve", "-c", file)
			cmd.Env = append(os.Environ(), "CLUSTER_TOKEN="+token, "CLUSTER_KEY="+key, "PBX_SECRET=trunkline")
			cmd.Stdout, cmd.Stderr = node.said, node.said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			return cmd
		}
		node.cmd = node.start()
		nodes = append(nodes, node)
		t.Cleanup(func() {
			kill(node.cmd)
			if t.Failed() {
				t.Logf("%s said:\n%s", name, node.said.buf)
			}
		})
	}
	for _, node := range nodes {
		node.waitReady(t)
	}
	return nodes, token
}

func (n *clusterNode) waitReady(t *testing.T) {
	t.Helper()
	eventually(t, n.name+" is ready", func() bool {
		status, _, err := ask(t.Context(), "", "GET", n.url+"/readyz", nil)
		return err == nil && status == http.StatusOK
	})
}

// eventually waits for what must come, however slow the machine is.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	began := time.Now()
	for end := began.Add(90 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
	t.Logf("%s after %v", what, time.Since(began).Round(time.Millisecond))
}

// ask sends a request. An error means that no answer came.
func ask(ctx context.Context, token, method, url string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if method == "POST" && strings.HasSuffix(url, "/v1/events") {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// holder gives the one node at which a state is not elsewhere, nil when there is none or more than one.
func holder(t *testing.T, nodes []*clusterNode, token, path string) (is *clusterNode) {
	t.Helper()
	held := 0
	for _, n := range nodes {
		status, body, err := ask(t.Context(), token, "GET", n.url+path, nil)
		if err != nil || status != http.StatusOK {
			continue
		}
		if !bytes.Contains(body, []byte(`"state":"elsewhere"`)) {
			is = n
			held++
		}
	}
	if held != 1 {
		return nil
	}
	return is
}

// Two nodes on one cluster take events in while one of them delivers to a webhook and exports. It is killed with -9, later
// the other is told to stop: each time the node that stays takes over within a lease, the endpoint gets every event, in
// order for each entity, and a subscriber of the stream that goes to the other node misses nothing.
// TRUNKLINE_LONG=1: until a window of the exports has ended.
func TestTwoNodesOnACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: three server processes are not for -short")
	}
	bin := build(t)
	cluster := logtest.StartCluster(t, false)
	place, pbx := t.TempDir(), servePBX(t)
	nodes, token := clusterNodes(t, bin, cluster, 2, fmt.Sprintf(`push: {plain_http: true, allow_networks: [127.0.0.0/8]}
sources: {asterisk: [{name: pbx1, tenant: globex, address: %q, user: trunkline, secret_env: PBX_SECRET}]}
exports: {dir: $DIR/exports, destinations: [{id: files, tenant: %s, directory: %q, gzip: false}]}
`, pbx.Addr().String(), clusterTenant, place))

	got := &deliveries{seen: map[string]bool{}, last: map[string]uint64{}}
	endpoint := httptest.NewServer(got)
	defer endpoint.Close()
	sink, err := json.Marshal(map[string]any{"id": "sink", "url": endpoint.URL, "feeds": []string{"raw"}, "concurrency": 8, "retries": 50, "backoff_ms": 20})
	if err != nil {
		t.Fatal(err)
	}
	if status, body, err := ask(t.Context(), token, "POST", nodes[0].url+"/v1/webhooks", sink); err != nil || status != http.StatusCreated {
		t.Fatalf("make the webhook: %d %s, %v", status, body, err)
	}
	const webhook, export = "/v1/webhooks/sink", "/v1/exports/destinations/files"
	var first *clusterNode
	eventually(t, "one node delivers", func() bool { first = holder(t, nodes, token, webhook); return first != nil })
	eventually(t, "one node exports", func() bool { return holder(t, nodes, token, export) != nil })
	eventually(t, "one node is attached to the PBX", func() bool { return pbx.attached(t, nodes) != nil })
	other := nodes[0]
	if other == first {
		other = nodes[1]
	}

	ctx, stop := context.WithCancel(t.Context())
	reader := &streamReader{ours: map[string]bool{}}
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { reader.run(ctx, []*clusterNode{first, other}, token, "wallboard") })
	eventually(t, "the subscriber is connected", func() bool { return reader.place() == first.name })
	load, loading := &clusterLoad{}, &sync.WaitGroup{}
	working, enough := context.WithCancel(t.Context())
	defer enough()
	for agent := range 6 {
		loading.Go(func() { load.agent(working, t, nodes, token, agent) })
	}
	more := func(who string, n int) {
		t.Helper()
		delivered, read := got.count()+n, reader.count()+n
		eventually(t, fmt.Sprintf("the endpoint gets more %s", who), func() bool { return got.count() >= delivered })
		eventually(t, fmt.Sprintf("the subscriber gets more %s", who), func() bool { return reader.count() >= read })
	}
	more("at first", 100)

	seatsOfBoth(t, first, other, token)

	kill(first.cmd)
	killed := time.Now()
	eventually(t, "the other node delivers", func() bool { return holder(t, nodes, token, webhook) == other })
	took := time.Since(killed)
	more("from the node that stays", 100)
	eventually(t, "the subscriber is at the other node", func() bool { return reader.place() == other.name })
	t.Logf("a killed node's destinations were taken over within %v, events came after %v", took, time.Since(killed))

	eventually(t, "the other node exports", func() bool { return holder(t, nodes, token, export) == other })
	eventually(t, "the other node is attached to the PBX", func() bool { return pbx.attached(t, nodes) == other })

	first.cmd = first.start()
	first.waitReady(t)
	more("with both again", 50)
	if err := other.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = other.cmd.Wait()
	stopped := time.Now()
	more("when the other has stopped", 100)
	t.Logf("after an orderly stop events came within %v", time.Since(stopped))
	eventually(t, "the first node exports again", func() bool { return holder(t, nodes, token, export) == first })
	eventually(t, "the first node is attached to the PBX", func() bool { return pbx.attached(t, nodes) == first })
	if testenv.Long() {
		eventuallyExported(t, place)
	}
	enough()
	loading.Wait()
	total := load.total()
	eventually(t, "the endpoint has all", func() bool { return got.count() >= total })
	eventually(t, "the subscriber has all", func() bool { return reader.count() >= total })
	eventually(t, "nobody but the first node is attached to the PBX", func() bool { return pbx.attached(t, nodes) == first })
	got.mu.Lock()
	defer got.mu.Unlock()
	reader.mu.Lock()
	defer reader.mu.Unlock()
	for _, w := range slices.Concat(got.wrong, reader.wrong) {
		t.Error(w)
	}
	if got.ours != total || len(reader.ours) != total {
		t.Errorf("%d events were acknowledged, the endpoint got %d, the subscriber %d", total, got.ours, len(reader.ours))
	}
	t.Logf("%d events, %d repeats at the endpoint", total, got.repeats)
}

// seatsOfBoth connects as many subscriptions as a tenant may have, beside the one that the first node has: the nodes
// count them together, and one that changes the node takes over from itself.
func seatsOfBoth(t *testing.T, first, other *clusterNode, token string) {
	t.Helper()
	one, _, err := subscribe(t.Context(), other, token, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = one.CloseNow() }()
	two, _, err := subscribe(t.Context(), first, token, "two")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = two.CloseNow() }()
	for _, n := range []*clusterNode{first, other} {
		c, resp, err := subscribe(t.Context(), n, token, "three")
		if err == nil {
			_ = c.CloseNow()
			t.Fatalf("%s takes a fourth subscription", n.name)
		}
		if resp == nil || resp.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("%s answers a fourth subscription %v, %v", n.name, resp, err)
		}
	}
	again, _, err := subscribe(t.Context(), first, token, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.CloseNow() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for err == nil {
		_, _, err = one.Read(ctx)
	}
	if code := websocket.CloseStatus(err); code != websocket.StatusCode(ws.CodeReplaced) {
		t.Errorf("a subscription that went to the other node was closed with %d, %v", code, err)
	}
}

// eventuallyExported waits until a window has ended and its files are there.
func eventuallyExported(t *testing.T, place string) {
	t.Helper()
	for end := time.Now().Add(8 * time.Minute); ; time.Sleep(time.Second) {
		files := 0
		err := filepath.WalkDir(place, func(_ string, e os.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				files++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if files > 0 {
			t.Logf("%d files were exported", files)
			return
		}
		if time.Now().After(end) {
			t.Fatal("no window was exported")
		}
	}
}
