package floor

import (
	"strconv"

	"trunkline/event"
	"trunkline/eventlog/writer"
)

// DerivedSource is the source attribute of the facts that the floor derives.
const DerivedSource = "/trunkline/floor"

// namespace is the name space of the ids of derived facts: the UUID version 5 of
// "trunkline.floor" in the name space for domain names of RFC 9562.
var namespace = [16]byte{0x4c, 0x1d, 0x55, 0x0e, 0x0a, 0x6b, 0x50, 0x6e, 0x9a, 0x1e, 0x77, 0x0c, 0x2f, 0x6d, 0x3c, 0x51}

// derivedID makes a UUID version 5 of what an id has to depend on.
func derivedID(parts ...string) string { return event.UUIDv5(namespace, parts...) }

// said is a derived fact that waits to be appended. It is kept until it comes
// back out of the log.
type said struct {
	id  string
	raw []byte
}

// derive says a fact of the floor's own that happened at a time, by the source's
// clock. Its id depends on the record that it follows from and on how many
// followed before, so that every node and every replay gives it the same.
func (t *Tenant) derive(f event.Fact, at int64) bool {
	t.derivedNo++
	id := derivedID(t.Name, f.EventType(), f.EventSubject(), strconv.FormatUint(t.Sequence, 10),
		strconv.FormatInt(t.now, 10), strconv.FormatUint(t.derivedNo, 10))
	e, err := event.Encode(event.Meta{ID: id, Source: DerivedSource, Tenant: t.Name, Time: moment(at)}, f)
	if err != nil {
		// An id of a source that no fact may carry: nothing can be said of it.
		t.missing.Unsaid++
		return false
	}
	if len(t.outbox) == 0 {
		t.timers.unsaid++
	}
	t.outbox = append(t.outbox, said{id, e.Raw})
	return true
}

// correct says that the floor put something right by itself.
func (t *Tenant) correct(entity, field, before, after, reason string, in *input) {
	t.missing.Corrections++
	t.derive(event.FloorCorrected{
		Entity: entity, Field: field, Before: before, After: after, Reason: reason, Cause: in.id,
	}, in.at)
}

// chunk is how many derived facts are handed over at once: less than a writer
// takes for a fold without end.
const chunk = 2000

// timersAtOnce is how many timers fire at once: the writer asks again as long as there
// is room in the commit.
const timersAtOnce = 250

// facts gives what waits in the outbox, up to a chunk.
func (t *Tenant) facts(list []writer.Derived, from int) []writer.Derived {
	for i := from; i < len(t.outbox) && i < from+chunk; i++ {
		s := &t.outbox[i]
		list = append(list, writer.Derived{Tenant: t.Name, Event: event.Event{ID: s.id, Source: DerivedSource, Raw: s.raw}})
	}
	return list
}

// cameBack takes a derived fact that is in the log out of the outbox.
func (t *Tenant) cameBack(id string) {
	for i := range t.outbox {
		if t.outbox[i].id == id {
			if i == 0 {
				t.outbox[0] = said{}
				t.outbox = t.outbox[1:]
			} else {
				t.outbox = append(t.outbox[:i:i], t.outbox[i+1:]...)
			}
			if len(t.outbox) == 0 {
				t.outbox = nil
				t.timers.unsaid--
			}
			return
		}
	}
}
