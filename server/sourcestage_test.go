package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
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
