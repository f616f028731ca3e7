package config_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

func TestDefaultsAreValid(t *testing.T) {
	l, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(l.Config, config.Default()) {
		t.Errorf("nothing loads to %+v", l.Config)
	}
	if l.Listen.Addr != "127.0.0.1:8090" || l.Limits.EventBytes != 256<<10 {
		t.Errorf("defaults %+v", l.Config)
	}
}

func TestExampleLoadsToTheDefaults(t *testing.T) {
	var b bytes.Buffer
	if err := config.WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	l, err := config.Parse("example.yaml", b.Bytes(), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, &b)
	}
	got, want := l.Config, config.Default()
	got.Tenants, got.Tokens, got.Live.Origins, got.Floor.Wrapups, got.Floor.ServiceLevels, got.Floor.Intervals = nil, nil, nil, nil, nil, nil // empty lists, not absent ones
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// Its commented list entries load as well.
	text := b.String()
	for _, list := range []string{"tenants", "tokens", "  asterisk", "  freeswitch", "  queue_log", "  expected"} {
		indent := list[:len(list)-len(strings.TrimLeft(list, " "))]
		_, rest, ok := strings.Cut(text, "\n"+list+": []\n"+indent+"# As in:\n")
		if !ok {
			t.Fatalf("no example of %s in\n%s", list, text)
		}
		var lines []string
		for line := range strings.Lines(rest) {
			if !strings.HasPrefix(line, indent+"# ") {
				break
			}
			lines = append(lines, indent+strings.TrimPrefix(line, indent+"# "))
		}
		text = strings.Replace(text, "\n"+list+": []\n", "\n"+strings.Join(lines, ""), 1)
	}
	l, err = config.Parse("example.yaml", []byte(text), nil)
	if err != nil {
		t.Fatalf("with the entries: %v\n%s", err, text)
	}
	if len(l.Tenants) != 1 || l.Tenants[0].LogBytes != 2<<30 || len(l.Tokens) != 1 || len(l.Tokens[0].Scopes) != 2 {
		t.Errorf("entries %+v %+v", l.Tenants, l.Tokens)
	}
	if s := l.Sources; len(s.Asterisk) != 1 || s.Asterisk[0].Spool != 20_000 || len(s.FreeSWITCH) != 1 || len(s.QueueLog) != 1 ||
		s.QueueLog[0].Interfaces()["Alice"] != "PJSIP/1001" || len(s.Expected) != 1 {
		t.Errorf("sources %+v", s)
	}
}

func TestDocumentationIsFresh(t *testing.T) {
	var b bytes.Buffer
	if err := config.WriteDocs(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "docs", "configuration.md")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s is stale: go test ./config -run Documentation -update", file)
	}
}

