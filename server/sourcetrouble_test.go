package server_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/replay/aspbx"
	"trunkline/server"
)

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
			if v.Events > 0 && v.State != "down" {
				return fmt.Sprintf("%s has said that it is down, and is %s", name, v.State)
			}
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
		"no secret":      {func(a *config.Asterisk) { a.Secret = config.Secret{SecretEnv: "EMPTY_SECRET"} }, "sources.asterisk: pbx1: wrong options: the secret must be there"},
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
