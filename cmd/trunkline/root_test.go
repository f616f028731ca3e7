package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/server"
)

// try runs a command line.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCommandLine(t *testing.T) {
	good := write(t, "good.yaml", "log: {dir: d}\n")
	bad := write(t, "bad.yaml", "log: {dri: d, shards: 0}\n")
	alert := write(t, "alert.yaml", "tenants: [{id: a}]\nhub: {alerts: [{id: x, tenant: a, agents: [b], expression: waitng > 1}], origins: [nonsense]}\n")
	t.Setenv("TRUNKLINE_LOG_DRI", "x")
	for _, tc := range []struct {
		args           string
		code           int
		stdout, stderr string // parts
	}{
		{"", 0, "Available Commands", ""},
		{"--help", 0, "Exit codes: 0 done;", ""},
		{"version", 0, "trunkline ", ""},
		{"serv", 2, "", "did you mean trunkline serve?"},
		{"bogus", 2, "", `unknown command "bogus", see trunkline --help`},
		{"config exmple", 2, "", "did you mean trunkline config example?"},
		{"serve --confg x", 2, "", "did you mean --config?"},
		{"serve --zzz", 2, "", "unknown flag --zzz, see trunkline serve --help"},
		{"serve extra", 2, "", `takes no arguments, not "extra"`},
		{"serve -c " + bad, 2, "", "the configuration has 2 faults:\n" + bad + ":1:7: unknown key log.dri, did you mean log.dir?"},
		{"serve -c /nowhere.yaml", 2, "", "read the configuration"},
		{"config example", 0, "addr: '127.0.0.1:8090'", ""},
		{"config check -c " + good, 0, "log.dir  d  " + good + ":1:12", "warning: unknown environment variable TRUNKLINE_LOG_DRI, did you mean TRUNKLINE_LOG_DIR?"},
		{"config check -c " + alert, 2, "", "hub.alerts[0]: not an alert: \"x\": at 1:1: undeclared reference to 'waitng'"},
		{"config check -c " + alert, 2, "", "hub.origins: origin \"nonsense\""},
		{"config check " + good, 0, "log.dir  d  " + good + ":1:12", ""},
		{"config check " + good + " -c " + good, 2, "", "takes one file"},
		{"serve " + good, 2, "", "the configuration is given with -c FILE"},
		{"config check --strict -c " + good, 2, "", "1 warnings"},
		{"token generate Wall", 2, "", "lower-case"},
		{"receive --fail 2", 2, "", "share from 0 to 1"},
		{"receive --addr nonsense", 1, "", "listen on nonsense"},
		{"certs dev --days 0", 2, "", "1 to 1000"},
		{"token generate", 2, "", "needs exactly one token id"},
		{"token create --tenant a --scopes write", 2, "", `unknown scope "write"`},
		{"token create --tenant a --scopes read --expires soon", 2, "", `--expires: "soon" is neither a day`},
		{"token create --tenant a --scopes read --expires 0s", 2, "", "of no use"},
		{"token list --url nonsense", 2, "", `"nonsense" is not the URL`},
		{"token list --url http://127.0.0.1:1", 1, "", "ask the server"},
		{"token list --url http://h -c f", 2, "", "none of the others can be"},
		{"log verify --data /nowhere", 2, "", "the data directory"},
		{"completion bash", 0, "__start_trunkline", ""},
	} {
		t.Run(tc.args, func(t *testing.T) {
			code, stdout, stderr := try(t, strings.Fields(tc.args)...)
			if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nwant:   %s\nstderr: %s\nwant:   %s", code, tc.code, stdout, tc.stdout, stderr, tc.stderr)
			}
		})
	}
}

// The life of tokens: the first while no server runs, the others through it.
func TestTokens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	file := write(t, "trunkline.yaml", "listen: {addr: '127.0.0.1:0'}\nlog: {dir: "+dir+", disk_reserve: 16MiB}\ntenants: [{id: acme}]\n")
	must := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := try(t, args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		return strings.TrimSpace(stdout)
	}
	operator := must("token", "create", "-c", file, "--tenant", "*", "--scopes", "admin", "--name", "first")
	if got := must("token", "list", "-c", file); !strings.Contains(got, "first") || strings.Contains(got, operator) {
		t.Errorf("list:\n%s", got)
	}
	if got := must("log", "verify", "--data", dir); !strings.Contains(got, "the log is whole") {
		t.Errorf("verify: %s", got)
	}

	loaded, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Start(t.Context(), loaded.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if code, _, stderr := try(t, "token", "list", "-c", file); code != 1 || !strings.Contains(stderr, "ask the running server with --url") {
		t.Errorf("on the store of a running server: %d %s", code, stderr)
	}
	tokenFile := write(t, "token", operator+"\n")
	remote := []string{"--url", s.URL(), "--token-file", tokenFile}
	made := must(append([]string{"token", "create", "--tenant", "acme", "--scopes", "read,stream"}, remote...)...)
	p, err := s.Tokens().Authenticate(made)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TRUNKLINE_URL", s.URL())
	t.Setenv("TRUNKLINE_TOKEN", operator)
	must("token", "create", "--tenant", "acme", "--scopes", "read", "--expires", "2097-03-31", "--name", "a trial")
	if got := must("token", "list"); !strings.Contains(got, "2097-04-01 00:00:00  a trial") || !strings.Contains(got, "never") {
		t.Errorf("list:\n%s", got)
	}
	if code, _, stderr := try(t, "token", "create", "--tenant", "acme", "--scopes", "read", "--expires", "2001-01-01"); code != 1 || !strings.Contains(stderr, "has passed") {
		t.Errorf("a token whose time is over: %d %s", code, stderr)
	}
	again := must("token", "rotate", p.TokenID)
	if _, err := s.Tokens().Authenticate(again); err != nil {
		t.Errorf("the rotated token: %v", err)
	}
	must("token", "revoke", p.TokenID)
	if _, err := s.Tokens().Authenticate(again); err == nil {
		t.Error("the revoked token still opens")
	}
	if code, _, stderr := try(t, "token", "revoke", p.TokenID); code != 1 || !strings.Contains(stderr, "404: There is no such token") {
		t.Errorf("second revoke: %d %s", code, stderr)
	}
	if code, _, stderr := try(t, "token", "create", "--tenant", "acme"); code != 1 || !strings.Contains(stderr, "at least one scope") {
		t.Errorf("without scopes: %d %s", code, stderr)
	}
	lines := strings.Fields(must("token", "generate", "wall"))
	if len(lines) != 2 || auth.HashOf(lines[0]).String() != lines[1] {
		t.Errorf("generate: %v", lines)
	}
}
