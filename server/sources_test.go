package server_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/replay"
	"trunkline/replay/aspbx"
	"trunkline/server"
)

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
