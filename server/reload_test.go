package server_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/config"
)

// silent is a system that takes connections and says nothing; it counts them.
type silent struct {
	net.Listener
	made, open atomic.Int64
}

func silentSystem(t *testing.T) *silent {
	s := &silent{Listener: listen(t)}
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			s.made.Add(1)
			s.open.Add(1)
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 1)) // until the server goes
				s.open.Add(-1)
			}()
		}
	}()
	return s
}

// patientPBX is one that may be silent for as long as the test takes.
func patientPBX(name, tenant string, l net.Listener) config.Asterisk {
	a := pbxAt(name, tenant, l)
	a.LoginTimeout, a.DeadAfter, a.Silence = config.Duration(time.Hour), config.Duration(time.Hour), config.Duration(2*time.Hour)
	return a
}

func TestReload(t *testing.T) {
	kept, moved, target, gone, fresh := silentSystem(t), silentSystem(t), silentSystem(t), silentSystem(t), silentSystem(t)
	systems := map[string]*silent{"kept": kept, "moved": moved, "target": target, "gone": gone, "fresh": fresh}
	var c config.Config
	s := start(t, func(to *config.Config) {
		to.Sources.Asterisk = []config.Asterisk{patientPBX("kept", "acme", kept), patientPBX("moved", "acme", moved), patientPBX("gone", "globex", gone)}
		c = *to
	})
	connected := func(what string, want ...string) {
		t.Helper()
		eventually(t, what, func() string {
			for name, y := range systems {
				n := int64(strings.Count(strings.Join(want, " "), name))
				if y.open.Load() != n {
					return fmt.Sprintf("%s has %d connections, want %d", name, y.open.Load(), n)
				}
			}
			return ""
		})
	}
	connected("at first", "kept", "moved", "gone")

	// What is wrong changes nothing.
	wrong := patientPBX("fresh", "acme", fresh)
	wrong.Secret = config.Secret{}
	stranger := patientPBX("fresh", "initech", fresh)
	for want, list := range map[string][]config.Asterisk{"secret": {wrong}, `no tenant "initech"`: {stranger}} {
		to := c
		to.Sources.Asterisk = list
		if err := s.Reload(to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
	connected("after what is wrong", "kept", "moved", "gone")

	to := c
	to.Sources.Asterisk = []config.Asterisk{patientPBX("fresh", "acme", fresh), patientPBX("moved", "acme", target), patientPBX("kept", "acme", kept)}
	if err := s.Reload(to); err != nil {
		t.Fatal(err)
	}
	connected("after the reload", "kept", "target", "fresh")
	if n := kept.made.Load(); n != 1 {
		t.Errorf("who is described as before was connected to %d times", n)
	}
	operator := token(t, s, auth.Operator, auth.Admin)
	seen := sourcesSeen(t, s, operator)
	for name, address := range map[string]string{"kept": "", "moved": "", "fresh": "", "gone": "no"} {
		if v := seen["asterisk/"+name]; (v.Connection == nil) != (address == "no") {
			t.Errorf("%s: %+v", name, v)
		}
	}

	if err := s.Reload(c); err != nil {
		t.Fatal(err)
	}
	connected("and back", "kept", "moved", "gone")
	if n := kept.made.Load(); n != 1 {
		t.Errorf("who is described as before was connected to %d times", n)
	}
}
