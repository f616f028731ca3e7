package stream

import (
	"slices"
	"time"

	"trunkline/eventlog"
	"trunkline/internal/scan"
)

// Projection makes the stream feed's events of stored records. It has no state
// and may be used by any number of goroutines, each with a [Scratch] of its own.
type Projection struct{}

// NewProjection makes a projection.
func NewProjection() *Projection { return &Projection{} }

// Scratch is the memory that a projection works in, so that the next record
// costs none. The zero value is ready. It is for one goroutine at a time.
type Scratch struct {
	fact   fact
	tenant string
	fields []field
	pairs  []pair
	arena  []byte // texts that are put together of others
	out    []byte
	event  string // name of the event in out

	// only are the names of the events that are made, sorted; each is called with a nil
	// payload for the others. nil: all are made.
	only []string

	instance string // instanceId of the tenant and epoch below
	of       string
	epoch    eventlog.Epoch
}

// Each calls each for the events of a record in their order, not at all when it
// makes none. seq is the event's msgInfo.sequenceId, the payload one whole
// message in the format; it is valid until each returns. An error of each ends
// the record and is given back.
func (p *Projection) Each(rec *eventlog.Record, tenant string, epoch eventlog.Epoch, f Format, scratch *Scratch, each func(seq uint64, payload []byte) error) error {
	s, in := scratch, &scratch.fact
	if !in.read(rec) {
		return nil
	}
	s.start(tenant, epoch)
	info := msgInfo{s.instance, in.first, in.received}
	end := in.first + uint64(in.events)
	say := func(envelope string) error {
		s.out = encode(s.out[:0], f, envelope, s, &info)
		err := each(info.sequence, s.out)
		info.sequence++
		return err
	}
	pass := func() error {
		err := each(info.sequence, nil)
		info.sequence++
		return err
	}
	events := eventsOf(in.kind, in.reason)
	for i := 0; i < len(events) && events[i] != "" && info.sequence < end; i++ {
		envelope := envelopeInteraction
		s.event = events[i]
		if !s.wanted(events[i]) {
			if err := pass(); err != nil {
				return err
			}
			continue
		}
		if events[i] == envelopeProvision {
			envelope = envelopeProvision
			s.provision()
		} else {
			s.interaction(events[i])
		}
		if err := say(envelope); err != nil {
			return err
		}
	}
	c := scan.Of(in.status)
	if !c.Open(scan.Array) {
		return nil
	}
	s.event = envelopeStatus
	wanted := s.wanted(envelopeStatus)
	for info.sequence < end && c.Item(']') {
		var err error
		if wanted {
			s.status(&c)
			err = say(envelopeStatus)
		} else {
			c.Value()
			err = pass()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted says whether the events of a name are made.
func (s *Scratch) wanted(event string) bool {
	if s.only == nil {
		return true
	}
	_, found := slices.BinarySearch(s.only, event)
	return found
}

// Event names the event that a receiver is being given: one of [EventNames].
func (s *Scratch) Event() string { return s.event }

// Heartbeat appends a ClientCheck of a subscription to dst. It repeats the number
// of the event sent last.
func (p *Projection) Heartbeat(dst []byte, f Format, tenant, subscription string, epoch eventlog.Epoch, lastSeq uint64, at time.Time) []byte {
	var s Scratch
	s.start(tenant, epoch)
	s.word("heartbeat", "[HEARTBEAT]")
	s.info()
	s.text("subscription-id", subscription)
	s.text("tenant-id", tenant)
	return encode(dst, f, envelopeHeartbeat, &s, &msgInfo{s.instance, lastSeq, at.UnixMilli()})
}

// msgInfo is the part of a message that says which it is.
type msgInfo struct {
	instance  string
	sequence  uint64
	timestamp int64 // epoch milliseconds
}

// start makes ready for the events of a record.
func (s *Scratch) start(tenant string, epoch eventlog.Epoch) {
	s.tenant, s.fields, s.pairs, s.arena = tenant, s.fields[:0], s.pairs[:0], s.arena[:0]
	if s.instance == "" || s.of != tenant || s.epoch != epoch {
		s.of, s.epoch, s.instance = tenant, epoch, tenant+"-"+epoch.String()+"-sapi-v1"
	}
}

// field is one member of an event. Members stand in the order of their names.
type field struct {
	name string
	kind fieldKind
	num  int64
	text string
}

type fieldKind uint8

const (
	textField fieldKind = iota // in JSON typed by what it reads as
	wordField                  // of the protocol: needs no quoting and is no number
	numberField
	flagField
	infoField     // msgInfo
	attachedField // attachedData
)

// pair is one of the attached pairs.
type pair struct{ key, value string }

// text adds a member, unless it is empty.
func (s *Scratch) text(name, value string) {
	if value != "" {
		s.fields = append(s.fields, field{name: name, text: value})
	}
}

// word adds a member that is one of the protocol's own words, unless it is empty.
func (s *Scratch) word(name, value string) {
	if value != "" {
		s.fields = append(s.fields, field{name: name, kind: wordField, text: value})
	}
}

func (s *Scratch) number(name string, n int64) {
	s.fields = append(s.fields, field{name: name, kind: numberField, num: n})
}

func (s *Scratch) flag(name string, v bool) {
	f := field{name: name, kind: flagField}
	if v {
		f.num = 1
	}
	s.fields = append(s.fields, f)
}

func (s *Scratch) info() { s.fields = append(s.fields, field{name: "msgInfo", kind: infoField}) }
