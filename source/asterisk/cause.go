package asterisk

import (
	"strconv"

	"trunkline/event"
)

// causeText spells a hang-up cause: "SIP 486, Q.850 17".
func causeText(m *Message) string {
	var s string
	if tech := text(m.Bytes("TechCause")); tech != "" {
		s = "SIP " + tech
	}
	if n := number(m.Bytes("Cause")); n != 0 {
		if s != "" {
			s += ", "
		}
		s += "Q.850 " + strconv.Itoa(n)
	}
	return s
}

// endOfCause turns a Q.850 cause into the reason of an end. Cause 0 comes when
// a caller hangs up before anybody answered.
func endOfCause(cause int, answered bool) event.EndReason {
	if answered {
		switch cause {
		case 0, 16, 17, 19, 21, 26, 31:
			return event.EndNormal
		}
		return event.EndFailed
	}
	switch cause {
	case 0:
		return event.EndCancelled
	case 16, 31:
		return event.EndNormal
	case 17:
		return event.EndBusy
	case 18, 19, 20:
		return event.EndNoAnswer
	case 21, 52, 54, 55, 57:
		return event.EndRejected
	case 1, 2, 3, 22, 28:
		return event.EndBadAddress
	}
	return event.EndFailed
}
