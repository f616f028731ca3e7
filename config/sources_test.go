package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/config"
)

const tenants = "tenants: [{id: acme}, {id: globex}]\n"

// entryOf gives a configuration with one source, and what is changed in it.
func entryOf(kind, keys string) string {
	base := map[string]string{
		"asterisk":   "name: p, tenant: acme, address: 'h:5038', user: u, secret_env: S",
		"freeswitch": "name: p, tenant: acme, address: 'h:8021', secret_env: S",
		"queue_log":  "name: p, tenant: acme, file: f",
		"expected":   "source: /crm, tenant: acme",
	}[kind]
	for key := range strings.SplitSeq(keys, ", ") {
		if name, _, ok := strings.Cut(key, ":"); ok {
			base = regexp.MustCompile(`(^|, )`+name+`: [^,]*`).ReplaceAllString(base, "${1}"+name+"_: x")
			base = strings.ReplaceAll(strings.ReplaceAll(base, ", "+name+"_: x", ""), name+"_: x, ", "")
		}
	}
	return tenants + "sources:\n  " + kind + ":\n    - {" + base + ", " + keys + "}\n"
}

func TestSourcesOfTheConfiguration(t *testing.T) {
	l, err := config.Parse("t.yaml", []byte(tenants+`
floor: {source_silence: 5m}
sources:
  asterisk:
    - name: pbx1
      tenant: acme
      address: "[::1]:5038"
      user: trunkline
      secret_env: TRUNKLINE_PBX1
      tls: {enabled: true, ca: ca.pem, server_name: pbx1.example, cert: c.pem, key: k.pem}
      agents: [PJSIP/1001=4711, "Agent/a=b=5"]
      agent_pattern: '^Local/(\d+)@'
      inside: [PJSIP/2*]
      silence: 30s
    - {name: pbx2, tenant: acme, address: h:5038, user: u, secret: 0123, filter: false}
  freeswitch:
    - {name: fs, tenant: globex, address: h:8021, secret_file: f, poll: 5s}
  queue_log:
    - {name: pbx3, tenant: acme, file: /q, members: [Alice=PJSIP/1001]}
  expected:
    - {source: /crm, tenant: acme}
    - {source: /crm, tenant: globex, silence: 1s}
`), []string{"TRUNKLINE_PBX1=hush"})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Warnings) > 0 {
		t.Errorf("warnings %q", l.Warnings)
	}
	a := l.Sources.Asterisk
	ids, pattern := a[0].AgentIDs()
	if ids["PJSIP/1001"] != "4711" || ids["Agent/a=b"] != "5" || pattern.FindStringSubmatch("Local/12@x")[1] != "12" ||
		a[0].TLS.ServerName != "pbx1.example" || a[0].Silence.Std() != 30*time.Second || !a[0].Filter || a[0].Ping.Std() != 10*time.Second {
		t.Errorf("pbx1 %+v", a[0])
	}
	if a[1].Secret.Secret != "0123" || a[1].Filter || a[1].Spool != 20_000 {
		t.Errorf("pbx2 %+v", a[1])
	}
	if f := l.Sources.FreeSWITCH[0]; f.Poll.Std() != 5*time.Second || f.SecretFile != "f" || f.TLS.Enabled {
		t.Errorf("fs %+v", f)
	}
	if q := l.Sources.QueueLog[0]; q.Interfaces()["Alice"] != "PJSIP/1001" || q.Start != "end" {
		t.Errorf("pbx3 %+v", q)
	}
	if s := l.Sources.SourceSilence("acme"); len(s) != 1 || s["/crm"] != 2*time.Minute {
		t.Errorf("expected of acme %v", s)
	}
	if s := l.Sources.SourceSilence("globex"); len(s) != 1 || s["/crm"] != time.Second {
		t.Errorf("expected of globex %v", s)
	}
}

