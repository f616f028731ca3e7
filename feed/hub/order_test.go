package hub_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/hub"
)

// A status that waits for a client is replaced by the next one, but what has happened in
// between stays between: the status before it is told, and the one after it behind it.
func TestStatusesStayOnTheirSideOfTransitions(t *testing.T) {
	c := open(t, func(o *hub.Options) { o.Tick = 20 * time.Millisecond })
	_, e, _ := c.endpoint("anna", c.secrets["anna"], "/token/me/rte/")
	ask := func(method, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, e.WSSEndpoint+path, strings.NewReader(strings.ReplaceAll(body, "|", "\x1e")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+e.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, b, err)
		}
		return string(b)
	}
	_, id, _ := strings.Cut(ask("POST", "/negotiate", ""), `"connectionId":"`)
	id = "?id=" + id[:strings.IndexByte(id, '"')]
	var heard strings.Builder
	poll := func(end string) {
		t.Helper()
		for !strings.Contains(heard.String(), end) {
			heard.WriteString(ask("GET", id, ""))
		}
	}
	user := c.guid(event.EntityUser, "anna")
	ask("POST", id, `{"protocol":"json","version":1}|`+
		fmt.Sprintf(`{"type":1,"invocationId":"1","target":"Subscribe","arguments":[[{"EntityId":%q,"EventName":"UserStatus"},{"EntityId":%q,"EventName":"UserSetting"}]]}|`, user, user))
	poll(`"fetchMode":false`)
	heard.Reset()
	// It does not poll for a while. What is taken ahead of its next poll is filled up first.
	sent := c.feed.Stats().Sent
	say := func(facts ...event.Fact) {
		t.Helper()
		c.say(facts...)
		sent += uint64(len(facts))
		until(t, func() bool { return c.feed.Stats().Sent == sent })
	}
	anna := event.AgentRef{Agent: "a1"}
	for range 3 {
		say(event.AgentSettingChanged{AgentRef: anna, Keyword: "plug", Value: strings.Repeat("x", 60<<10)})
	}
	say(event.AgentModeChanged{AgentRef: anna, Fetch: true, Serving: true})
	say(event.AgentSettingChanged{AgentRef: anna, Keyword: "k", Value: "v"})
	say(event.AgentModeChanged{AgentRef: anna, Serving: false})
	say(event.AgentModeChanged{AgentRef: anna, Serving: true})
	say(event.AgentModeChanged{AgentRef: anna, ServingCallbacks: true, Serving: true})
	say(event.AgentSettingChanged{AgentRef: anna, Keyword: "last", Value: "v"})
	poll(`"keyword":"last"`)
	var got []string
	for record := range strings.SplitSeq(heard.String(), "\x1e") {
		for _, mark := range []string{`"keyword":"plug"`, `"keyword":"k"`, `"keyword":"last"`, `"servingCallback":true`, `"fetchMode":true`, `"fetchMode":false`} {
			if strings.Contains(record, mark) {
				got = append(got, mark)
				break
			}
		}
	}
	want := []string{`"keyword":"plug"`, `"keyword":"plug"`, `"keyword":"plug"`, `"fetchMode":true`, `"keyword":"k"`, `"servingCallback":true`, `"keyword":"last"`}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s", got)
	}
}
