package floor

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"trunkline/event"
)

// maxStory bounds what is kept of what an interaction's facts have told, in bytes, and
// maxFiles how many files are named in it.
const (
	maxStory = 8 << 10
	maxFiles = 20
)

// story is what the facts about an interaction have told that the floor itself has no use
// for: the data of the latest of each kind, for whoever shows all that is known. It is the
// inside of a JSON object by the last word of the fact's type, each with its time as "at"
// in epoch milliseconds; files are a list.
type story []byte

// keep takes in what a fact of the interaction tells.
func (t *Tenant) keepStory(it *Interaction, in *input) {
	if !t.set.Statuses {
		return
	}
	word := strings.TrimPrefix(in.word, "interaction.")
	switch in.kind {
	case kindJourney, kindDispositioned:
		it.story.tell(word, in.at, in.data)
	case kindMessage:
		if in.flag {
			return
		}
		if event.Role(in.state) == event.RoleCustomer { // messages are too many to write the story anew for each
			it.lastIn = in.at
		} else if role := event.Role(in.state); role == event.RoleAgent || role == event.RoleSupervisor {
			it.lastOut = in.at
		}
	case kindReleased:
		it.story.tell("released", in.at, `{"talk_ms":`+strconv.FormatInt(in.ms, 10)+`}`)
	case kindDequeued:
		it.story.tell("dequeued", in.at, string(closedText(text([]byte{'{'}, "reason", in.reason))))
	}
}

func closedText(b []byte) []byte {
	b = closed(b)
	return b[:len(b)-1]
}

// tell puts the data of a fact in the place of what was told before.
func (s *story) tell(word string, at int64, data string) {
	own := append(make([]byte, 0, len(data)+32), '{')
	own = number(own, "at", at)
	gjson.Parse(data).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "interaction", "parent", "media", "leg", "at":
		default:
			own = append(append(append(append(own, k.Raw...), ':'), v.Raw...), ',')
		}
		return true
	})
	own = closedText(own)
	next := make([]byte, 0, len(*s)+len(own)+16)
	add := func(name string, raw []byte) {
		if len(next)+len(raw) < maxStory {
			next = append(append(append(appendText(next, name), ':'), raw...), ',')
		}
	}
	if word == "file_received" {
		own = s.files(own)
	}
	add(word, own)
	gjson.ParseBytes(s.object()).ForEach(func(k, v gjson.Result) bool {
		if k.Str != word {
			add(k.Str, []byte(v.Raw))
		}
		return true
	})
	if len(next) > 0 {
		*s = append(make([]byte, 0, len(next)-1), next[:len(next)-1]...)
	}
}

// files adds one to the list of files.
func (s *story) files(one []byte) []byte {
	list := []byte{'['}
	old := gjson.GetBytes(s.object(), "file_received").Array()
	for _, f := range old[max(0, len(old)-maxFiles+1):] {
		list = append(append(list, f.Raw...), ',')
	}
	return append(append(list, one...), ']')
}

func (s *story) object() []byte {
	return append(append(append(make([]byte, 0, len(*s)+2), '{'), *s...), '}')
}