func TestFileAndEnvironment(t *testing.T) {
	l, err := config.Parse("t.yaml", []byte(`
listen:
  addr: :8443
  idle_timeout: 60m
log: {retention: {age: 3d, bytes: 100_000_000}, replicas: 1}
limits:
live:
  origins: [https://a.example, "https://b.example"]
observability:
  log_level: |-
    debug
tenants:
  - id: acme
    time_zone: Europe/Berlin
  - id: globex
tokens:
  - {id: wall, tenant: acme, scopes: [read, stream], secret_env: TRUNKLINE_TOKEN_WALL}
`), []string{"TRUNKLINE_LISTEN_ADDR=:9000", "TRUNKLINE_LIVE_QUEUE_BYTES=2MiB", "TRUNKLINE_LIVE_ORIGINS=x, y,", "PATH=/bin",
		"TRUNKLINE_TOKEN=t", "TRUNKLINE_TOKEN_WALL=t", "TRUNKLINE_LISTEN_ADR=1", "TRUNKLINE_PORT=tcp://10.0.0.1:8090"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Listen.Addr != ":9000" || l.Listen.IdleTimeout.String() != "1h" || l.Log.Retention.Bytes != 100_000_000 || l.Log.Retention.Age.String() != "72h" || l.Log.Replicas != 1 ||
		l.Live.QueueBytes != 2<<20 || l.Observability.LogLevel != "debug" || l.Live.Heartbeat.String() != "15s" {
		t.Errorf("loaded %+v", l.Config)
	}
	if got := strings.Join(l.Live.Origins, "|"); got != "x|y" {
		t.Errorf("origins %s", got)
	}
	if len(l.Tenants) != 2 || l.Tenants[1].TimeZone != "UTC" {
		t.Errorf("tenants %+v", l.Tenants)
	}
	want := []string{"unknown environment variable TRUNKLINE_LISTEN_ADR, did you mean TRUNKLINE_LISTEN_ADDR?", "unknown environment variable TRUNKLINE_PORT"}
	if !reflect.DeepEqual(l.Warnings, want) {
		t.Errorf("warnings %q", l.Warnings)
	}
	origins := map[string]string{}
	for _, s := range l.Settings() {
		origins[s.Path] = s.Origin
	}
	for path, want := range map[string]string{"listen.addr": "environment variable TRUNKLINE_LISTEN_ADDR", "listen.idle_timeout": "t.yaml:4:17", "live.heartbeat": "default"} {
		if origins[path] != want {
			t.Errorf("%s comes from %q, want %q", path, origins[path], want)
		}
	}
}

func TestComplaints(t *testing.T) {
	hash := auth.HashOf("x").String()
	for name, tc := range map[string]struct {
		file string
		env  []string
		want []string // parts of the error, one issue each
	}{
		"unknown key":               {"listen:\n  adr: x\n", nil, []string{"t.yaml:2:3: unknown key listen.adr, did you mean listen.addr?"}},
		"unknown key, nothing near": {"listen:\n  zzzzzz: x\n", nil, []string{"t.yaml:2:3: unknown key listen.zzzzzz; known here are addr, tls, "}},
		"known key, wrong section":  {"heartbeat: 1s\n", nil, []string{"t.yaml:1:1: unknown key heartbeat, did you mean live.heartbeat?"}},
		"two at once":               {"lisen: {}\nlog:\n  shards: many\n", nil, []string{"t.yaml:1:1: unknown key lisen, did you mean listen?", `t.yaml:3:11: log.shards: "many" is not a whole number; accepted: 1 to 256`}},
		"unknown key of an entry":   {"tenants:\n  - id: a\n    timezone: UTC\n", nil, []string{"t.yaml:3:5: unknown key tenants[0].timezone, did you mean tenants[0].time_zone?"}},
		"key twice":                 {"log:\n  dir: a\n  dir: b\n", nil, []string{`t.yaml:3:3: mapping key "dir" already defined`}},
		"not YAML":                  {"log: [\n", nil, []string{"t.yaml:1:6: "}},
		"two documents":             {"log: {}\n---\nlog: {}\n", nil, []string{"a second document begins here"}},
		"a list for a section":      {"log: [a]\n", nil, []string{"t.yaml:1:6: log: keys with values are expected here, not a list"}},
		"a section for a value":     {"log:\n  dir: {a: b}\n", nil, []string{"log.dir: a text is expected here, not keys"}},
		"a value for a list":        {"tenants: acme\n", nil, []string{`tenants: a list is expected here, not "acme"`}},
		"a value for texts":         {"live: {origins: x}\n", nil, []string{"live.origins: a list such as [a, b]"}},
		"an anchor":                 {"log:\n  dir: &x data\n", nil, []string{"log.dir: a text is expected here, not an anchor, alias or tag"}},
		"a merge":                   {"<<: {log: {}}\n", nil, []string{"a plain key is expected here"}},
		"duration":                  {"live:\n  heartbeat: 15\n", nil, []string{`t.yaml:2:14: live.heartbeat: "15" is not a duration such as 500ms, 15m, 72h or 3d; accepted: 1s to 5m`}},
		"below":                     {"live:\n  heartbeat: 999ms\n", nil, []string{`t.yaml:2:14: live.heartbeat: "999ms" is not accepted: 1s to 5m`}},
		"above":                     {"live:\n  heartbeat: 301s\n", nil, []string{`"5m1s" is not accepted: 1s to 5m`}},
		"size":                      {"log: {tenant_bytes: 1 gig}\n", nil, []string{`"1 gig" is not a size such as 512B, 64KiB, 8MiB or 20GiB; accepted: 1MiB to 1PiB or 0B`}},
		"one of":                    {"observability: {log_format: xml}\n", nil, []string{`observability.log_format: "xml" is not accepted: one of text, json`}},
		"environment":               {"", []string{"TRUNKLINE_LIMITS_DEPTH=1"}, []string{`environment variable TRUNKLINE_LIMITS_DEPTH: limits.depth: "1" is not accepted: 2 to 256`}},
		"addr":                      {"listen: {addr: localhost}\n", nil, []string{`t.yaml:1:16: listen.addr: "localhost" is not accepted: host:port`}},
		"cert without key":          {"listen: {tls: {cert: c.pem}}\n", nil, []string{"cert and key are given together"}},
		"client_ca without TLS":     {"listen: {tls: {client_ca: c.pem}}\n", nil, []string{"client certificates need TLS"}},
		"wrap-up":                   {"floor: {wrapups: [support]}\n", nil, []string{`floor.wrapups: "support": an entry is queue=duration, as in support=30s`}},
		"wrap-up below":             {"floor: {wrapups: [a=999ms]}\n", nil, []string{`the wrap-up time 999ms is not accepted: 1s to 24h`}},
		"wrap-up above":             {"floor: {wrapups: [a=24h, b=25h]}\n", nil, []string{`the wrap-up time 25h is not accepted: 1s to 24h`}},
		"wrap-up of no time":        {"floor: {wrapups: [a=soon]}\n", nil, []string{`floor.wrapups: "a=soon": not a duration`}},
		"service level":             {"floor: {service_levels: [a=1s, b=25h, c, a=2s]}\n", nil, []string{`the service level 25h is not accepted: 1s to 24h`, `"c": an entry is`, `"a" is named twice`}},
		"kept too short":            {"floor: {interval_grace: 30m, interval_keep: 20m}\n", nil, []string{`floor.interval_keep: 20m is not accepted: at least floor.interval_grace, 30m`}},
		"wait method":               {"floor: {wait_method: guess}\n", nil, []string{`floor.wait_method: "guess" is not accepted`}},
		"wrap-up twice":             {"floor: {wrapups: [a=1s, b=1s, a=2s]}\n", nil, []string{`the queue "a" is named twice`}},
		"a cluster without keys":    {"log: {url: 'nats://h'}\n", nil, []string{"secrets.key_file: with log.url one of key_file and key_env is needed"}},
		"keys twice":                {"secrets: {key_file: k, key_env: K}\n", nil, []string{"secrets.key_file: key_file and key_env are not given together"}},
		"even replicas":             {"log: {replicas: 2, url: 'nats://h'}\nsecrets: {key_file: k}\n", nil, []string{"2 is not accepted: 1, 3 or 5"}},
		"creds without cluster":     {"log: {creds: f}\n", nil, []string{"log.creds: this is of use with a cluster alone"}},
		"event over batch":          {"limits: {event_bytes: 16KiB, batch_bytes: 8KiB}\n", nil, []string{"one event of 16KiB does not fit into limits.batch_bytes 8KiB"}},
		"batch over pending":        {"limits: {batch_bytes: 64MiB}\nlog: {commit: {pending: 1MiB}}\n", nil, []string{"does not fit into log.commit.pending 1MiB"}},
		"bad tenant":                {"tenants:\n  - id: Acme\n", nil, []string{"t.yaml:2:7: tenants[0]: a tenant's id consists of"}},
		"tenant twice":              {"tenants: [{id: a}, {id: a}]\n", nil, []string{`tenants[1]: the id "a" is used twice`}},
		"token of nobody":           {"tenants: [{id: acme}]\ntokens: [{id: w, tenant: acm, scopes: [read], hash: '" + hash + "'}]\n", nil, []string{`tokens[0].tenant: there is no tenant "acm" among tenants, did you mean acme?`}},
		"token without secret":      {"tokens: [{id: w, tenant: '*', scopes: [admin]}]\n", nil, []string{"exactly one of hash, secret_env and secret_file"}},
		"token with two secrets":    {"tokens: [{id: w, tenant: '*', scopes: [admin], secret_env: A, secret_file: b}]\n", nil, []string{"exactly one of"}},
		"token with a bad hash":     {"tokens: [{id: w, tenant: '*', scopes: [admin], hash: abc}]\n", nil, []string{"a token's hash is sha256:"}},
		"token with a bad scope":    {"tokens: [{id: w, tenant: '*', scopes: [admin, root], secret_env: A}]\n", nil, []string{`tokens[0].scopes: "admin, root" is not accepted: one of ingest, read, stream, admin`}},
		"operator that reads":       {"tokens: [{id: w, tenant: '*', scopes: [admin, read], secret_env: A}]\n", nil, []string{"the scope admin alone"}},
		"hub without a scheme":      {"hub: {public_url: hub.example.com}\n", nil, []string{`hub.public_url: "hub.example.com" is not accepted: https://host`}},
		"hub by another scheme":     {"hub: {public_url: 'wss://hub.example.com'}\n", nil, []string{`is not accepted: https://host`}},
		"alert without agents":      {"tenants: [{id: a}]\nhub: {alerts: [{id: x, tenant: a, expression: longest_wait > 1}]}\n", nil, []string{`hub.alerts[0]: an alert has an id, an expression and at least one agent`}},
		"alert of no tenant":        {"tenants: [{id: a}]\nhub: {alerts: [{id: x, tenant: b, agents: [c], expression: longest_wait > 1}]}\n", nil, []string{`hub.alerts[0]`}},
		"call list of no queue":     {"hub: {call_lists: [{id: x}]}\n", nil, []string{`hub.call_lists[0]: a call list has an id and at least one queue`}},
		"token twice":               {"tokens: [{id: w, tenant: '*', scopes: [admin], secret_env: A}, {id: w, tenant: '*', scopes: [admin], secret_env: A}]\n", nil, []string{`the id "w" is used twice`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("t.yaml", []byte(tc.file), tc.env)
			var invalid *config.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			if len(invalid.Issues) != len(tc.want) {
				t.Errorf("%d issues, want %d:\n%v", len(invalid.Issues), len(tc.want), err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}
		})
	}
}

func TestSecretsAreHidden(t *testing.T) {
	l, err := config.Parse("t.yaml", []byte("log: {url: 'nats://user:hunter2@a:4222,tok@b:4222,nats://c:4222'}\nsecrets: {key_env: K}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range l.Settings() {
		if s.Path == "log.url" && s.Value != "nats://(hidden)@a:4222,(hidden)@b:4222,nats://c:4222" {
			t.Errorf("it is shown as %s", s.Value)
		}
	}
}

func TestStaticTokens(t *testing.T) {
	secret := auth.NewSecret("b")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WALL_TOKEN", secret)
	c := config.Config{Tokens: []config.Token{
		{ID: "a", Tenant: "x", Scopes: []string{"read"}, Hash: auth.HashOf(secret).String()},
		{ID: "b", Tenant: "x", Scopes: []string{"read"}, SecretEnv: "WALL_TOKEN"},
		{ID: "c", Tenant: "x", Scopes: []string{"read"}, SecretFile: file, Expires: "2027-03-31"},
	}}
	got, err := c.StaticTokens()
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Hash != auth.HashOf(secret) || got[1].Secret != secret || got[2].Secret != secret ||
		!got[0].Expires.IsZero() || !got[2].Expires.Equal(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []config.Token{{ID: "a", SecretEnv: "WALL_TOKEN_ABSENT"}, {ID: "a", SecretFile: file + "x"}, {ID: "a", Hash: "x"},
		{ID: "a", SecretFile: file, Expires: "soon"}} {
		c := config.Config{Tokens: []config.Token{bad}}
		if _, err := c.StaticTokens(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func TestWrapups(t *testing.T) {
	l, err := config.Parse("t.yaml", []byte("floor: {wrapups: [support=30s, 'a=b = 1s', sales = 24h]}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Duration{"support": 30 * time.Second, "a=b": time.Second, "sales": 24 * time.Hour}
	if got := l.Floor.WrapupLimits(); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for _, p := range []config.Push{{Statuses: []string{"a"}}, {Destinations: []config.PushDestination{{Tenant: "a"}}}} {
		if !p.KeepsStatuses("a") || p.KeepsStatuses("b") {
			t.Errorf("statuses are kept by %+v", p)
		}
	}
	if p := (config.Push{Statuses: []string{"*"}}); !p.KeepsStatuses("b") {
		t.Error("* is not all")
	}
	if f := (config.Floor{Intervals: []string{"a"}}); !f.KeepsIntervals("a") || f.KeepsIntervals("b") {
		t.Error("15-minute rows are kept for others than those named")
	}
	if f := (config.Floor{Intervals: []string{"*"}}); !f.KeepsIntervals("b") || config.Default().Floor.KeepsIntervals("b") {
		t.Error("15-minute rows are kept by default, or not for all")
	}
	if got := config.Default().Floor.WrapupLimits(); got != nil {
		t.Errorf("by default %v", got)
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]string{"72h": "72h", "3d": "72h", "90s": "1m30s", "1h30m": "1h30m", "0s": "0s", "1.5s": "1.5s", "10m": "10m"} {
		if d, err := config.ParseDuration(text); err != nil || d.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "15", "-1s", "d", "1.5d", "200000000d", "x"} {
		if d, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q is taken as %v", text, d)
		}
	}
	for text, want := range map[string]string{"0": "0B", "512": "512B", "1024": "1KiB", "64KiB": "64KiB", "64 KiB": "64KiB", "20GiB": "20GiB", "1MB": "1000000B", "3TiB": "3TiB", "1500MiB": "1500MiB"} {
		if s, err := config.ParseSize(text); err != nil || s.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, s, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1.5GiB", "GiB", "9999999PiB", "1 gig"} {
		if s, err := config.ParseSize(text); err == nil {
			t.Errorf("%q is taken as %v", text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if err := config.WriteExample(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("listen: {addr: x}\ntenants: [{id: a}]\n"))
	f.Add([]byte("a: &x 1\nb: *x\n<<: {}\n? k\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := config.Parse("t.yaml", data, nil)
		var invalid *config.InvalidError
		if err != nil && (!errors.As(err, &invalid) || len(invalid.Issues) == 0) {
			t.Fatalf("unexplained: %v", err)
		}
		if err == nil && l.Listen.Addr == "" {
			t.Fatal("a configuration without an address was accepted")
		}
	})
}
