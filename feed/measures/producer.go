package measures

import (
	"slices"
	"strings"

	"trunkline/floor/measure"
	"trunkline/nearest"
)

// The names of the keys.
const (
	keyAgent   = "agentId"
	keyQueue   = "queueId"
	keyChannel = "channelId"
)

// producer is one way to cut the floor into keys.
type producer struct {
	id, name, description string
	sets                  []set
}

// set are the keys of one kind that a producer has.
type set struct {
	keys []string
	of   measure.Of
}

// processor and version are those of all producers: "interval to date".
const (
	processor = "ITD"
	version   = "1.0.0"
)

// producers lists the producers. The vendor keys Queue by queue in its interface and by channel in its sample: it has both sets.
func producers() []*producer {
	made := func(name, description string, sets ...set) *producer {
		return &producer{id: name + "_" + strings.ToLower(processor) + "_" + version, name: name, description: description, sets: sets}
	}
	return []*producer{
		made("Agent", "Each agent, with state, times and counts since midnight.", set{[]string{keyAgent}, measure.OfAgent}),
		made("AgentByQueue", "Each agent's work for each queue since midnight.", set{[]string{keyAgent, keyQueue}, measure.OfAgentQueue}),
		made("AgentByChannel", "Each agent's work on each channel since midnight.", set{[]string{keyAgent, keyChannel}, measure.OfAgentChannel}),
		made("Queue", "Each queue, and each channel over all queues, with what waits and what came of it since midnight.",
			set{[]string{keyQueue}, measure.OfQueue}, set{[]string{keyChannel}, measure.OfChannel}),
		made("QueueByChannel", "Each channel of each queue since midnight.", set{[]string{keyChannel, keyQueue}, measure.OfQueueChannel}),
	}
}

// findProducer gives the producer that a text names: in any case, with or without the version.
func findProducer(text string) *producer {
	for _, p := range producers() {
		if strings.EqualFold(text, p.id) || strings.EqualFold(text, strings.TrimSuffix(p.id, "_"+version)) {
			return p
		}
	}
	return nil
}

// nearProducer gives the producer that a text may mean.
func nearProducer(text string) (id string, ok bool) {
	if !strings.HasSuffix(text, "_"+version) {
		text += "_" + version
	}
	return nearest.Of(text, producerIDs())
}

// producerIDs lists what can be named.
func producerIDs() []string {
	var out []string
	for _, p := range producers() {
		out = append(out, p.id)
	}
	return out
}

// keyNames lists the names of the keys that a producer has.
func (p *producer) keyNames() []string {
	var out []string
	for _, s := range p.sets {
		for _, k := range s.keys {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// moving are the measures that run with the clock and so are not sent: their start is, as another measure.
var moving = map[string]bool{"estimatedWaitHeadOfLine": true}

// list gives the measures of a set.
func (s *set) list() []*measure.Measure {
	return slices.DeleteFunc(measure.For(s.of), func(m *measure.Measure) bool { return moving[m.Name] })
}

// has says whether a producer has a measure.
func (p *producer) has(name string) bool {
	for i := range p.sets {
		for _, m := range p.sets[i].list() {
			if m.Name == name {
				return true
			}
		}
	}
	return false
}
