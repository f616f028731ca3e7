package measures

import (
	"bytes"
	"slices"
	"strings"

	"trunkline/fanout"
	"trunkline/floor"
	"trunkline/floor/measure"
)

// terms are what distinguishes one sheet from another: sessions with the same terms share a sheet.
type terms struct {
	producer, measures, agents, queues, channels string
}

// termsOf reads the terms of a subscription.
func termsOf(s *stored) terms {
	list := func(name string) string { return strings.Join(words(s.Extensions[name]), ",") }
	return terms{s.Extensions[extProducer], list(extMeasures), list(keyAgent), list(keyQueue), list(keyChannel)}
}

// sheet is what sessions of the same terms see: one row for each key. It belongs to the goroutine of its room.
type sheet struct {
	terms    terms
	env      envelope
	sets     []shown
	agents   map[string]bool // nil: all
	queues   map[string]bool
	channels map[string]bool
	rows     []row
	at       map[string]int32   // the row of a key
	of       map[string][]int32 // the rows of an entity
	sessions map[*session]struct{}
	hooks    map[*hook]struct{}
	version  uint64  // of the rows
	changed  []int32 // rows that this round has changed
	edition  *edition
	live     int // rows that are there

	// Rows of agents show what queues are called: called is how they were when all rows were made.
	called map[string]string
	stale  bool

	scratch, name []byte
	found         []int32
}

// shown is a set with the measures that are wanted.
type shown struct {
	of       measure.Of
	keys     []string
	measures []*measure.Measure
	labels   [][]byte // `"name":"` of each
}

// row is one key. What it points to is never changed: editions share it.
type row struct {
	keys     []byte
	measures []byte // nil: the key is gone
	version  uint64
}

func newSheet(t terms, account, source string) *sheet {
	p := findProducer(t.producer)
	s := &sheet{terms: t, env: newEnvelope(account, source, p.id), at: map[string]int32{}, of: map[string][]int32{}, sessions: map[*session]struct{}{}, hooks: map[*hook]struct{}{},
		agents: choice(t.agents), queues: choice(t.queues), channels: choice(strings.ToUpper(t.channels))}
	wanted := choice(t.measures)
	for i := range p.sets {
		one := shown{of: p.sets[i].of, keys: p.sets[i].keys}
		// A filter on a key leaves out the sets that do not have it.
		if s.lacks(one.keys) {
			continue
		}
		for _, m := range p.sets[i].list() {
			if wanted == nil || wanted[m.Name] {
				one.measures = append(one.measures, m)
				one.labels = append(one.labels, append(appendText(nil, m.Name), ':', '"'))
			}
		}
		s.sets = append(s.sets, one)
	}
	return s
}

func (s *sheet) lacks(keys []string) bool {
	return s.agents != nil && !slices.Contains(keys, keyAgent) || s.queues != nil && !slices.Contains(keys, keyQueue) ||
		s.channels != nil && !slices.Contains(keys, keyChannel)
}

// choice makes a set of a list; nil for the empty one, which is everything.
func choice(list string) map[string]bool {
	if list == "" {
		return nil
	}
	out := map[string]bool{}
	for _, w := range words(list) {
		out[w] = true
	}
	return out
}

// has says whether a sheet shows keys of a kind.
func (s *sheet) has(kinds measure.Of) bool {
	for i := range s.sets {
		if s.sets[i].of&kinds != 0 {
			return true
		}
	}
	return false
}

const (
	ofAgents   = measure.OfAgent | measure.OfAgentQueue | measure.OfAgentChannel
	ofQueues   = measure.OfQueue | measure.OfQueueChannel
	ofChannels = measure.OfChannel
)

