package measure

import (
	"fmt"
	"strings"
)

// Document writes docs/measures.md.
func Document() string {
	var b strings.Builder
	b.WriteString(`# Measures

<!-- Written from the catalogue in package floor/measure by "go test ./floor/measure -update". -->

What can be asked of the floor, since the tenant's last midnight ("interval to date"), by queue, by agent, by agent and
queue, by channel (a medium: phone, chat, email, sms, video), by queue and channel, and by agent and channel. The catalogue is the same for every interface.

- **DURATION** is in seconds and accrues when a state or contact ends: a value does not tick. An average may have a fraction.
- **TIME_IN_STATE** is the moment at which a state began, in epoch milliseconds, and 0 outside the state, so that a screen runs the clock itself.
- A quotient whose divisor is zero has no value.
- Everything is counted where it ends or happens, and in the day in which the log received it. All counters begin anew at
  midnight in the tenant's time zone (a day of 23 or 25 hours when the clock changes); what is there now stays.
- Waits and times are differences of the source's own times. Visits lost by a failing source are counted apart and are in no rate.
- An agent is in one state: contact before wrap-up before alerting before what the person set. Contacts of several channels at once count
  one by one in activeDuration and once in contactStateDuration.

There are five formulas for the service level in use, and on the same calls they differ by half: each has its own name here, with
serviceLevelThreshold beside it.

`)
	for _, o := range Kinds() {
		fmt.Fprintf(&b, "## By %s\n\n| measure | type | unit | formula | what it is |\n|---|---|---|---|---|\n", o)
		for _, m := range For(o) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Type, m.Unit, m.Formula, m.Description)
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
