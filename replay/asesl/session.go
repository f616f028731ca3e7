package asesl

import (
	"bufio"
	"crypto/subtle"
	"fmt"
	"net"
	"strings"
)

// session is one client.
type session struct {
	p       *Switch
	conn    net.Conn
	wake    chan struct{} // of the writer
	out     []byte        // under p.mu
	closing bool          // no more is taken into out
	in      bool          // logged in
	classes map[string]bool
}

// maxBehind is how much a client may leave unread before it is cut off, as
// FreeSWITCH does when its queue is full.
const maxBehind = 32 << 20

// put queues bytes for the client; under p.mu.
func (s *session) put(b []byte) {
	if s.closing {
		return
	}
	s.out = append(s.out, b...)
	if len(s.out) > maxBehind {
		s.drop()
		return
	}
	s.signal()
}

func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end closes the connection once the client has what is queued.
func (s *session) end() {
	s.closing = true
	s.signal()
}

// drop closes the connection at once.
func (s *session) drop() {
	s.closing = true
	s.out = nil
	s.conn.Close()
	s.signal()
}

func (s *session) write() {
	defer s.conn.Close()
	for range s.wake {
		for {
			s.p.mu.Lock()
			out, closing := s.out, s.closing
			s.out = nil
			s.p.drained.Broadcast()
			s.p.mu.Unlock()
			if len(out) == 0 {
				if closing {
					return
				}
				break
			}
			if _, err := s.conn.Write(out); err != nil {
				return
			}
		}
	}
}

// wants tells whether the client subscribed to a class of events.
func (s *session) wants(class string) bool {
	return s.in && (s.classes[class] || s.classes["ALL"])
}

// read takes the client's commands until it hangs up. A command is a line, its
// headers follow on lines of their own, and an empty line ends it.
func (s *session) read() {
	lines := bufio.NewScanner(s.conn)
	lines.Buffer(make([]byte, 4096), 64<<10)
	command := ""
	for lines.Scan() {
		switch line := strings.TrimRight(lines.Text(), "\r"); {
		case line != "" && command == "":
			command = line
		case line == "" && command != "":
			s.p.mu.Lock()
			s.act(command)
			s.p.mu.Unlock()
			command = ""
		}
	}
}

func (s *session) reply(text string) {
	s.put([]byte("Content-Type: command/reply\nReply-Text: " + text + "\n\n"))
}

// goodbye ends the connection as FreeSWITCH does.
func (s *session) goodbye() {
	const text = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
	s.put(fmt.Appendf(nil, "Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s", len(text), text))
	s.end()
}

// act answers a command; under p.mu.
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
		body := s.p.world.answer(rest, s.p.lives[s.p.at].core, s.p.clock())
		s.put(fmt.Appendf(nil, "Content-Type: api/response\nContent-Length: %d\n\n%s", len(body), body))
		if strings.HasPrefix(rest, "show channels") {
			s.p.asked()
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
