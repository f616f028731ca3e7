package sim_test

import (
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/sim"
)

// The event sequences that the 8x8 streaming interface documents, as the
// mapping of the vocabulary yields them: the event without "Interaction", and
// the callState where there is one. Where the vendor prints a hang-up value in
// that column it is DISCONNECTED.
var sequences = map[string]string{
	"inbound call": `Created/QUEUED Queued/QUEUED Assigned/QUEUED Accepted/CONNECTED PostProcess/DISCONNECTED
		EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Deassigned/DISCONNECTED`,
	"outbound call without queue": `Created/IDLE Assigned/IDLE RecordingStarted Accepted/INPROGRESS CustomerAccepted/CONNECTED
		EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED`,
	"outbound call with queue": `Created/IDLE Queued/IDLE Assigned/IDLE RecordingStarted Accepted/INPROGRESS CustomerAccepted/CONNECTED
		EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED`,
	"outbound conference call with queue": `Created/IDLE Queued/IDLE Assigned/IDLE Accepted/INPROGRESS CustomerAccepted/CONNECTED
		Created/IDLE Assigned/IDLE Accepted/INPROGRESS Assigned/INPROGRESS Accepted/CONNECTED
		EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Reconnect/DISCONNECTED ParticipantChange/CONNECTED Deassigned/DISCONNECTED
		Deleted/DISCONNECTED/system JoinLinesRequest PostProcess/DISCONNECTED ParticipantChange/DISCONNECTED EndPostProcess/DISCONNECTED
		Deassigned/DISCONNECTED PostProcess/DISCONNECTED EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED/agent`,
	"transfer to another agent": `Created/IDLE Queued/IDLE Assigned/IDLE Accepted/INPROGRESS CustomerAccepted/CONNECTED
		Created/IDLE Assigned/IDLE Accepted/INPROGRESS Assigned/INPROGRESS Accepted/CONNECTED TransferRequest
		PostProcess/DISCONNECTED ParticipantChange/CONNECTED EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED PostProcess/DISCONNECTED
		Reconnect/DISCONNECTED ParticipantChange/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED EndPostProcess/DISCONNECTED
		Deassigned/DISCONNECTED ParticipantChange/DISCONNECTED PostProcess/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED/customer`,
	"transfer to an inbound queue": `Created/IDLE Queued/IDLE Assigned/IDLE Accepted/INPROGRESS CustomerAccepted/CONNECTED PostProcess/DISCONNECTED
		Created/IDLE Queued/IDLE EndPostProcess/DISCONNECTED Deassigned/DISCONNECTED Deleted/DISCONNECTED/agent`,
}

// line is what the projection carries for one interaction.
type line struct {
	root  string
	in    bool
	carry string
}

// projector is the mapping of the vocabulary onto 8x8's events.
type projector struct {
	lines  map[string]*line
	stream map[string][]string // by the first interaction of a family
}

func (p *projector) add(f event.Fact) {
	say := func(id, name, state string) {
		l := p.lines[id]
		switch state {
		case "":
		case "carried":
			name += "/" + l.carry
		default:
			call, _, _ := strings.Cut(state, "/")
			l.carry = call
			name += "/" + state
		}
		p.stream[l.root] = append(p.stream[l.root], name)
	}
	either := func(id, in, out string) string {
		if p.lines[id].in {
			return in
		}
		return out
	}
	switch f := f.(type) {
	case event.InteractionCreated:
		root := f.Interaction
		if up := p.lines[f.Parent]; up != nil {
			root = up.root
		}
		p.lines[f.Interaction] = &line{root: root, in: f.Direction == event.DirectionIn}
		if f.Direction == event.DirectionIn && f.Origin != event.OriginTransfer {
			say(f.Interaction, "Created", "QUEUED")
		} else {
			say(f.Interaction, "Created", "IDLE")
		}
	case event.InteractionQueued:
		say(f.Interaction, "Queued", either(f.Interaction, "QUEUED", "IDLE"))
	case event.InteractionOffered:
		say(f.Interaction, "Assigned", "carried")
	case event.InteractionAccepted:
		say(f.Interaction, "Accepted", either(f.Interaction, "CONNECTED", "INPROGRESS"))
	case event.InteractionCustomerAccepted:
		say(f.Interaction, "CustomerAccepted", "CONNECTED")
	case event.InteractionLegConnected:
		say(f.Interaction, "Assigned", "INPROGRESS")
		say(f.Interaction, "Accepted", "CONNECTED")
	case event.InteractionRecordingStarted:
		say(f.Interaction, "RecordingStarted", "")
	case event.InteractionTransferRequested:
		say(f.Interaction, "TransferRequest", "")
	case event.InteractionJoinRequested:
		say(f.Interaction, "JoinLinesRequest", "")
	case event.InteractionParticipantsChanged:
		say(f.Interaction, "ParticipantChange", "carried")
	case event.InteractionReconnected:
		say(f.Interaction, "Reconnect", "DISCONNECTED")
	case event.InteractionWrapupStarted:
		say(f.Interaction, "PostProcess", "DISCONNECTED")
	case event.InteractionWrapupEnded:
		say(f.Interaction, "EndPostProcess", "DISCONNECTED")
	case event.InteractionReleased:
		say(f.Interaction, "Deassigned", "DISCONNECTED")
	case event.InteractionEnded:
		say(f.Interaction, "Deleted", "DISCONNECTED/"+string(f.Initiator))
	}
}

// follows says whether the rows appear in the events, in their order.
func follows(events, rows []string) bool {
	i := 0
	for _, e := range events {
		if i < len(rows) && (e == rows[i] || strings.HasPrefix(e, rows[i]+"/")) {
			i++
		}
	}
	return i == len(rows)
}

func TestEveryDocumentedSequenceHappens(t *testing.T) {
	cfg := sim.DefaultConfig()
	cfg.Agents, cfg.Transcribed, cfg.Length, cfg.Drain = 200, 0, 10*time.Hour, true
	p := projector{lines: map[string]*line{}, stream: map[string][]string{}}
	s := start(t, cfg)
	for _, f := range s.All {
		p.add(f)
	}
	for name, text := range sequences {
		rows, n := strings.Fields(text), 0
		for _, events := range p.stream {
			if follows(events, rows) {
				n++
			}
		}
		t.Logf("%s: %d of %d families of interactions", name, n, len(p.stream))
		if n < 5 {
			t.Errorf("%s: %d times only", name, n)
		}
	}
}

// TestEveryKindOfFactHappens holds a day against the vocabulary: what the
// simulator never says is listed here with its reason.
func TestEveryKindOfFactHappens(t *testing.T) {
	never := map[string]string{
		"agent.alerted":              "derived by the log",
		"queue.availability_changed": "derived by the log",
		"floor.corrected":            "derived by the log",
		"destination.up":             "derived by the log",
		"destination.down":           "derived by the log",
		"source.gap":                 "the simulator misses nothing",
	}
	cfg := sim.DefaultConfig()
	cfg.Agents, cfg.Run, cfg.Length, cfg.Drain = 100, 1, 24*time.Hour, true
	s := start(t, cfg)
	for range s.All {
	}
	seen := s.Books().Facts
	for _, info := range event.Types() {
		if _, excused := never[info.Type]; excused == (seen[info.Type] > 0) {
			t.Errorf("%s: seen %d times", info.Type, seen[info.Type])
		}
	}
}
