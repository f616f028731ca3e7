package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/replay"
	"trunkline/replay/asesl"
	"trunkline/replay/aspbx"
	"trunkline/server"
)

const (
	amiCapture = "../source/asterisk/testdata/ami-capture"
	eslCapture = "../source/freeswitch/testdata/esl-capture"
)

// patience is how long a test waits for what must come; a machine may be slow.
const patience = time.Minute

func unzip(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func timing(t *testing.T, capture string) []replay.Read {
	t.Helper()
	reads, err := replay.ReadTiming(bytes.NewReader(unzip(t, capture+".timing.jsonl.gz")))
	if err != nil {
		t.Fatal(err)
	}
	return reads
}

func playedPBX(t *testing.T, o aspbx.Options) *aspbx.PBX {
	t.Helper()
	o.Patience = patience
	p, err := aspbx.Load(bytes.NewReader(unzip(t, amiCapture+".txt.gz")), timing(t, amiCapture), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func playedSwitch(t *testing.T) *asesl.Switch {
	t.Helper()
	p, err := asesl.Load(bytes.NewReader(unzip(t, eslCapture+".txt.gz")), timing(t, eslCapture), asesl.Options{Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listen gives a listener that the test closes.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// played is a capture that is served as the system would.
type played interface {
	Serve(net.Listener) error
	Play(context.Context) error
}

// serve serves a played system on l; over is closed when its capture has been played.
func serve(t *testing.T, p played, l net.Listener) (over chan struct{}) {
	t.Helper()
	over = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = p.Serve(l) })
	running.Go(func() {
		defer close(over)
		if err := p.Play(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); l.Close(); running.Wait() })
	return over
}

func link() config.Link {
	d := func(d time.Duration) config.Duration { return config.Duration(d) }
	return config.Link{Silence: d(2 * time.Minute), Ping: d(10 * time.Second), DeadAfter: d(30 * time.Second), LoginTimeout: d(patience),
		RetryMin: d(10 * time.Millisecond), RetryMax: d(100 * time.Millisecond), Spool: 20_000}
}

func pbxAt(name, tenant string, l net.Listener) config.Asterisk {
	return config.Asterisk{Name: name, Tenant: tenant, Address: l.Addr().String(), User: "trunkline", Secret: config.Secret{Secret: "trunkline"},
		Link: link(), Filter: true}
}

// noonZone is a time zone in which no midnight is near, at which the counters of the day begin anew.
func noonZone() string {
	return fmt.Sprintf("Etc/GMT%+d", time.Now().UTC().Hour()-12)
}

// sourceState is what the tests read of /v1/sources.
type sourceState struct {
	Source, Tenant, Name, State, Reason string
	SilenceMS                           int64 `json:"silence_ms"`
	LagMS                               int64 `json:"lag_ms"`
	Events                              int
	Gaps, Resets                        int
	LastEventAt                         time.Time `json:"last_event_at"`
	Connection                          *struct {
		State, Refused                                  string
		Logins, Reconnects, Bytes, Events, Faults, Open int
		LeftOut                                         map[string]int `json:"left_out"`
		Waiting                                         int            `json:"facts_waiting"`
		Dropped                                         int            `json:"facts_dropped"`
	}
}

func sourcesSeen(t *testing.T, s *server.Server, token string) map[string]sourceState {
	t.Helper()
	status, _, body := call(t, s.URL(), "GET", "/v1/sources", "", token, nil)
	var got struct {
		Sources  []sourceState
		Complete bool
	}
	if err := json.Unmarshal([]byte(body), &got); status != 200 || err != nil {
		t.Fatalf("%d %v %s", status, err, body)
	}
	out := map[string]sourceState{}
	for _, v := range got.Sources {
		out[v.Source] = v
	}
	return out
}

// eventually waits until ok, which says what is still wrong.
func eventually(t *testing.T, what string, ok func() string) {
	t.Helper()
	wrong := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if wrong = ok(); wrong == "" {
			return
		}
	}
	t.Fatalf("%s: %s", what, wrong)
}

func token(t *testing.T, s *server.Server, tenant string, scopes ...auth.Scope) string {
	t.Helper()
	_, secret, err := s.Tokens().Create(t.Context(), tenant, scopes, "")
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// listener collects what GET /v1/live gives.
type listener struct {
	mu     sync.Mutex // guards events
	events []heardEvent
}

type heardEvent struct {
	Derived               bool
	Source, Type, Subject string
	Data                  json.RawMessage
}

func (l *listener) all() []heardEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

func hear(t *testing.T, s *server.Server, token string) *listener {
	t.Helper()
	resp := open(t, s.URL(), "GET", "/v1/live?after=oldest", "", token, nil)
	t.Cleanup(func() { resp.Body.Close() })
	l := &listener{}
	go func() {
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var e heardEvent
			if err := json.Unmarshal([]byte(data), &e); err == nil && !e.Derived {
				l.mu.Lock()
				l.events = append(l.events, e)
				l.mu.Unlock()
			}
		}
	}()
	return l
}

// outcomes counts the events of a source as trunkline replay --summary does.
func (l *listener) outcomes(t *testing.T, source string) string {
	t.Helper()
	var ndjson, out bytes.Buffer
	for i, e := range l.all() {
		if e.Source == source {
			fmt.Fprintf(&ndjson, `{"specversion":"1.0","id":"%d","source":"x","type":%q,"subject":%q,"data":%s}`+"\n", i, e.Type, e.Subject, e.Data)
		}
	}
	o := replay.NewOutcomes()
	if _, err := replay.Run(t.Context(), &ndjson, replay.Options{Format: replay.FormatNDJSON, Outcomes: o}); err != nil {
		t.Fatal(err)
	}
	if err := o.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// truth is what trunkline replay --summary says of a capture.
func truth(t *testing.T, format replay.Format, file string, agents map[string]string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if strings.HasSuffix(file, ".gz") {
		data, err = unzip(t, file), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	o := replay.NewOutcomes()
	if _, err := replay.Run(t.Context(), bytes.NewReader(data), replay.Options{Format: format, Outcomes: o, Agents: agents}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := o.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// day sums up what /v1/state/queues says of the day.
func day(t *testing.T, s *server.Server, token string) map[string]int {
	t.Helper()
	_, _, body := call(t, s.URL(), "GET", "/v1/state/queues", "", token, nil)
	var got struct {
		Queues []struct {
			Waiting, Alerting, Active int
			Today                     map[string]int
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	sum := map[string]int{}
	for _, q := range got.Queues {
		for k, v := range q.Today {
			sum[k] += v
		}
		sum["abandoned"] += q.Today["abandoned_short"] + q.Today["abandoned_long"]
		sum["now"] += q.Waiting + q.Alerting + q.Active
	}
	return sum
}

// Three PBXs, two of one tenant whose Uniqueids are all the same, and a FreeSWITCH are attached by the configuration and
// play their captures, with restarts and a crash in mid-call. What comes out of the feeds is what is known of the captures.
func TestAttachedSources(t *testing.T) {
	ami := map[string]net.Listener{"north": listen(t), "south": listen(t), "solo": listen(t)}
	esl := listen(t)
	south := pbxAt("south", "acme", ami["south"])
	south.Agents = []string{"PJSIP/1001=2001"}
	south.AgentPattern = `^PJSIP/1(\d+)$`
	s := start(t, func(c *config.Config) {
		c.Tenants = []config.Tenant{{ID: "acme", TimeZone: noonZone()}, {ID: "globex", TimeZone: noonZone()}, {ID: "initech", TimeZone: noonZone()}}
		c.Sources = config.Sources{
			Asterisk:   []config.Asterisk{pbxAt("north", "acme", ami["north"]), south, pbxAt("solo", "globex", ami["solo"])},
			FreeSWITCH: []config.FreeSWITCH{{Name: "switch1", Tenant: "initech", Address: esl.Addr().String(), Secret: config.Secret{Secret: "ClueCon"}, Link: link(), Poll: config.Duration(time.Minute)}},
		}
	})
	tokens := map[string]string{}
	heard := map[string]*listener{}
	for _, tenant := range []string{"acme", "globex", "initech"} {
		tokens[tenant] = token(t, s, tenant, auth.Read)
		heard[tenant] = hear(t, s, tokens[tenant])
	}
	var over []chan struct{}
	for _, l := range ami {
		over = append(over, serve(t, playedPBX(t, aspbx.Options{}), l))
	}
	over = append(over, serve(t, playedSwitch(t), esl))
	for _, c := range over {
		select {
		case <-c:
		case <-time.After(2 * patience):
			t.Fatal("a capture was not played to its end")
		}
	}
	operator := token(t, s, auth.Operator, auth.Admin)
	eventually(t, "everything is in the log and the connections are over", func() string {
		for name, v := range sourcesSeen(t, s, operator) {
			if v.Connection == nil || v.Connection.Waiting > 0 || v.Connection.State == "up" {
				return fmt.Sprintf("%s %+v", name, v)
			}
		}
		return ""
	})

	known := truth(t, replay.FormatAMI, amiCapture+".txt.gz", nil)
	mapped := strings.NewReplacer(`"1001"`, `"2001"`, `"1002"`, `"002"`, `"1003"`, `"003"`).Replace(known)
	for _, c := range []struct{ tenant, source, want string }{
		{"globex", "asterisk/solo", known}, {"acme", "asterisk/north", known}, {"acme", "asterisk/south", mapped},
		{"initech", "freeswitch/switch1", truth(t, replay.FormatESL, eslCapture+".txt.gz", nil)},
	} {
		eventually(t, c.source, func() string {
			if got := heard[c.tenant].outcomes(t, c.source); !sameJSON(t, got, c.want) {
				return "got " + got + "\nwant " + c.want
			}
			return ""
		})
	}
	for tenant, times := range map[string]int{"globex": 1, "acme": 2} {
		eventually(t, "the state of "+tenant, func() string {
			got := day(t, s, tokens[tenant])
			for name, want := range map[string]int{"abandoned": 33, "timeout": 17, "key": 1, "answered": 25, "lost": 5, "full": 1, "offered": 82} {
				if got[name] != want*times {
					return fmt.Sprintf("%d %s, want %d, in %v", got[name], name, want*times, got)
				}
			}
			if got["now"] != 0 {
				return fmt.Sprintf("left open: %v", got)
			}
			return ""
		})
		_, _, body := call(t, s.URL(), "GET", "/v1/state/interactions", "", tokens[tenant], nil)
		if !strings.Contains(body, `"interactions":[]`) {
			t.Errorf("%s: left open %s", tenant, body)
		}
	}

	seen := sourcesSeen(t, s, operator)
	if len(seen) != 4 {
		t.Errorf("the operator sees %d sources", len(seen))
	}
	for name, tenant := range map[string]string{"asterisk/north": "acme", "asterisk/south": "acme", "asterisk/solo": "globex", "freeswitch/switch1": "initech"} {
		v := seen[name]
		if v.Tenant != tenant || v.Events < 50 || v.SilenceMS != 120_000 || v.Connection.Bytes < 10_000 || v.Connection.Faults != 0 || v.Connection.Dropped != 0 {
			t.Errorf("%s: %+v %+v", name, v, v.Connection)
		}
		if v.Connection.State == "up" || v.Reason == "" {
			t.Errorf("%s is %s, %q, after its capture", name, v.State, v.Reason)
		}
		if tenant != "initech" && (v.Connection.Logins != 3 || v.Connection.Reconnects != 2 || v.Resets < 2) {
			t.Errorf("%s: %d logins, %d resets", name, v.Connection.Logins, v.Resets)
		}
	}
	if own := sourcesSeen(t, s, tokens["acme"]); len(own) != 2 || own["asterisk/solo"].Source != "" {
		t.Errorf("acme sees %v", own)
	}
	for path, want := range map[string]int{"/v1/sources/asterisk/north": 200, "/v1/sources/north": 200, "/v1/sources/asterisk%2Fnorth": 200, "/v1/sources/solo": 404,
		"/v1/sources/": 404, "/v1/sources?tenat=acme": 400, "/v1/sources?tenant=globex": 403} {
		if status, _, body := call(t, s.URL(), "GET", path, "", tokens["acme"], nil); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, _, metrics := call(t, s.URL(), "GET", "/metrics", "", "", nil)
	for _, want := range []string{`trunkline_source_up{source="asterisk/north"} 0`, `trunkline_source_logins_total{source="asterisk/south"} 3`,
		`trunkline_source_events_total{source="freeswitch/switch1"}`, `trunkline_sources{state="up"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

// syncBuffer is a log of the program that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// What is wrong with a source is said where one looks, the server is ready all the same, and no secret is said anywhere.
func TestSourcesThatCannotBeHad(t *testing.T) {
	var log syncBuffer
	before := slog.Default()
	slog.SetDefault(server.Logger(&log, config.Observability{LogLevel: "debug", LogFormat: "json"}))
	defer slog.SetDefault(before)
	wrong, web, gone := listen(t), listen(t), listen(t)
	gone.Close()
	serve(t, playedPBX(t, aspbx.Options{Secret: "another"}), wrong)
	esl := listen(t)
	serve(t, playedSwitch(t), esl)
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	s := start(t, func(c *config.Config) {
		for name, l := range map[string]net.Listener{"wrong": wrong, "web": web, "gone": gone} {
			a := pbxAt(name, "acme", l)
			a.Secret.Secret, a.LoginTimeout = "hunter2", config.Duration(2*time.Second)
			c.Sources.Asterisk = append(c.Sources.Asterisk, a)
		}
		c.Sources.FreeSWITCH = []config.FreeSWITCH{{Name: "fs", Tenant: "acme", Address: esl.Addr().String(), Secret: config.Secret{Secret: "hunter2"}, Link: link()}}
		c.Sources.QueueLog = []config.QueueLog{{Name: "file", Tenant: "acme", File: filepath.Join(t.TempDir(), "none"), Poll: config.Duration(50 * time.Millisecond)}}
	})
	if status, _, body := call(t, s.URL(), "GET", "/readyz", "", "", nil); status != 200 {
		t.Errorf("readyz: %d %s", status, body)
	}
	read := token(t, s, "acme", auth.Read)
	reasons := map[string]string{"asterisk/wrong": "login refused: Authentication failed", "asterisk/web": "not a manager interface",
		"asterisk/gone": "connection refused", "freeswitch/fs": "login refused", "asterisk/file": "no such file"}
	eventually(t, "each is down for its reason", func() string {
		for name, v := range sourcesSeen(t, s, read) {
			if want := reasons[name]; v.State != "down" && v.State != "connecting" || v.State == "down" && !strings.Contains(v.Reason, want) {
				return fmt.Sprintf("%s is %s: %s", name, v.State, v.Reason)
			}
		}
		_, p := history(t, s.URL(), "?types=source.down&limit=100", read)
		for name, want := range reasons {
			found := name == "asterisk/file" // a file that never was is nothing that went down
			for _, e := range p.Events {
				data, _ := e["data"].(map[string]any)
				found = found || e["source"] == name && strings.Contains(fmt.Sprint(data["reason"]), want)
			}
			if !found {
				return fmt.Sprintf("no source.down of %s with %q in %v", name, want, p.Events)
			}
		}
		return ""
	})
	_, _, body := call(t, s.URL(), "GET", "/v1/sources", "", read, nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if said := log.String(); strings.Contains(said+body, "hunter2") || !strings.Contains(said, "login refused") {
		t.Errorf("what was logged:\n%s\n%s", said, body)
	}
}

func TestSourcesThatMakeNoSense(t *testing.T) {
	t.Setenv("EMPTY_SECRET", "")
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.pem")
	if err := os.WriteFile(garbage, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*config.Asterisk)
		want   string
	}{
		"no secret":      {func(a *config.Asterisk) { a.Secret = config.Secret{SecretEnv: "EMPTY_SECRET"} }, "sources.asterisk: pbx1: asterisk: wrong options: the secret must be there"},
		"no secret file": {func(a *config.Asterisk) { a.Secret = config.Secret{SecretFile: filepath.Join(dir, "none")} }, "no such file"},
		"no CA":          {func(a *config.Asterisk) { a.TLS = config.SourceTLS{Enabled: true, CA: filepath.Join(dir, "none")} }, "tls.ca"},
		"garbage as CA":  {func(a *config.Asterisk) { a.TLS = config.SourceTLS{Enabled: true, CA: garbage} }, "there is no certificate in"},
		"no certificate": {func(a *config.Asterisk) { a.TLS = config.SourceTLS{Enabled: true, Cert: garbage, Key: garbage} }, "tls.cert"},
	} {
		c := settings(t)
		a := pbxAt("pbx1", "acme", listen(t))
		tc.change(&a)
		c.Sources.Asterisk = []config.Asterisk{a}
		if s, err := server.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
			if s != nil {
				_ = s.Close()
			}
		}
	}
}

// A PBX behind TLS, with a certificate on both sides; and one that is not who it should be.
func TestSourcesBehindTLS(t *testing.T) {
	dir := t.TempDir()
	ca := authority(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("ca.pem"), ca.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	ca.issue(t, "pbx", file("pbx.pem"), file("pbx.key"))
	ca.issue(t, "trunkline", file("our.pem"), file("our.key"))
	pair, err := tls.LoadX509KeyPair(file("pbx.pem"), file("pbx.key"))
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	serve(t, playedPBX(t, aspbx.Options{Speed: 1}), tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}))
	with := func(name string, c config.SourceTLS) config.Asterisk {
		a := pbxAt(name, "acme", l)
		a.TLS = c
		return a
	}
	good := config.SourceTLS{Enabled: true, CA: file("ca.pem"), Cert: file("our.pem"), Key: file("our.key")}
	other, none, named := good, good, good
	other.CA, none.Cert, none.Key, named.ServerName = "", "", "", "pbx.example"
	s := start(t, func(c *config.Config) {
		c.Sources.Asterisk = []config.Asterisk{with("good", good), with("other", other), with("none", none), with("named", named)}
	})
	read := token(t, s, "acme", auth.Read)
	eventually(t, "one is up and the others say why not", func() string {
		seen := sourcesSeen(t, s, read)
		for name, want := range map[string]string{"other": "certificate", "none": "certificate", "named": "certificate"} {
			if v := seen["asterisk/"+name]; v.State == "up" || v.State == "down" && !strings.Contains(v.Reason, want) {
				return fmt.Sprintf("%s is %s: %s", name, v.State, v.Reason)
			} else if v.Events == 0 {
				return name + " has said nothing yet"
			}
		}
		if v := seen["asterisk/good"]; v.State != "up" || v.Events == 0 {
			return fmt.Sprintf("good is %s: %s", v.State, v.Reason)
		}
		return ""
	})
}

// A server ends in time whatever its sources do, and what they have said is in the log: so is that they were stopped.
func TestStopWithSources(t *testing.T) {
	alive, mute, deaf := listen(t), listen(t), listen(t)
	serve(t, playedPBX(t, aspbx.Options{Speed: 1}), alive)
	for _, l := range []net.Listener{mute, deaf} {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close() // neither closed nor read before
				if l == deaf {
					_, _ = io.WriteString(c, "Asterisk Call Manager/11.0.0\r\n")
				}
			}
		}()
	}
	c := settings(t)
	c.Sources.Asterisk = []config.Asterisk{pbxAt("alive", "acme", alive), pbxAt("mute", "acme", mute), pbxAt("deaf", "acme", deaf)}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	read := token(t, s, "acme", auth.Read)
	events := 0
	eventually(t, "one is up", func() string {
		v := sourcesSeen(t, s, read)["asterisk/alive"]
		events = v.Events
		return map[bool]string{false: v.State + " " + v.Reason}[v.State == "up" && v.Events > 5]
	})
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 8*time.Second { // 5 s on a machine with nothing else to do
		t.Errorf("stopping took %v", took)
	}
	again := start(t, func(to *config.Config) { *to = c; to.Sources = config.Sources{} })
	eventually(t, "after a restart", func() string {
		_, p := history(t, again.URL(), "?types=source.down&limit=100", read)
		reasons := map[any]any{}
		for _, e := range p.Events {
			data, _ := e["data"].(map[string]any)
			reasons[e["source"]] = data["reason"]
		}
		if v := sourcesSeen(t, again, read)["asterisk/alive"]; reasons["asterisk/alive"] != "stopped" || v.State != "down" || v.Reason != "stopped" || v.Events < events {
			return fmt.Sprintf("%v, %+v", reasons, v)
		}
		return ""
	})
}

// A queue_log is followed through rotation and through a restart of the server.
func TestAttachedQueueLog(t *testing.T) {
	const recorded = "../source/asterisk/testdata/queue_log"
	whole, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "queue_log")
	add := func(data []byte) {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	third := len(lines) / 3
	parts := [3][]byte{bytes.Join(lines[:third], nil), bytes.Join(lines[third:2*third], nil), bytes.Join(lines[2*third:], nil)}
	c := settings(t)
	c.Tenants[0].TimeZone = noonZone()
	c.Sources.QueueLog = []config.QueueLog{{Name: "pbx1", Tenant: "acme", File: file, Start: "begin", Members: []string{"Alice=PJSIP/1001", "Bob=PJSIP/1002", "Carol=PJSIP/1003"},
		Poll: config.Duration(50 * time.Millisecond), Linger: config.Duration(30 * time.Second), Silence: config.Duration(time.Minute)}}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	read := token(t, s, "acme", auth.Read)
	size := 0
	taken := func(s *server.Server, part []byte) {
		t.Helper()
		size += len(part)
		eventually(t, "the lines are read", func() string {
			v := sourcesSeen(t, s, read)["asterisk/pbx1"]
			if v.Connection == nil || v.Connection.Bytes != size || v.Connection.Waiting > 0 || v.State != "up" {
				return fmt.Sprintf("%d bytes written, %+v %+v", size, v, v.Connection)
			}
			return ""
		})
	}
	add(parts[0])
	taken(s, parts[0])
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	add(parts[1])
	taken(s, parts[1])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, file+".2"); err != nil {
		t.Fatal(err)
	}
	add(parts[2])
	size = 0
	s = start(t, func(to *config.Config) { *to = c })
	taken(s, parts[2])
	want := truth(t, replay.FormatQueueLog, recorded, map[string]string{"Alice": "PJSIP/1001", "Bob": "PJSIP/1002", "Carol": "PJSIP/1003"})
	heard := hear(t, s, read)
	eventually(t, "what became of the calls", func() string {
		if got := heard.outcomes(t, "asterisk/pbx1"); !sameJSON(t, got, want) {
			return "got " + got + "\nwant " + want
		}
		return ""
	})
	if _, err := os.Stat(filepath.Join(c.Log.Dir, "sources", "pbx1.json")); err != nil {
		t.Error(err)
	}
}

// A source that sends over HTTP is down when it is silent for longer than it promised, or than is expected of it, and up
// with its next event; in /v1/sources, in the state, in the metrics, in the log.
func TestSilentSources(t *testing.T) {
	s := start(t, func(c *config.Config) {
		c.Sources.Expected = []config.Expected{{Source: "/chat", Tenant: "acme", Silence: config.Duration(time.Second)}}
	})
	both := token(t, s, "acme", auth.Read, auth.Ingest)
	send := func(source, id, typ, data string) {
		t.Helper()
		body := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":%q,"data":%s}`, id, source, typ, data)
		if typ == "source.up" {
			body = strings.Replace(body, `"type"`, fmt.Sprintf(`"subject":"source/%s","type"`, source), 1)
		}
		if status, _, answer := call(t, s.URL(), "POST", "/v1/events", body, both, structured); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	send("/crm", "up-1", "source.up", `{"source":"/crm","silence_ms":1000}`)
	send("/chat", "1", "com.example.hello", `{}`)
	send("/idle", "1", "com.example.hello", `{}`)
	send("/plain", "1", "source.up", `{"source":"/plain"}`)
	want := func(what, crm, chat string) {
		t.Helper()
		eventually(t, what, func() string {
			seen := sourcesSeen(t, s, both)
			for name, state := range map[string]string{"/crm": crm, "/chat": chat, "/idle": "unknown ", "/plain": "up "} {
				if v := seen[name]; v.State+" "+v.Reason != state {
					return fmt.Sprintf("%s is %s %s", name, v.State, v.Reason)
				}
			}
			return ""
		})
	}
	want("silent", "down silence", "down silence")
	_, _, metrics := call(t, s.URL(), "GET", "/metrics", "", "", nil)
	if !regexp.MustCompile(`trunkline_sources\{state="down"\} 2`).MatchString(metrics) {
		t.Error("/metrics does not count two sources as down")
	}
	if _, _, body := call(t, s.URL(), "GET", "/v1/state/sources/%2Fcrm", "", both, nil); !strings.Contains(body, `"state":"down"`) || !strings.Contains(body, `"reason":"silence"`) {
		t.Errorf("the state says %s", body)
	}
	if status, _, body := call(t, s.URL(), "GET", "/v1/sources/%2Fcrm", "", both, nil); status != 200 || !strings.Contains(body, `"silence_ms":1000`) {
		t.Errorf("%d %s", status, body)
	}
	// The example of docs/operations.md.
	doc, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`(?s)/v1/events -d '(\{.*?)'\n`).FindSubmatch(doc)
	if example == nil {
		t.Fatal("docs/operations.md has no example of source.up")
	}
	body := strings.ReplaceAll(string(example[1]), "/crm", "/doc")
	if status, _, answer := call(t, s.URL(), "POST", "/v1/events", body, both, structured); status != 200 {
		t.Errorf("the example of docs/operations.md: %d %s", status, answer)
	}
	send("/crm", "2", "com.example.hello", `{}`)
	eventually(t, "both ways are in the log", func() string {
		_, p := history(t, s.URL(), "?subject=source//crm&limit=100", both)
		var said []string
		for _, e := range p.Events {
			data, _ := e["data"].(map[string]any)
			said = append(said, fmt.Sprint(e["type"], " ", e["derived"], " ", data["reason"]))
		}
		if got := strings.Join(said, ", "); !strings.HasPrefix(got, "source.up <nil> <nil>, source.down true silence, source.up true <nil>") {
			return got
		}
		return ""
	})
}
