package freeswitch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"trunkline/source"
	"trunkline/source/clean"
	"trunkline/source/line"
)

// ErrLogin is what an error wraps when FreeSWITCH refuses the password or the
// address.
var ErrLogin = line.ErrLogin

// ErrProtocol is what an error wraps when the other end does not speak as an
// event socket does.
var ErrProtocol = errors.New("not an event socket")

// subscription names the events that say what no other event says. CUSTOM must
// come last: every word behind it is taken for a subclass.
const subscription = "event plain CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD CHANNEL_UNHOLD " +
	"CHANNEL_HANGUP_COMPLETE HEARTBEAT SHUTDOWN CUSTOM callcenter::info"

// The questions of a snapshot.
const (
	askVersion  = "api version"
	askCore     = "api global_getvar core_uuid"
	askTime     = "api strmicroepoch"
	askQueues   = "api callcenter_config queue list"
	askAgents   = "api callcenter_config agent list"
	askTiers    = "api callcenter_config tier list"
	askMembers  = "api callcenter_config queue list members "
	askChannels = "api show channels as delim ~|~" // a bar alone stands in dial strings
)

// greeted answers the first message of a connection.
func (s *session) greeted(m *Message) {
	switch m.Kind {
	case AuthRequest:
	case Rejection:
		s.Fail(fmt.Errorf("%w: %s (see apply-inbound-acl in event_socket.conf)", ErrLogin, strings.TrimSpace(clean.Text(m.Body()))))
		return
	default:
		s.Fail(fmt.Errorf("%w: it began with %s", ErrProtocol, m.Kind))
		return
	}
	password, err := s.c.line.ReadSecret()
	if err != nil {
		s.Fail(err)
		return
	}
	s.c.tr.setRead(s.At)
	s.c.tr.message(m)
	s.ask("auth "+password, s.loggedIn)
}

// loggedIn subscribes and asks for everything that is. The core is asked for
// first, so that it is known whether this is the FreeSWITCH from before.
func (s *session) loggedIn(m *Message) {
	if reply := m.Get("Reply-Text"); !strings.HasPrefix(reply, "+OK") {
		s.Fail(fmt.Errorf("%w: %s", ErrLogin, clean.Text(reply)))
		return
	}
	s.c.line.Note(func(h *source.Health) { h.Logins++ })
	s.ping()
	s.ask(askVersion, s.hand)
	s.ask(askCore, s.hand)
	s.ask(subscription, s.subscribed)
	s.lists(s.members)
}

func (s *session) subscribed(m *Message) {
	if reply := m.Get("Reply-Text"); !strings.HasPrefix(reply, "+OK") {
		s.Fail(fmt.Errorf("%w: it refuses the subscription: %s", ErrProtocol, clean.Text(reply)))
	}
}

// lists asks for what mod_callcenter is set up with; then gets the last answer.
func (s *session) lists(then func()) {
	s.ask(askQueues, s.list)
	s.ask(askAgents, s.list)
	s.ask(askTiers, func(m *Message) {
		s.list(m)
		then()
	})
}

// list hands on a list. Without mod_callcenter calls are followed all the same.
func (s *session) list(m *Message) {
	if bytes.HasPrefix(m.Body(), []byte("-ERR")) {
		if !s.noQueues {
			s.noQueues = true
			s.c.line.Logger.Warn("mod_callcenter does not answer; there will be calls, but no queues", "answer", clean.Text(m.Body()))
		}
		return
	}
	s.hand(m)
}

// members asks who waits in each queue, and last which channels there are.
func (s *session) members() {
	for _, queue := range sortedKeys(s.c.tr.floor.queues) {
		if !strings.ContainsAny(queue, "\r\n") {
			s.ask(askMembers+queue, s.list)
		}
	}
	s.ask(askChannels, func(m *Message) {
		s.hand(m)
		s.complete()
	})
}

// complete says that the snapshot is there.
func (s *session) complete() {
	if s.listed {
		return
	}
	s.listed = true
	s.c.line.Set(source.StateUp, "")
	s.c.line.Logger.Info("up", "interactions", s.c.tr.Open(), "core", s.c.tr.ids.core)
}

// poll asks again for what can change without an event, and for the channels,
// among which a hang-up shows that was missed.
func (s *session) poll() {
	s.lists(func() { s.ask(askChannels, s.hand) })
}

// ping asks for FreeSWITCH's time.
func (s *session) ping() {
	s.waiting, s.pinged = true, s.c.line.Now()
	s.ask(askTime, s.ponged)
}

// skewed is from where on two clocks count as different.
const skewed = time.Second

// ponged measures how far FreeSWITCH's clock is from ours.
func (s *session) ponged(m *Message) {
	s.waiting = false
	at, ok := microseconds(bytes.TrimSpace(m.Body()))
	if !ok {
		return
	}
	behind := s.c.line.Now().Sub(at)
	if s.skew = 0; behind > skewed || behind < -skewed {
		s.skew = behind
	}
	if s.skew != 0 && !s.skewSaid {
		s.skewSaid = true
		s.c.line.Logger.Warn("the clocks differ, or FreeSWITCH is slow to answer", "behind", behind.Round(time.Millisecond))
	}
}
