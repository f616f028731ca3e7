package live

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// Every field of a state has its place in docs/state.md.
func TestStateIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/state.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n## ")
	part := func(title string) string {
		for _, p := range parts {
			if strings.HasPrefix(p, title+"\n") {
				return p
			}
		}
		t.Fatalf("docs/state.md has no part %q", title)
		return ""
	}
	for title, shown := range map[string][]any{
		"A queue":        {queueState{}, agentsByWork{}, queueToday{}, availabilityState{}, estimate{}, channelState{}},
		"An agent":       {agentState{}, memberState{}, workState{}, agentToday{}, timeByState{}, queueWork{}},
		"An interaction": {interactionState{}, visitState{}},
		"A source":       {sourceState{}},
	} {
		for _, s := range shown {
			for f := range reflect.TypeOf(s).Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if !strings.Contains(part(title), "`"+name+"`") {
					t.Errorf("%s: `%s` is not documented", title, name)
				}
			}
		}
	}
}