func TestComplaintsAboutSources(t *testing.T) {
	for name, tc := range map[string]struct {
		file string
		want string // the one complaint
	}{
		"no name":              {entryOf("asterisk", "name: ''"), `t.yaml:4:`},
		"a slash":              {entryOf("asterisk", "name: a/b"), `sources.asterisk[0].name: "a/b" is not accepted: 1 to 64 letters`},
		"64 letters":           {entryOf("asterisk", "name: "+strings.Repeat("x", 65)), "is not accepted: 1 to 64 letters"},
		"unknown tenant":       {entryOf("freeswitch", "tenant: acne"), `sources.freeswitch[0].tenant: there is no tenant "acne" among tenants, did you mean acme?`},
		"no port":              {entryOf("asterisk", "address: pbx"), `t.yaml:4:`},
		"no host":              {entryOf("freeswitch", "address: ':8021'"), `":8021" is not accepted: host:port`},
		"no user":              {entryOf("asterisk", "user: ''"), "the user of manager.conf is needed"},
		"no secret":            {entryOf("asterisk", "secret_env: ''"), "exactly one of secret, secret_env and secret_file is needed"},
		"two secrets":          {entryOf("freeswitch", "secret: hunter2"), "exactly one of secret, secret_env and secret_file is needed"},
		"unknown key":          {entryOf("asterisk", "secrt: hunter2"), "unknown key sources.asterisk[0].secrt, did you mean sources.asterisk[0].secret?"},
		"unknown key of tls":   {entryOf("asterisk", "tls: {enable: true}"), "unknown key sources.asterisk[0].tls.enable, did you mean sources.asterisk[0].tls.enabled?"},
		"unknown kind":         {tenants + "sources: {astersk: []}\n", "t.yaml:2:11: unknown key sources.astersk, did you mean sources.asterisk?"},
		"tls is off":           {entryOf("asterisk", "tls: {ca: f}"), "give tls.enabled: true too"},
		"cert without key":     {entryOf("asterisk", "tls: {enabled: true, cert: f}"), "cert and key are given together"},
		"agents":               {entryOf("asterisk", "agents: [PJSIP/1001]"), `"PJSIP/1001": an entry is name=id, as in PJSIP/1001=4711`},
		"agents twice":         {entryOf("asterisk", "agents: [a=1; a=2]"), `"a" is named twice`},
		"members":              {entryOf("queue_log", "members: [=x]"), `"=x": an entry is name=interface`},
		"pattern":              {entryOf("asterisk", "agent_pattern: '('"), `"(" is no regular expression: error parsing regexp: missing closing )`},
		"pattern without id":   {entryOf("asterisk", "agent_pattern: x"), `"x" has no group`},
		"dead before a ping":   {entryOf("asterisk", "ping: 30s"), "sources.asterisk[0].dead_after: 30s is not longer than ping, 30s"},
		"silent before dead":   {entryOf("freeswitch", "silence: 29s"), "sources.freeswitch[0].silence: 29s is shorter than dead_after, 30s"},
		"silence below":        {entryOf("queue_log", "silence: 9s"), `sources.queue_log[0].silence: "9s" is not accepted: 10s to 168h`},
		"silence above":        {entryOf("expected", "silence: 169h"), `"169h" is not accepted: 1s to 168h`},
		"retry":                {entryOf("asterisk", "retry_max: 499ms"), "499ms is shorter than retry_min, 500ms"},
		"spool":                {entryOf("asterisk", "spool: 99"), `"99" is not accepted: 100 to 1000000`},
		"poll":                 {entryOf("freeswitch", "poll: 1s"), `"1s" is not accepted: 5s to 1h`},
		"no file":              {entryOf("queue_log", "file: ''"), "the file is needed"},
		"start":                {entryOf("queue_log", "start: middle"), `"middle" is not accepted: one of end, begin`},
		"no source":            {entryOf("expected", "source: ''"), "the source attribute of its events is needed"},
		"expected of nobody":   {entryOf("expected", "tenant: x"), `sources.expected[0].tenant: there is no tenant "x" among tenants`},
		"not true or false":    {entryOf("asterisk", "filter: maybe"), `sources.asterisk[0].filter: "maybe" is not true or false`},
		"a name twice":         {tenants + "sources: {asterisk: [{name: p, tenant: acme, address: 'h:1', user: u, secret_env: S}], queue_log: [{name: p, tenant: globex, file: f}]}\n", `sources.queue_log[0].name: "p" is the name of sources.asterisk[0] too`},
		"a state file twice":   {tenants + "sources: {queue_log: [{name: p, tenant: acme, file: f, state: s}, {name: q, tenant: acme, file: g, state: s}]}\n", `the file "s" keeps the state of two sources`},
		"an expectation twice": {tenants + "sources: {expected: [{source: a, tenant: acme}, {source: a, tenant: acme}]}\n", `the source "a" of "acme" is named twice`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("t.yaml", []byte(strings.ReplaceAll(tc.file, ";", ",")), nil)
			var invalid *config.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v for\n%s", err, tc.file)
			}
			if len(invalid.Issues) != 1 || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "t.yaml:") {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is shown: %v", err)
			}
		})
	}
}

// The settings in the guides are good ones.
func TestSettingsInTheGuides(t *testing.T) {
	for _, file := range []string{"asterisk.md", "freeswitch.md"} {
		doc, err := os.ReadFile(filepath.Join("..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(doc, -1)
		if len(found) == 0 {
			t.Errorf("docs/%s has no trunkline.yaml", file)
		}
		for _, m := range found {
			l, err := config.Parse("docs/"+file, m[1], nil)
			if err != nil {
				t.Errorf("%v\n%s", err, m[1])
				continue
			}
			if s := l.Sources; len(s.Asterisk)+len(s.FreeSWITCH)+len(s.QueueLog) == 0 {
				t.Errorf("docs/%s attaches nothing:\n%s", file, m[1])
			}
		}
	}
}
