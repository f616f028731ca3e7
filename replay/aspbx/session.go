package aspbx

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"trunkline/replay/stage"
)

// session is one client.
type session struct {
	p         *PBX
	c         *stage.Client
	in        bool // logged in
	challenge string
	events    bool
	include   []*filter
	exclude   []*filter
	action    map[string]string // while its lines come
}

// Wants tells whether the client's filters let an event through.
func (s *session) Wants(life, line int) bool {
	m := &s.p.lives[life].events[line]
	if !s.in || !s.events {
		return false
	}
	ok := len(s.include) == 0
	for _, f := range s.include {
		ok = ok || f.matches(m)
	}
	for _, f := range s.exclude {
		ok = ok && !f.matches(m)
	}
	return ok
}

// list writes the rows of an answer.
type list struct {
	b    bytes.Buffer
	id   string
	rows int
}

func (l *list) row(name string) {
	l.finish()
	l.rows++
	fmt.Fprintf(&l.b, "Event: %s\r\n", name)
	if l.id != "" {
		fmt.Fprintf(&l.b, "ActionID: %s\r\n", l.id)
	}
}

func (l *list) field(key string, value any) { fmt.Fprintf(&l.b, "%s: %v\r\n", key, value) }

func (l *list) finish() {
	if l.b.Len() > 0 && !bytes.HasSuffix(l.b.Bytes(), []byte("\r\n\r\n")) {
		l.b.WriteString("\r\n")
	}
}

// Take takes a line of an action; an empty one ends it.
func (s *session) Take(line string) {
	if line != "" {
		if key, value, ok := strings.Cut(line, ":"); ok {
			s.action[strings.ToLower(key)] = strings.TrimSpace(value)
		}
		return
	}
	if len(s.action) > 0 {
		s.act(s.action)
	}
	clear(s.action)
}

func (s *session) respond(a map[string]string, result string, fields ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "Response: %s\r\n", result)
	if id := a["actionid"]; id != "" {
		fmt.Fprintf(&b, "ActionID: %s\r\n", id)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", fields[i], fields[i+1])
	}
	b.WriteString("\r\n")
	s.c.Put([]byte(b.String()))
}

// act answers an action.
func (s *session) act(a map[string]string) {
	action := strings.ToLower(a["action"])
	switch action {
	case "challenge":
		if !strings.EqualFold(a["authtype"], "md5") {
			s.respond(a, "Error", "Message", "Must specify AuthType")
			return
		}
		s.challenge = strconv.Itoa(100_000_000 + rand.IntN(900_000_000))
		s.respond(a, "Success", "Challenge", s.challenge)
		return
	case "login":
		s.login(a)
		return
	}
	if !s.in {
		s.respond(a, "Error", "Message", "Permission denied")
		return
	}
	now := s.p.Clock()
	w := s.p.world
	switch action {
	case "ping":
		s.respond(a, "Success", "Ping", "Pong", "Timestamp", stamp(now))
	case "logoff":
		s.respond(a, "Goodbye", "Message", "Thanks for all the fish.")
		s.c.End()
	case "events":
		s.events = a["eventmask"] != "off"
		s.respond(a, "Success", "Events", a["eventmask"])
	case "filter":
		s.filter(a)
	case "corestatus":
		if !s.allowed(a, "reporting") {
			return
		}
		up := s.p.lives[s.p.at].boot.In(s.p.zone())
		s.respond(a, "Success", "CoreStartupDate", up.Format("2006-01-02"), "CoreStartupTime", up.Format("15:04:05"),
			"CoreReloadDate", up.Format("2006-01-02"), "CoreReloadTime", up.Format("15:04:05"), "CoreCurrentCalls", "0")
	case "queuestatus":
		s.list(a, "Queue status will follow", "QueueStatusComplete", func(l *list) { w.queueStatus(l, a["queue"], now) })
	case "queuesummary":
		s.list(a, "Queue summary will follow", "QueueSummaryComplete", func(l *list) { w.queueSummary(l, a["queue"], now) })
	case "coreshowchannels":
		if s.allowed(a, "reporting") {
			s.list(a, "Channels will follow", "CoreShowChannelsComplete", func(l *list) { w.coreShowChannels(l, now) })
		}
	case "devicestatelist":
		if s.allowed(a, "reporting") {
			s.list(a, "Device State Changes will follow", "DeviceStateListComplete", w.deviceStateList)
		}
	default:
		s.respond(a, "Error", "Message", "Invalid/unknown command: "+a["action"]+".")
	}
	if action == "queuesummary" { // the last question of a snapshot
		s.p.Ready()
	}
}

func (s *session) allowed(a map[string]string, class string) bool {
	for c := range strings.SplitSeq(s.p.o.Write, ",") {
		if c = strings.TrimSpace(c); c == class || c == "all" {
			return true
		}
	}
	s.respond(a, "Error", "Message", "Permission denied")
	return false
}

func (s *session) list(a map[string]string, message, complete string, rows func(*list)) {
	s.respond(a, "Success", "EventList", "start", "Message", message)
	l := &list{id: a["actionid"]}
	rows(l)
	n := l.rows
	l.row(complete)
	l.field("EventList", "Complete")
	l.field("ListItems", n)
	l.finish()
	s.c.Put(l.b.Bytes())
}

func (s *session) login(a map[string]string) {
	want := s.p.o.Secret
	got := a["secret"]
	if strings.EqualFold(a["authtype"], "md5") {
		sum := md5.Sum([]byte(s.challenge + s.p.o.Secret))
		want, got = hex.EncodeToString(sum[:]), a["key"]
		if s.challenge == "" {
			got = ""
		}
	}
	s.challenge = ""
	if a["username"] != s.p.o.User || subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		s.respond(a, "Error", "Message", "Authentication failed")
		s.c.End()
		return
	}
	s.in, s.events = true, a["events"] != "off"
	s.respond(a, "Success", "Message", "Authentication accepted")
	l := &list{}
	l.row("FullyBooted")
	up := seconds(s.p.Clock().Sub(s.p.lives[s.p.at].boot))
	l.field("Privilege", "system,all")
	l.field("Uptime", up)
	l.field("LastReload", up)
	l.field("Status", "Fully Booted")
	l.finish()
	s.c.Put(l.b.Bytes())
}

// filter adds an expression; one with ! before it keeps events away.
func (s *session) filter(a map[string]string) {
	if !s.allowed(a, "system") {
		return
	}
	text, not := strings.CutPrefix(a["filter"], "!")
	f, err := s.p.filters.get(text)
	if !strings.EqualFold(a["operation"], "add") || err != nil {
		s.respond(a, "Error", "Message", "Filter did not compile")
		return
	}
	if not {
		s.exclude = append(s.exclude, f)
	} else {
		s.include = append(s.include, f)
	}
	s.respond(a, "Success", "Message", "Added a filter")
}

func stamp(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }
