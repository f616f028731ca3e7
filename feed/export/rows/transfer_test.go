package rows_test

import (
	"fmt"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/export/rows"
	"trunkline/feed/export/schema"
)

// A transfer is one row, in whichever order the facts about it come.
func TestATransferIsOneRow(t *testing.T) {
	bob := fmt.Sprint(rows.Number("bob"))
	for name, c := range map[string]struct {
		kind   event.TransferKind
		target string
		of     event.TargetKind
		facts  []string // behind the start, each 5 s after the one before
		want   string
	}{
		"a blind one that is answered": {event.TransferBlind, "bob", event.TargetAgent, []string{"requested", "connected"},
			"timestamp_reply=" + us(2, 10) + "|accepted=true|exit_transfer_event_type=TRANSFER_CONNECTED|actual_rep_transfer=" + bob},
		"a blind one that nobody answers": {event.TransferBlind, "bob", event.TargetAgent, []string{"requested", "cancelled"},
			"timestamp_reply=" + us(2, 10) + "|accepted=false|exit_transfer_event_type=TRANSFER_CANCELLED|actual_rep_transfer=null|requested_rep_transfer=" + bob},
		"a consultation first": {event.TransferConsult, "bob", event.TargetAgent, []string{"connected", "requested"},
			"timestamp_reply=" + us(2, 5) + "|accepted=true|exit_transfer_event_type=TRANSFER_REQUESTED|actual_rep_transfer=" + bob},
		"a consultation and the transfer in one": {event.TransferConsult, "bob", event.TargetAgent, []string{"requested", "connected"},
			"timestamp_reply=" + us(2, 10) + "|accepted=true|actual_rep_transfer=" + bob},
		"to a queue": {event.TransferQueue, "vip", event.TargetQueue, []string{"left"},
			"timestamp_reply=" + us(2, 5) + "|accepted=true|exit_transfer_event_type=QUEUED|group_transfer_to=vip|group_transfer_from=10|actual_rep_transfer=null"},
		"to a queue, and not": {event.TransferQueue, "vip", event.TargetQueue, []string{"cancelled", "left"},
			"timestamp_reply=" + us(2, 5) + "|accepted=false|exit_transfer_event_type=TRANSFER_CANCELLED"},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t)
			at := func(m, s int) time.Time {
				return start.Add(time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
			}
			ref := call("c")
			j.say(at(0, 0), event.QueueConfigured{Queue: "10", Name: "Sales"}, event.QueueConfigured{Queue: "vip", Name: "VIP"})
			j.say(at(1, 0), event.InteractionCreated{Ref: ref, Direction: event.DirectionIn}, event.InteractionQueued{Ref: ref, Queue: "10", Reason: event.EntryNew})
			j.say(at(1, 10), event.InteractionAccepted{Ref: ref, Agent: "ann", Queue: "10"})
			j.say(at(2, 0), event.InteractionTransferStarted{Ref: ref, Agent: "ann", Kind: c.kind, Target: c.target, TargetKind: c.of})
			for n, what := range c.facts {
				var f event.Fact
				switch what {
				case "requested":
					f = event.InteractionTransferRequested{Ref: ref, Agent: "ann", Kind: c.kind, Target: c.target, TargetKind: c.of}
				case "connected":
					f = event.InteractionTransferConnected{Ref: ref, Agent: "ann", Kind: c.kind, Target: c.target, TargetKind: c.of}
				case "cancelled":
					f = event.InteractionTransferCancelled{Ref: ref, Agent: "ann", Kind: c.kind, Target: c.target, TargetKind: c.of}
				case "left":
					f = event.InteractionReleased{Ref: ref, Agent: "ann", Initiator: event.InitiatorAgent}
				}
				j.say(at(2, 5*(n+1)), f)
			}
			got := latest(t, export(j, 2*time.Hour), "transfers", schema.ByGuide)
			if len(got) != 1 {
				t.Fatalf("%d rows: %v", len(got), got)
			}
			if d := differs(&got[0], "timestamp_req="+us(2, 0)+"|"+c.want); d != "" {
				t.Errorf("%s in\n%s", d, got[0].json)
			}
		})
	}
}