// agent brings the rows of an agent up to date; a is nil when there is none any more.
func (s *sheet) agent(t *floor.Tenant, id string, a *floor.Agent) {
	if s.agents != nil && !s.agents[id] || !s.has(ofAgents) {
		return
	}
	s.found = s.found[:0]
	if a != nil && !a.Deleted {
		for i := range s.sets {
			set := &s.sets[i]
			switch set.of {
			case measure.OfAgent:
				s.put(set, ref{agent: id}, measure.Agent(t, a))
			case measure.OfAgentQueue:
				s.agentQueues(set, t, a)
			case measure.OfAgentChannel:
				a.EachChannel(func(r floor.AgentAtChannel) bool {
					s.put(set, ref{agent: id, channel: channelName(r.Medium)}, measure.AgentChannel(t, a, &r))
					return true
				})
			}
		}
	}
	s.settle("a" + id)
}

// agentQueues shows an agent at the queues that the agent serves, and at those for which there was work today.
func (s *sheet) agentQueues(set *shown, t *floor.Tenant, a *floor.Agent) {
	for i := range a.ByQ {
		if q := a.ByQ[i].Queue; q != nil && !q.Removed {
			s.put(set, ref{agent: a.ID, queue: q.ID}, measure.AgentQueue(t, a, &a.ByQ[i]))
		}
	}
	for i := range a.Queues {
		q := a.Queues[i].Queue
		if q.Removed || slices.ContainsFunc(a.ByQ, func(r floor.AgentAtQueue) bool { return r.Queue == q }) {
			continue
		}
		s.put(set, ref{agent: a.ID, queue: q.ID}, measure.AgentQueue(t, a, &floor.AgentAtQueue{Queue: q}))
	}
}

// queue brings the rows of a queue up to date; q is nil when there is none any more.
func (s *sheet) queue(t *floor.Tenant, id string, q *floor.Queue) {
	if s.has(measure.OfAgentQueue) {
		name := ""
		if q != nil && !q.Removed {
			name = "=" + q.Name
		}
		s.stale = s.stale || s.called[id] != name
	}
	if s.queues != nil && !s.queues[id] || !s.has(ofQueues) {
		return
	}
	s.found = s.found[:0]
	if q != nil && !q.Removed {
		for i := range s.sets {
			set := &s.sets[i]
			switch set.of {
			case measure.OfQueue:
				s.put(set, ref{queue: id}, measure.Queue(t, q))
			case measure.OfQueueChannel:
				for m := range floor.NumMedia {
					if v, ok := measure.QueueChannel(t, q, m); ok {
						s.put(set, ref{queue: id, channel: channelName(m)}, v)
					}
				}
			}
		}
	}
	s.settle("q" + id)
}

// channel brings the rows of all channels up to date. The known ones are always there.
func (s *sheet) channel(t *floor.Tenant) {
	if !s.has(ofChannels) {
		return
	}
	s.found = s.found[:0]
	for i := range s.sets {
		set := &s.sets[i]
		if set.of != measure.OfChannel {
			continue
		}
		for m := range floor.NumMedia {
			if m != floor.MediumUnknown || worked(t.Channels[m]) {
				s.put(set, ref{channel: channelName(m)}, measure.Channel(t, m))
			}
		}
	}
	s.settle("c")
}

// worked says whether anything but log-ins, which are of no medium, was counted.
func worked(r floor.Row) bool {
	r.N[floor.Logins] = 0
	return r != floor.Row{}
}

// channelName is how the measures interface calls a medium.
func channelName(m floor.Medium) string {
	if m == floor.MediumUnknown {
		return "UNKNOWN"
	}
	return strings.ToUpper(m.String())
}

// ref names a key.
type ref struct{ agent, queue, channel string }

func (k *ref) get(name string) string {
	switch name {
	case keyAgent:
		return k.agent
	case keyQueue:
		return k.queue
	}
	return k.channel
}

