package asesl

import (
	"crypto/subtle"
	"fmt"
	"strings"

	"trunkline/replay/stage"
)

// session is one client.
type session struct {
	p       *Switch
	c       *stage.Client
	in      bool // logged in
	classes map[string]bool
	command string // its first line, while its headers follow
}

// Wants tells whether the client subscribed to an event.
func (s *session) Wants(life, line int) bool {
	return s.in && (s.classes[s.p.lives[life].events[line].class()] || s.classes["ALL"])
}

// Take takes a line of a command: the first one is the command, its headers
// follow, and an empty line ends it.
func (s *session) Take(line string) {
	switch {
	case line != "" && s.command == "":
		s.command = line
	case line == "" && s.command != "":
		s.act(s.command)
		s.command = ""
	}
}

func (s *session) reply(text string) {
	s.c.Put([]byte("Content-Type: command/reply\nReply-Text: " + text + "\n\n"))
}

// goodbye ends the connection as FreeSWITCH does.
func (s *session) goodbye() {
	const text = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
	s.c.Put(fmt.Appendf(nil, "Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s", len(text), text))
	s.c.End()
}

// act answers a command.
func (s *session) act(command string) {
	verb, rest, _ := strings.Cut(command, " ")
	switch {
	case verb == "exit":
		s.reply("+OK bye")
		s.goodbye()
	case verb == "auth":
		if subtle.ConstantTimeCompare([]byte(rest), []byte(s.p.o.Password)) != 1 {
			s.reply("-ERR invalid")
			s.goodbye()
			return
		}
		s.in = true
		s.reply("+OK accepted")
	case !s.in:
		s.reply("-ERR command not found")
	case verb == "event":
		s.subscribe(strings.Fields(rest))
	case verb == "noevents":
		s.classes = nil
		s.reply("+OK no longer listening for events")
	case verb == "api":
		body := s.p.world.answer(rest, s.p.lives[s.p.at].core, s.p.Clock())
		s.c.Put(fmt.Appendf(nil, "Content-Type: api/response\nContent-Length: %d\n\n%s", len(body), body))
		if strings.HasPrefix(rest, "show channels") {
			s.p.Ready()
		}
	default:
		s.reply("-ERR command not found")
	}
}

// subscribe takes names of events; behind CUSTOM every name is a subclass.
func (s *session) subscribe(names []string) {
	if len(names) > 0 && (names[0] == "plain" || names[0] == "json" || names[0] == "xml") {
		if names[0] != "plain" {
			s.reply("-ERR only plain events were captured")
			return
		}
		names = names[1:]
	}
	if s.classes == nil {
		s.classes = make(map[string]bool)
	}
	custom := false
	for _, name := range names {
		if !custom && strings.EqualFold(name, "CUSTOM") {
			custom = true
			continue
		}
		if !custom {
			name = strings.ToUpper(name)
		}
		s.classes[name] = true
	}
	s.reply("+OK event listener enabled plain")
}
