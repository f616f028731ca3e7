package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/event"
	"trunkline/internal/testenv"
	"trunkline/server"
	"trunkline/sim"
)

const (
	measuresTenant  = "acmecorp01"
	measuresAccount = "EZCLTR"
	measuresClient  = "wallboard"
	measuresSecret  = "a-secret-of-the-wallboard"
)

// measuresServer starts a server with one tenant and a client that may ask for tokens.
func measuresServer(t *testing.T, change func(*config.Config)) *server.Server {
	t.Helper()
	c := config.Default()
	c.Listen.Addr = "127.0.0.1:0"
	c.Log.Dir, c.Log.DiskReserve = filepath.Join(t.TempDir(), "log"), 16<<20
	c.Tenants = []config.Tenant{{ID: measuresTenant, TimeZone: "UTC", Account: measuresAccount}}
	c.Clients = []config.Client{{ID: measuresClient, Tenant: measuresTenant, Hash: auth.HashOf(measuresSecret).String()}}
	c.Measures.AuthTimeout = config.Duration(5 * time.Second)
	if change != nil {
		change(&c)
	}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Log().WaitWritable(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// measuresNode makes a command that runs the client.
func measuresNode(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so measures were not read by a JavaScript client")
	}
	project := filepath.Join("..", "node")
	if _, err := os.Stat(filepath.Join(project, "node_modules", "ws")); err != nil {
		testenv.Optional(t, "run npm ci in test/node to read measures by a JavaScript client")
	}
	cmd := exec.CommandContext(t.Context(), node, append([]string{"measures.mjs"}, args...)...)
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "CLIENT_SECRET="+measuresSecret)
	return cmd
}

// A client written from the vendor's page provokes every answer to an authentication, each with the number of its close.
func TestMeasuresAnswerEveryAuthentication(t *testing.T) {
	s := measuresServer(t, func(c *config.Config) { c.Measures.AuthTimeout = config.Duration(time.Second) })
	// The keys of this one's issuer are at an address where nobody listens.
	nobody := "http://" + freeAddr(t) + "/certs"
	deaf := measuresServer(t, func(c *config.Config) {
		c.OAuth.Issuer.JWKSURL, c.OAuth.Issuer.Name, c.OAuth.Issuer.Algorithm = nobody, "https://login.example.com", "EdDSA"
		c.Clients = nil
	})
	cmd := measuresNode(t, "statuses", s.URL(), measuresAccount, measuresClient, deaf.URL())
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	var got map[string][2]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	for name, want := range map[string]string{
		"confirmed":                "CONNECTION_CONFIRMED 1000",
		"confirmed without event":  "CONNECTION_CONFIRMED 1000",
		"confirmed by the address": "CONNECTION_CONFIRMED 1000",
		"no token":                 "CONNECTION_FAILED_INVALID_TOKEN 3500",
		"forged token":             "CONNECTION_FAILED_INVALID_TOKEN 3500",
		"unsigned token":           "CONNECTION_FAILED_INVALID_TOKEN 3500",
		"no such subscription":     "CONNECTION_FAILED_UNKNOWN_SUBSCRIPTION 4560",
		"deleted subscription":     "CONNECTION_FAILED_UNKNOWN_SUBSCRIPTION 4560",
		"not JSON":                 "CONNECTION_FAILED_CONSTRAINT_VIOLATION 4561",
		"another event":            "CONNECTION_FAILED_CONSTRAINT_VIOLATION 4561",
		"no subscription named":    "CONNECTION_FAILED_CONSTRAINT_VIOLATION 4561",
		"silence":                  "CONNECTION_FAILED_CONSTRAINT_VIOLATION 4561",
		"issuer out of reach":      "CONNECTION_FAILED_INTERNAL_SERVER_ERROR 1011",
	} {
		if answer := fmt.Sprint(got[name][0], " ", got[name][1]); answer != want {
			t.Errorf("%s: got %s, want %s", name, answer, want)
		}
	}
}

// follower is what one client of the crowd says of itself.
type follower struct {
	Producer       string
	Connects, Live int
	Values         map[string]map[string]string
}

// crowd is a Node process with many clients.
type crowd struct {
	in   io.Writer
	out  *bufio.Reader
	said *bytes.Buffer
}

func (c *crowd) line(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the clients have ended: %s", c.said)
	}
	return strings.TrimSpace(line)
}

