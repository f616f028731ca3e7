package freeswitch_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"trunkline/source/freeswitch"
)

// What the capture does not have is tested on scripts: one line an event, its
// name and its fields; "cc" stands for an event of mod_callcenter, its action and
// fields without CC-. A line "at 12.5" sets the time, "core" another core, "list"
// gives the lines of a response, separated by semicolons, "cut" ends the
// connection and "greet" begins one.

type script struct {
	tr   *translation
	at   time.Time
	late time.Duration
	seq  int
	core string
}

var scriptStart = time.Unix(1_800_000_000, 0).UTC()

const coreA, coreB = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"

func run(t *testing.T, o freeswitch.Options, text string) []said {
	o.Fault = func(e *freeswitch.SyntaxError) { t.Error(e) }
	s := &script{tr: newTranslation(o), at: scriptStart, core: coreA}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			s.line(line)
		}
	}
	s.tr.Close()
	return s.tr.facts
}

func (s *script) line(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "at":
		var sec float64
		fmt.Sscan(rest, &sec)
		s.at = scriptStart.Add(time.Duration(sec * 1e9))
	case "late":
		s.late, _ = time.ParseDuration(rest)
	case "core":
		s.core, s.seq = rest, 0
	case "cut":
		s.tr.Disconnected(s.at, "cut")
	case "greet":
		s.tr.Feed([]byte("Content-Type: auth/request\n\n"), s.at)
	case "pass":
		s.tr.Advance(s.at)
	case "list":
		body := strings.ReplaceAll(strings.ReplaceAll(rest, "; ", "\n"), ";", "\n") + "\n"
		s.tr.Feed(fmt.Appendf(nil, "Content-Type: api/response\nContent-Length: %d\n\n%s", len(body), body), s.at)
	default:
		s.seq++
		s.event(word, rest)
	}
}

// event sends one event. The field seq=N gives it another number, and fields of
// values with spaces are written with underscores.
func (s *script) event(name, rest string) {
	var b strings.Builder
	prefix := ""
	if name == "cc" {
		action, fields, _ := strings.Cut(rest, " ")
		fmt.Fprintf(&b, "Event-Name: CUSTOM\nEvent-Subclass: callcenter%%3A%%3Ainfo\nCC-Action: %s\n", action)
		rest, prefix = fields, "CC-"
	} else {
		fmt.Fprintf(&b, "Event-Name: %s\n", name)
	}
	seq := s.seq
	for _, kv := range strings.Fields(rest) {
		k, v, _ := strings.Cut(kv, "=")
		if k == "seq" {
			fmt.Sscan(v, &seq)
			continue
		}
		key := k
		switch k {
		case "id":
			key = "Unique-ID"
		case "dir":
			key = "Call-Direction"
		case "name":
			key = "Channel-Name"
		case "from":
			key = "Caller-Caller-ID-Number"
		case "to":
			key = "Caller-Destination-Number"
		case "other":
			key = "Other-Leg-Unique-ID"
		case "by":
			key = "variable_sip_hangup_disposition"
		case "cause":
			if prefix == "" {
				key = "Hangup-Cause"
			}
		}
		if key == k && !strings.HasPrefix(k, "variable_") && !strings.Contains(k, "-Type") {
			key = prefix + k
		}
		v = url.PathEscape(strings.ReplaceAll(v, "_", " "))
		if strings.HasPrefix(k, "variable_") || k == "by" || k == "cause" || k == "Hangup-Cause" || k == "Cancel-Reason" {
			v = strings.ReplaceAll(v, "%20", "_")
		}
		fmt.Fprintf(&b, "%s: %s\n", key, v)
	}
	fmt.Fprintf(&b, "Core-UUID: %s\nFreeSWITCH-Switchname: fs1\nEvent-Date-Timestamp: %d\nEvent-Sequence: %d\n\n", s.core, s.at.UnixMicro(), seq)
	s.tr.Feed([]byte(eventFrame(b.String())), s.at.Add(s.late))
}

// steps names the facts, without what every script has.
func steps(facts []said, fields ...string) string {
	var list []string
	for _, s := range facts {
		typ := s.fact.EventType()
		if typ == "source.up" || typ == "source.down" || typ == "agent.provisioned" {
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
