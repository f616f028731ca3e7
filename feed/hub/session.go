package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"trunkline/directory"
	"trunkline/event"
	"trunkline/feed/hub/signalr"
)

// session is one connection, from the handshake to the end.
type session struct {
	feed *Feed
	conn *signalr.Conn
	who  identity
	room *room

	subs map[subject]*subscription // guarded by the room's mu
}

// subject is what can be subscribed to: an event of an entity.
type subject struct {
	kind  *kind
	about ref
}

// subscription is one of a session's.
type subscription struct {
	subject
	guid   string         // of the entity, as messages name it
	status *signalr.Value // of a status, which later ones replace; nil of transitions; guarded by the room's mu
}

// entry is what a client asks for. Members are taken in any case.
type entry struct {
	EntityID  loose `json:"EntityId"`
	EventName loose `json:"EventName"`
}

// loose is text; of what is none it is the JSON, so that the entry is refused and not
// the whole call.
type loose string

// UnmarshalJSON takes everything.
func (l *loose) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case !bytes.Equal(b, []byte("null")):
		s = string(b)
	}
	*l = loose(s)
	return nil
}

// numbered are the events that older clients know by numbers.
var numbered = map[string]*kind{"1": userAvailability, "10": userCallInComing, "140": queueStatus, "141": userStatus}

// named gives the event of an entry, and how the answer calls it.
func (e *entry) named() (k *kind, name string) {
	name = string(e.EventName)
	if k = numbered[name]; k != nil {
		return k, strings.ToLower(k.name)
	}
	return kindNamed(name), strings.ToLower(name)
}

// guid gives the GUID of an entry as it is written everywhere else. Whatever .NET takes for
// one is taken: with braces or parentheses, without hyphens, among blanks.
func (e *entry) guid() (guid string, ok bool) {
	guid = strings.ToLower(strings.TrimSpace(string(e.EntityID)))
	if n := len(guid); n == 38 && (guid[0] == '{' && guid[n-1] == '}' || guid[0] == '(' && guid[n-1] == ')') {
		guid = guid[1 : n-1]
	}
	if len(guid) == 32 {
		guid = guid[:8] + "-" + guid[8:12] + "-" + guid[12:16] + "-" + guid[16:20] + "-" + guid[20:]
	}
	return guid, event.IsGUID(guid)
}

// The documented refusals of a subscription.
const (
	invalidEntity = "Invalid EntityId"
	invalidEvent  = "Invalid event name"
	unauthorized  = "Unauthorized"
)

// tooMany is said beyond the limit of subscriptions, of which the page knows nothing.
const tooMany = "Too many subscriptions"

// methods are all that a client may call.
func (f *Feed) methods() map[string]signalr.Method {
	call := func(fn func(*session, []json.RawMessage) (any, error)) signalr.Method {
		return func(_ context.Context, c *signalr.Conn, args []json.RawMessage) (any, error) {
			s := f.session(c)
			if s == nil {
				return nil, errGone
			}
			return fn(s, args)
		}
	}
	return map[string]signalr.Method{
		"Subscribe":   call((*session).subscribe),
		"Unsubscribe": call((*session).unsubscribe),
		"UnsubscribeAll": call(func(s *session, _ []json.RawMessage) (any, error) {
			s.room.drop(s)
			return true, nil
		}),
		"AvailableSubscriptions": call(func(*session, []json.RawMessage) (any, error) {
			list := make([]string, len(kinds))
			for i, k := range kinds {
				list[i] = k.name
			}
			return list, nil
		}),
		"ActiveSubscriptions": call(func(s *session, _ []json.RawMessage) (any, error) { return s.room.active(s), nil }),
	}
}

// entries reads the argument of Subscribe and Unsubscribe.
func entries(method string, args []json.RawMessage) ([]entry, error) {
	wrong := signalr.CallError(fmt.Sprintf(`%s takes an array of {"EntityId":"…","EventName":"…"}.`, method))
	if len(args) == 0 {
		return nil, wrong
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(args[0], &raw); err != nil {
		return nil, wrong
	}
	list := make([]entry, len(raw))
	for i := range raw {
		_ = json.Unmarshal(raw[i], &list[i]) // what is no object names nothing, and is refused like that
	}
	return list, nil
}

func (s *session) subscribe(args []json.RawMessage) (any, error) {
	list, err := entries("Subscribe", args)
	if err != nil {
		return nil, err
	}
	<-s.room.ready // what happens after the answer is heard
	results := make([]*object, 0, len(list))
	var sight *directory.Sight
	for _, e := range list {
		sub, wrong := s.judge(e, &sight)
		if wrong == "" && !s.room.add(s, sub) {
			wrong = tooMany
		}
		results = append(results, s.result(e, wrong))
	}
	return results, nil
}

func (s *session) unsubscribe(args []json.RawMessage) (any, error) {
	list, err := entries("Unsubscribe", args)
	if err != nil {
		return nil, err
	}
	results := make([]*object, 0, len(list))
	for _, e := range list {
		about, k, wrong := s.find(e)
		if wrong == "" {
			s.room.remove(s, subject{k, about})
		}
		results = append(results, s.result(e, wrong))
	}
	return results, nil
}

// result is the documented answer to one entry.
func (s *session) result(e entry, wrong string) *object {
	_, name := e.named()
	return s.feed.style.object("Subscribed", wrong == "", "Message", text(wrong), "EntityId", string(e.EntityID), "EventName", name)
}

// find validates an entry, as far as that can be done without rights.
func (s *session) find(e entry) (about ref, k *kind, wrong string) {
	id, ok := e.guid()
	if !ok {
		return about, nil, invalidEntity
	}
	if k, _ = e.named(); k == nil {
		return about, nil, invalidEvent
	}
	about = s.room.resolve(id)
	if about.entity != k.entity {
		if _, known := s.feed.o.People.Resolve(s.who.tenant, id); known || about.entity != entityCallList {
			return about, nil, invalidEvent
		}
		return about, k, unauthorized // nothing is known of it
	}
	return about, k, ""
}

// judge validates an entry in the documented order.
func (s *session) judge(e entry, sight **directory.Sight) (*subscription, string) {
	about, k, wrong := s.find(e)
	if wrong != "" {
		return nil, wrong
	}
	if *sight == nil {
		user, err := s.feed.o.People.User(s.who.tenant, s.who.user)
		if err != nil || user.Disabled {
			return nil, unauthorized
		}
		now := s.feed.o.People.Sees(s.who.tenant, user)
		*sight = &now
	}
	if !s.may(**sight, about) {
		return nil, unauthorized
	}
	return &subscription{subject: subject{k, about}, guid: s.room.guidOf(about)}, ""
}

// userOnly marks the id of a user who is no agent.
const userOnly = "user/"

// resolve finds out what a GUID is: a user, a queue, or else a call list, which the
// directory does not know.
func (r *room) resolve(guid string) ref {
	found, ok := r.feed.o.People.Resolve(r.tenant, guid)
	if !ok {
		return ref{entityCallList, guid}
	}
	switch found.Kind {
	case event.EntityAgent:
		return ref{entityUser, found.ID}
	case event.EntityQueue:
		return ref{entityQueue, found.ID}
	case event.EntityUser:
		if u, err := r.feed.o.People.User(r.tenant, found.ID); err == nil && u.Agent != "" {
			return ref{entityUser, u.Agent}
		}
		return ref{entityUser, userOnly + found.ID}
	}
	return ref{entity: string(found.Kind)} // of which there are no events
}