// put writes the row of a key.
func (s *sheet) put(set *shown, k ref, v measure.View) {
	if s.queues != nil && k.queue != "" && !s.queues[k.queue] || s.channels != nil && k.channel != "" && !s.channels[k.channel] {
		return
	}
	s.name = append(s.name[:0], '{')
	for i, key := range set.keys {
		if i > 0 {
			s.name = append(s.name, ',')
		}
		s.name = append(appendText(s.name, key), ':')
		s.name = appendText(s.name, k.get(key))
	}
	s.name = append(s.name, '}')
	n, ok := s.at[string(s.name)]
	if !ok {
		n = int32(len(s.rows))
		s.rows = append(s.rows, row{keys: bytes.Clone(s.name)})
		s.at[string(s.name)] = n
	}
	s.found = append(s.found, n)
	s.scratch = set.appendMeasures(s.scratch[:0], &v)
	r := &s.rows[n]
	if r.measures != nil && bytes.Equal(r.measures, s.scratch) {
		return
	}
	if r.measures == nil {
		s.live++
	}
	r.measures = bytes.Clone(s.scratch)
	s.touch(n)
}

// appendMeasures appends all measures of a key. A quotient without a divisor is N/A, the vendor's word for no value.
func (set *shown) appendMeasures(dst []byte, v *measure.View) []byte {
	dst = append(dst, '{')
	for i, m := range set.measures {
		if i > 0 {
			dst = append(dst, ',')
		}
		value := m.Read(v)
		switch {
		case !value.There:
			dst = append(append(dst, set.labels[i]...), `N/A"`...)
		case m.Type == measure.String:
			label := set.labels[i]
			dst = appendText(append(dst, label[:len(label)-1]...), value.Text)
		default:
			dst = append(value.Append(append(dst, set.labels[i]...)), '"')
		}
	}
	return append(dst, '}')
}

// settle ends the update of an entity: rows that it had and has no more are gone.
func (s *sheet) settle(entity string) {
	old := s.of[entity]
	for _, n := range old {
		if !slices.Contains(s.found, n) && s.rows[n].measures != nil {
			s.rows[n].measures = nil
			s.live--
			s.touch(n)
		}
	}
	switch {
	case len(s.found) == 0:
		delete(s.of, entity)
	case !slices.Equal(old, s.found):
		s.of[entity] = slices.Clone(s.found)
	}
}

// touch notes that a row has changed in this round.
func (s *sheet) touch(n int32) {
	r := &s.rows[n]
	if r.version != s.version {
		r.version = s.version
		s.changed = append(s.changed, n)
	}
}

// all brings every row up to date.
func (s *sheet) all(t *floor.Tenant) {
	if s.stale = false; t != nil && s.has(measure.OfAgentQueue) {
		s.called = map[string]string{}
		for _, q := range t.Queues() {
			if !q.Removed {
				s.called[q.ID] = "=" + q.Name
			}
		}
	}
	gone := make(map[string]bool, len(s.of))
	for entity := range s.of {
		gone[entity] = true
	}
	if t != nil {
		if s.has(ofAgents) {
			for _, a := range t.Agents() {
				delete(gone, "a"+a.ID)
				s.agent(t, a.ID, a)
			}
		}
		if s.has(ofQueues) {
			for _, q := range t.Queues() {
				delete(gone, "q"+q.ID)
				s.queue(t, q.ID, q)
			}
		}
		delete(gone, "c")
		s.channel(t)
	}
	for entity := range gone {
		s.found = s.found[:0]
		s.settle(entity)
	}
}

// frame appends the LIVE message of a row.
func (s *sheet) frame(dst []byte, n int32) []byte {
	return s.env.appendFrame(dst, s.rows[n].keys, s.rows[n].measures, payloadLive)
}

// frameBytes is how long a frame of several messages becomes: long enough to be cheap for a connection that keeps up, short
// enough that one who does not is not charged with much.
const frameBytes = 32 << 10

// batch is some messages in one frame, made once for all sessions.
type batch struct {
	frame fanout.Frame
	rows  []int32
}

// batches makes the messages of the rows that this round has changed.
func (s *sheet) batches() []batch {
	var out []batch
	first, buf := 0, []byte(nil)
	for i, n := range s.changed {
		if buf == nil {
			buf = make([]byte, 0, min(frameBytes, 512*(len(s.changed)-i))+1024)
		}
		if buf = s.frame(buf, n); len(buf) >= frameBytes || i == len(s.changed)-1 {
			out = append(out, batch{buf, s.changed[first : i+1]})
			first, buf = i+1, nil
		}
	}
	return out
}
