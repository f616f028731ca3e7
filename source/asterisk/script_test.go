package asterisk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/source/asterisk"
)

// What the capture does not have is tested on scripts: one line an event, its
// name and its fields. A line "at 12.5" sets the time; "read 70" ends a read
// and moves the read time; "cut" ends the connection.

type script struct {
	tr    *translation
	stamp string
	read  time.Time
}

var scriptStart = time.Unix(1_800_000_000, 0).UTC()

func run(t *testing.T, o asterisk.Options, text string) []said {
	o.Fault = func(e *asterisk.SyntaxError) { t.Error(e) }
	s := &script{tr: newTranslation(o), stamp: "1800000000.000000", read: scriptStart}
	for line := range strings.Lines(text) {
		s.line(strings.Fields(line))
	}
	s.tr.Close()
	return s.tr.facts
}

func (s *script) line(f []string) {
	if len(f) == 0 {
		return
	}
	seconds := func() time.Time {
		var sec float64
		fmt.Sscan(f[1], &sec)
		return scriptStart.Add(time.Duration(sec * 1e9))
	}
	switch f[0] {
	case "at":
		at := seconds()
		s.read = at
		s.stamp = fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
	case "cut":
		s.tr.Disconnected(s.read, "cut")
	case "banner":
		s.tr.Feed([]byte("Asterisk Call Manager/11.0.0\r\n"), s.read)
	default:
		var b strings.Builder
		fmt.Fprintf(&b, "Event: %s\r\n", f[0])
		// What answers an action has no time.
		if !strings.Contains(" FullyBooted QueueParams QueueMember QueueEntry QueueStatusComplete CoreShowChannel CoreShowChannelsComplete ", " "+f[0]+" ") {
			fmt.Fprintf(&b, "Timestamp: %s\r\n", s.stamp)
		}
		for _, kv := range f[1:] {
			k, v, _ := strings.Cut(kv, "=")
			fmt.Fprintf(&b, "%s: %s\r\n", k, v)
		}
		b.WriteString("\r\n")
		s.tr.Feed([]byte(b.String()), s.read)
	}
}

// steps names the facts, without what every script has.
func steps(facts []said, fields ...string) string {
	var list []string
	for _, s := range facts {
		typ := s.fact.EventType()
		if strings.HasPrefix(typ, "source.") && typ != "source.reset" && typ != "source.gap" || typ == "agent.provisioned" || typ == "agent.terminal_changed" {
			continue
		}
		word := strings.TrimPrefix(typ, "interaction.")
		raw, _ := json.Marshal(s.fact)
		var data map[string]any
		_ = json.Unmarshal(raw, &data)
		for _, field := range fields {
			if v, ok := data[field]; ok {
				word += fmt.Sprintf(" %v", v)
			}
		}
		list = append(list, word)
	}
	return strings.Join(list, "\n")
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if want = strings.Join(lines, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