func (c *crowd) report(t *testing.T) (list []follower) {
	t.Helper()
	if _, err := io.WriteString(c.in, "report\n"); err != nil {
		t.Fatalf("the clients have ended: %s", c.said)
	}
	if err := json.Unmarshal([]byte(c.line(t)), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func startCrowd(t *testing.T, url string, clients int) *crowd {
	t.Helper()
	cmd := measuresNode(t, "crowd", url, measuresAccount, measuresClient, fmt.Sprint(clients))
	c := &crowd{said: new(bytes.Buffer)}
	cmd.Stderr = c.said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReaderSize(out, 1<<20)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if line := c.line(t); line != "ready" {
		t.Fatalf("the clients say %q: %s", line, c.said)
	}
	return c
}

// Fifty clients follow a centre that runs 600 times faster than the clock, while their connections are cut at random with
// data on its way. When the centre stands still, each has what the floor has. TRUNKLINE_MEASURES_LASTS asks for another time
// than five seconds, for instance 10m.
func TestMeasuresOfClientsThatAreCut(t *testing.T) {
	lasts, clients := 5*time.Second, 50
	if testing.Short() {
		lasts = 2 * time.Second
	}
	if v := os.Getenv("TRUNKLINE_MEASURES_LASTS"); v != "" {
		var err error
		if lasts, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	s := measuresServer(t, func(c *config.Config) { c.OAuth.Life = config.Duration(24 * time.Hour) })
	_, read, err := s.Tokens().Create(t.Context(), measuresTenant, []auth.Scope{auth.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	centre, err := sim.New(sim.Config{Tenant: measuresTenant, Seed: 5, Agents: 40, Start: now, Offset: sim.OffsetFor(now, 10*time.Hour), Load: 1.1, Busy: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	facts := 0
	go func() {
		r := sim.Runner{Sim: centre, Speed: 600, Sink: func(ctx context.Context, events []event.Event) error {
			facts += len(events)
			_, err := s.Append(ctx, measuresTenant, events)
			return err
		}}
		ended <- r.Run(ctx)
	}()
	proxy := newCutter(t, strings.TrimPrefix(s.URL(), "http://"))
	c := startCrowd(t, "http://"+proxy.Addr().String(), clients)
	cuts := 0
	for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(rand.N(100 * time.Millisecond)) {
		cuts += proxy.cutSome(5)
	}
	stop()
	if err := <-ended; err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	var list []follower
	var wrong string
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		list = c.report(t)
		if wrong = compareMeasures(t, s.URL(), read, list); wrong == "" || time.Now().After(end) {
			break
		}
	}
	if wrong != "" {
		t.Errorf("%s", wrong)
	}
	connects, live := 0, 0
	for _, f := range list {
		connects, live = connects+f.Connects, live+f.Live
		if len(f.Values) == 0 {
			t.Errorf("a client of %s has nothing", f.Producer)
		}
	}
	if connects <= clients || live == 0 {
		t.Errorf("the clients connected %d times and had %d live messages", connects, live)
	}
	t.Logf("%d facts, %d cuts, %d connections, %d live messages", facts, cuts, connects, live)
}

// cutSome cuts some connections, and says how many.
func (p *cutter) cutSome(n int) (cut int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns { // in no order
		if cut == n {
			return cut
		}
		c.end()
		delete(p.conns, c)
		cut++
	}
	return cut
}

// compareMeasures says where clients of a producer differ, or have not what GET /v1/state says.
func compareMeasures(t *testing.T, url, token string, list []follower) string {
	t.Helper()
	var out []string
	differ := func(format string, args ...any) {
		if len(out) < 20 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	first := map[string]*follower{}
	for i := range list {
		f := &list[i]
		one := first[f.Producer]
		if one == nil {
			first[f.Producer] = f
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(one.Values)) {
			if !maps.Equal(f.Values[key], one.Values[key]) {
				differ("%s: two clients have of %s\n%v\n%v", f.Producer, key, f.Values[key], one.Values[key])
			}
		}
		if len(f.Values) != len(one.Values) {
			differ("%s: two clients have %d and %d keys", f.Producer, len(f.Values), len(one.Values))
		}
	}
	var state struct {
		Queues []struct {
			ID, Name        string
			Waiting, Active int64
			Today           map[string]int64
		}
		Agents []struct {
			ID, Login   string
			DisplayName string `json:"display_name"`
			Since       time.Time
			TimeMS      map[string]int64 `json:"time_ms"`
		}
	}
	get(t, url+"/v1/state/queues", token, &state)
	get(t, url+"/v1/state/agents", token, &state)
	if len(state.Queues) == 0 || len(state.Agents) == 0 {
		t.Fatal("the floor is empty")
	}
	same := func(producer, kind, id string, want map[string]any) {
		f := first[producer]
		if f == nil {
			return
		}
		key, _ := json.Marshal(map[string]string{kind: id})
		for name, v := range want {
			if got := f.Values[string(key)][name]; got != fmt.Sprint(v) {
				differ("%s: %s of %s is %q, the floor says %v", producer, name, id, got, v)
			}
		}
	}
	for _, q := range state.Queues {
		d := q.Today
		same("Queue", "queueId", q.ID, map[string]any{
			"queueName": q.Name, "contactsQueueing": q.Waiting, "active": q.Active, "Offered": d["offered"], "Answered": d["answered"],
			"answeredInTarget": d["answered_in_target"], "abandonedShort": d["abandoned_short"], "abandonedLong": d["abandoned_long"],
			"timedOut": d["timeout"], "overflowed": d["overflow"], "leftByKey": d["key"], "refused": d["full"], "transferred": d["transferred"],
			"waitDuration": d["wait_answered_ms"] / 1000, "Completed": d["handled"], "talkDuration": d["talk_ms"] / 1000,
		})
	}
	for _, a := range state.Agents {
		d := a.TimeMS
		same("Agent", "agentId", a.ID, map[string]any{
			"agentLoginId": a.Login, "agentDisplayName": a.DisplayName, "timeInState": a.Since.UnixMilli(), "idleTimeDuration": d["idle"] / 1000,
			"notReadyDuration": d["away"] / 1000, "alertStateDuration": d["alerting"] / 1000, "contactStateDuration": d["contact"] / 1000,
			"acwStateDuration": d["wrap_up"] / 1000,
		})
	}
	return strings.Join(out, "\n")
}

func get(t *testing.T, url, token string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
