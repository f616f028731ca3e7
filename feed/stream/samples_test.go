package stream_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/stream"
)

// sample reads one of the vendor's sample events as it stands on one line, with
// the instance and the number that this feed gives it.
func sample(t *testing.T, name, instance string, sequence int) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		t.Fatal(err)
	}
	s := regexp.MustCompile(`"instanceId":"[^"]*"`).ReplaceAllString(line.String(), `"instanceId":"`+instance+`"`)
	return regexp.MustCompile(`"sequenceId":\d+`).ReplaceAllString(s, `"sequenceId":`+strconv.Itoa(sequence))
}

const instance = tenant + "-0102030405060708-sapi-v1"

// TestSamplesAreMade makes every sample event of the vendor's page out of facts:
// the same members with the same values in the same order, but for the instance
// and the number of the message.
func TestSamplesAreMade(t *testing.T) {
	got := samples(t).payloads(stream.JSON)
	want := map[int]string{0: "agent_status_change", 1: "agent_prov_change", 2: "interaction_created", 3: "interaction_queued", 5: "interaction_deleted"}
	if len(got) != 6 {
		t.Fatalf("%d events: %q", len(got), got)
	}
	for i, name := range want {
		if w := sample(t, name, instance, i+1); got[i] != w {
			t.Errorf("%s:\n got %s\nwant %s", name, got[i], w)
		}
	}
	beat := string(stream.NewProjection().Heartbeat(nil, stream.JSON, tenant, "real-time-monitor", epoch, 70, time.UnixMilli(1669230226093)))
	if w := sample(t, "heartbeat", instance, 70); beat != w {
		t.Errorf("heartbeat:\n got %s\nwant %s", beat, w)
	}
}

// samples are the facts behind the sample events.
func samples(t testing.TB) *book {
	t.Helper()
	agent := "ag64oyEUb_Sk6bxVB9P5yaaa"
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	first := "int-184a63564dc-ohWfVIbHJz2Hr2JFhAfdlb4Fa-phone-00-acmecorp01"
	second := "int-184a645e074-zGIsMxOkCYzQ8yg68e3t61i7A-phone-00-acmecorp01"
	begin := func(id, token string) event.InteractionCreated {
		return event.InteractionCreated{Ref: ref(id), Direction: event.DirectionIn, Channel: "+13125555068", ChannelName: "Acme Ads OG",
			Customer:   &event.Customer{Number: "+15515557212", Name: "Andrew Cunningh"},
			Attributes: event.Attributes{"@pri": "100", "cnt": "0", "con": "0", "tok": token}}
	}
	b := newBook(t)
	put := func(ms int64, f event.Fact) { b.append(event.Meta{Time: at(ms)}, f, at(ms)) }
	put(1669235544917, event.AgentStatusChanged{AgentRef: by(agent), Presence: event.PresenceWorkOffline, Reason: &event.StatusReason{List: "801", Item: "1722", Name: "Meet"}})
	put(1669235693377, event.AgentProvisioned{AgentRef: by(agent), Change: event.ProvisionSkillChanged, Skill: &event.AgentSkill{
		ID: "acmecorp01-email-3086-de6fd357-76b1-4587-ab7b-86b31357f56c", Media: event.MediaEmail,
		Assignment: "acmecorp01-ag64oyEUb_Sk6bxVB9P5yaaa-email-3086-063bf4a0-8eab-465c-b03a-09c3e0daf710"}})
	put(1669235700000, event.QueueConfigured{Queue: "591", Name: "Test Sales", Media: event.MediaPhone})
	put(1669235827942, begin(first, "19727"))
	put(1669235830000, event.InteractionAttributesChanged{Ref: ref(first), Attributes: event.Attributes{"pcsOffered": "no", "tenantRecServer": "na12nfs01"}})
	put(1669235836708, event.InteractionQueued{Ref: ref(first), Queue: "591", Priority: 50, Reason: event.EntryNew})
	put(1669236900000, begin(second, "19738"))
	put(1669236905000, event.InteractionAttributesChanged{Ref: ref(second), Attributes: event.Attributes{"pcsOffered": "no"}})
	put(1669236910000, event.InteractionDispositioned{Ref: ref(second), Code: "1000"})
	put(1669236911188, event.InteractionEnded{Ref: ref(second), Initiator: event.InitiatorCustomer, Reason: event.EndNormal})
	return b
}
