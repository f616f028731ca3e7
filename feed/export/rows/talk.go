package rows

// talk counts what was said in an issue, or while an agent had a part in it. Times are
// milliseconds.
type talk struct {
	FirstAt     int64 // the first utterance of all
	FirstText   string
	Customer    int64 // utterances
	Agent       int64
	Auto        int64 // by the system and by virtual agents
	LastAgentAt int64
	LastCustAt  int64

	AgentTurns int64 // answers of agents to the customer
	AgentMS    int64 // how long the customer waited for them
	AgentMax   int64
	CustTurns  int64 // answers of the customer
	CustMS     int64
	FirstReply int64 // when an agent answered first
	FirstMS    int64 // how long that took

	Owes  string // who is to answer, "" for nobody
	Since int64  // since when
}

// say counts an utterance. from is when the waiting for an answer began if nothing was
// said yet.
func (t *talk) say(role, text string, at, from int64) {
	if t.FirstAt == 0 {
		t.FirstAt, t.FirstText = at, clip(text)
	}
	switch role {
	case "customer":
		t.Customer++
		t.LastCustAt = at
		if t.Owes == role {
			t.CustTurns++
			t.CustMS += max(at-t.Since, 0)
		}
		if t.Owes != "agent" {
			t.Owes, t.Since = "agent", at
		}
	case "agent", "supervisor":
		t.Agent++
		t.LastAgentAt = at
		if t.FirstReply == 0 {
			since := t.Since
			if t.Owes != "agent" || since < from {
				since = from
			}
			t.FirstReply, t.FirstMS = at, max(at-since, 0)
		}
		if t.Owes == "agent" {
			wait := max(at-max(t.Since, from), 0)
			t.AgentTurns++
			t.AgentMS += wait
			t.AgentMax = max(t.AgentMax, wait)
		}
		if t.Owes != "customer" {
			t.Owes, t.Since = "customer", at
		}
	default:
		t.Auto++
	}
}
