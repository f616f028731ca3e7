package asterisk

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrQueueLog is what an error wraps when a line of a queue_log makes no sense.
var ErrQueueLog = errors.New("malformed queue_log line")

// QueueLogLine is one line of Asterisk's queue_log:
//
//	1795210744|pbx1-1795210742.0|support|Alice|CONNECT|1|pbx1-1795210743.1|1
type QueueLogLine struct {
	Time  time.Time // whole seconds
	Call  string    // Uniqueid of the caller, "" for NONE and for the words MANAGER, CLI, REALTIME
	Queue string    // "" for NONE
	Agent string    // a member's name or interface, "" for NONE
	Event string
	Args  []string
}

// Arg returns the i-th argument, or "".
func (l *QueueLogLine) Arg(i int) string {
	if i < len(l.Args) {
		return l.Args[i]
	}
	return ""
}

// maxQueueLogLine bounds a line; Asterisk's own are below 8 KiB.
const maxQueueLogLine = 64 << 10

// ParseQueueLog reads one line, with or without its end.
func ParseQueueLog(line []byte) (QueueLogLine, error) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > maxQueueLogLine {
		return QueueLogLine{}, fmt.Errorf("%w: %d bytes", ErrQueueLog, len(line))
	}
	f := bytes.Split(line, []byte("|"))
	if len(f) < 5 {
		return QueueLogLine{}, fmt.Errorf("%w: %d of at least 5 fields: %.60q", ErrQueueLog, len(f), line)
	}
	at, ok := parseTimestamp(f[0])
	if !ok {
		return QueueLogLine{}, fmt.Errorf("%w: no time: %.60q", ErrQueueLog, line)
	}
	l := QueueLogLine{Time: at, Queue: none(f[2]), Agent: none(f[3]), Event: text(f[4])}
	if l.Event == "" {
		return QueueLogLine{}, fmt.Errorf("%w: no event: %.60q", ErrQueueLog, line)
	}
	// Only a Uniqueid has digits behind a dot: who changed a member stands there too.
	if call := none(f[1]); strings.Contains(call, ".") {
		l.Call = call
	}
	for _, a := range f[5:] {
		l.Args = append(l.Args, text(a))
	}
	return l, nil
}

// none returns the text of a field, "" for the word that stands for nothing.
func none(b []byte) string {
	if s := text(b); s != "NONE" {
		return s
	}
	return ""
}

// names joins the two ways in which a queue_log names an agent: calls and pauses
// name the member, changes of membership the interface.
type names struct {
	given   map[string]string // interface by member name, from the configuration
	agentID func(iface string) string
}

// id returns the agent's id and, when it is known, the interface.
func (n *names) id(who string) (id, iface string) {
	iface = who
	if given, ok := n.given[who]; ok {
		iface = given
	} else if !strings.Contains(who, "/") { // a name, of which the configuration may know the id
		iface = ""
	}
	if id = n.agentID(cmp.Or(iface, who)); id == "" {
		id = cmp.Or(iface, who)
	}
	return id, iface
}

// says tells whether a line with this event can say anything; the translator
// makes no fact of the others.
func says(event string) bool {
	switch event {
	case "ENTERQUEUE", "CONNECT", "ABANDON", "EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY", "RINGNOANSWER", "RINGCANCELED",
		"AGENTDUMP", "COMPLETEAGENT", "COMPLETECALLER", "BLINDTRANSFER", "TRANSFER", "ATTENDEDTRANSFER", "SYSCOMPAT",
		"PAUSEALL", "PAUSE", "UNPAUSEALL", "UNPAUSE", "ADDMEMBER", "REMOVEMEMBER", "PENALTY",
		"AGENTLOGIN", "AGENTCALLBACKLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGOFF":
		return true
	}
	return false
}
