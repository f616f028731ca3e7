package asterisk

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"trunkline/source"
	"trunkline/source/line"
)

// ErrLogin is what an error wraps when the PBX refuses the user or the secret.
var ErrLogin = line.ErrLogin

// ErrProtocol is what an error wraps when the other end does not speak as a
// manager interface does.
var ErrProtocol = errors.New("not a manager interface")

// filters keep away what says nothing that another event does not say. They are
// the lines eventfilter of docs/asterisk.md.
var filters = []string{
	"!Event: (CEL|Cdr|RTCP|Newstate|MusicOnHold|NewConnectedLine|Bridge|DialState|UserEvent)",
	"!Variable: (RTPAUDIO|BRIDGE|DIALED|ANSWERED|QUEUEWAIT|QUEUEPOSITION)",
}

// classes are those of the events that say something; a user may be allowed to
// read more.
const classes = "system,call,agent,dialplan"

// greeted takes the banner and begins the login: the secret is only used to
// answer a challenge.
func (s *session) greeted(m *Message) {
	s.c.line.Logger.Info("connected", "banner", string(m.Name()))
	s.c.tr.message(m)
	s.ask("Challenge", s.challenged, "AuthType", "MD5")
}

func (s *session) challenged(m *Message) {
	challenge := m.Get("Challenge")
	if string(m.Name()) != "Success" || challenge == "" {
		s.Fail(fmt.Errorf("%w: it gives no MD5 challenge: %s", ErrLogin, text(m.Bytes("Message"))))
		return
	}
	secret, err := s.c.line.ReadSecret()
	if err != nil {
		s.Fail(err)
		return
	}
	sum := md5.Sum([]byte(challenge + secret))
	s.ask("Login", s.loggedIn, "AuthType", "MD5", "Username", s.c.o.User, "Key", hex.EncodeToString(sum[:]))
}

// loggedIn goes on to learn about the PBX. The events that begin to flow wait
// until it is known when the PBX was started.
func (s *session) loggedIn(m *Message) {
	if string(m.Name()) != "Success" {
		s.Fail(fmt.Errorf("%w: %s", ErrLogin, text(m.Bytes("Message"))))
		return
	}
	s.holding = true
	s.c.line.Note(func(h *source.Health) { h.Logins++ })
	if !s.c.o.NoFilter {
		s.ask("Events", s.filtered, "EventMask", classes)
		for _, f := range filters {
			s.ask("Filter", s.filtered, "Operation", "Add", "Filter", f)
		}
	}
	s.ask("Ping", s.ponged)
	s.ask("CoreStatus", s.coreStatus)
}

func (s *session) filtered(m *Message) {
	if string(m.Name()) != "Success" && !s.unfiltered {
		s.unfiltered = true
		s.c.line.Logger.Info("the PBX takes no event filter from this user; eventfilter lines in manager.conf keep the volume down",
			"answer", text(m.Bytes("Message")))
	}
}

// skewed is from where on two clocks count as different.
const skewed = time.Second

// ponged measures how far the PBX's clock and what arrives from it are apart
// from ours.
func (s *session) ponged(m *Message) {
	s.pinging = false
	at, ok := m.Time()
	if !ok {
		return
	}
	behind := s.c.line.Now().Sub(at)
	if s.skew = 0; behind > skewed || behind < -skewed {
		s.skew = behind
	}
	s.c.tr.link.lag = max(behind, 0)
	if now := s.Now(); s.booted && now.After(s.c.tr.link.heard) {
		s.c.tr.link.heard = now
	}
	s.c.line.Note(func(h *source.Health) { h.Lag = behind })
	if s.skew != 0 && !s.skewSaid {
		s.skewSaid = true
		s.c.line.Logger.Warn("the clocks differ, or the PBX is slow to answer", "behind", behind.Round(time.Millisecond))
	}
}

// coreStatus learns when the PBX was started, to the second, and lets go what
// waited for it.
func (s *session) coreStatus(m *Message) {
	s.startup = time.Time{}
	if string(m.Name()) == "Success" {
		date := m.Get("CoreStartupDate") + " " + m.Get("CoreStartupTime")
		if at, err := time.Parse("2006-01-02 15:04:05", date); err == nil {
			s.startup = at
		}
	} else {
		s.c.line.Logger.Warn("CoreStatus is refused: the user needs write = reporting", "answer", text(m.Bytes("Message")))
	}
	s.holding = false
	held := s.held
	s.held = nil
	for _, h := range held {
		s.hand(h.msg, h.at)
	}
}

// started turns what CoreStatus says into a time. It is in the PBX's own time
// zone, which is not named; but zones are whole quarters of an hour apart, and
// the uptime of FullyBooted says the time to a second or so.
func (s *session) started(uptime time.Duration) time.Time {
	if s.startup.IsZero() {
		return time.Time{}
	}
	const quarter, slack = 15 * time.Minute, 5 * time.Minute
	guess := s.Now().Add(-uptime)
	at := s.startup.Add(guess.Sub(s.startup).Round(quarter))
	if d := guess.Sub(at); d > slack || d < -slack {
		return time.Time{}
	}
	return at
}

// snapshot asks for everything that is.
func (s *session) snapshot() {
	s.booted, s.listing = true, s.c.line.Now()
	s.ask("QueueStatus", s.answered)
	s.ask("CoreShowChannels", s.showChannels)
	s.ask("DeviceStateList", s.answered)
	s.ask("QueueSummary", s.answered)
}

func (s *session) answered(m *Message) {
	if string(m.Name()) != "Success" {
		s.c.line.Logger.Warn("the PBX refuses to answer; the user may need write = reporting", "answer", text(m.Bytes("Message")))
	}
}

func (s *session) showChannels(m *Message) {
	if string(m.Name()) == "Success" {
		return
	}
	s.answered(m)
	s.c.tr.withoutChannels()
	s.complete()
}

// unlisted goes on without the end of the list of channels, which will not come.
func (s *session) unlisted() {
	s.c.line.Logger.Warn("the list of channels has no end; an eventfilter in manager.conf may keep CoreShowChannel away", "waited", s.c.line.LoginTimeout)
	s.c.tr.withoutChannels()
	s.complete()
}

// complete says that the snapshot is there.
func (s *session) complete() {
	if s.listed {
		return
	}
	s.listed = true
	s.c.line.Set(source.StateUp, "")
	s.c.line.Logger.Info("up", "interactions", s.c.tr.Open(), "booted", s.c.tr.Boot().Format(time.RFC3339))
}

// summary checks the snapshot against the PBX's own count.
func (s *session) summary(m *Message) {
	queue, want := text(m.Bytes("Queue")), number(m.Bytes("Callers"))
	have := 0
	for _, ch := range s.c.tr.chans {
		if v := ch.visit; v != nil && v.queue == queue && !v.left {
			have++
		}
	}
	if have != want {
		s.c.line.Logger.Info("a queue's count differs from the callers known, as it may for a moment", "queue", queue, "pbx", want, "known", have)
	}
}

// oneLine makes sure that a value cannot begin another line of an action.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}
