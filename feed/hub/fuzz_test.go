package hub

import (
	"encoding/json"
	"errors"
	"testing"

	"trunkline/event"
	"trunkline/feed/hub/signalr"
)

// What clients ask for is read, or refused with something that they may read; an entry
// that passes names a GUID and an event of the page.
func FuzzEntries(f *testing.F) {
	for _, s := range []string{
		`[{"EntityId":"c9eeb030-ff4b-ea11-ac9c-00155d4fdcf3","EventName":"QueueStatus"}]`, `[{"entityid":"{C9EEB030-FF4B-EA11-AC9C-00155D4FDCF3}","eventname":141}]`,
		`[]`, `null`, `[null]`, `{}`, `[{"EntityId":1}]`, `[{"EventName":{}}]`, `[{"EventName":1e400}]`, `[{"EntityId":null,"EventName":null}]`, `[`, `"x"`,
	} {
		f.Add([]byte(s))
	}
	p := &stage{}
	r := &room{feed: &Feed{o: Options{People: p}}}
	s := &session{feed: r.feed, room: r}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return // the protocol gives methods nothing else
		}
		list, err := entries("Subscribe", []json.RawMessage{b})
		var told signalr.CallError
		if err != nil && !errors.As(err, &told) {
			t.Fatalf("%v", err)
		}
		for _, e := range list {
			about, k, wrong := s.find(e)
			if wrong == "" && (k == nil || about.entity != k.entity || !event.IsGUID(about.id)) {
				t.Fatalf("%+v passes as %v of %v", e, k, about)
			}
		}
	})
}
