package freeswitch

import (
	"bytes"
	"slices"
	"strings"

	"trunkline/event"
	"trunkline/source/clean"
)

// Lists are what api commands answer. The event socket does not say which
// command an answer belongs to, but every list begins with a line that names its
// columns, and no two kinds of list have the same.

// table is a list with named columns.
type table struct {
	cols map[string]int
	rows [][]string
}

// get returns a field of a row, "" when there is no such column.
func (l *table) get(row []string, col string) string {
	i, ok := l.cols[col]
	if !ok || i >= len(row) {
		return ""
	}
	return clean.Text(row[i])
}

// parseTable reads lines of fields between bars up to the line that ends the
// list. Channels may be listed with another delimiter, which their first line
// shows. A row with too few fields is left out; one with too many has a bar in
// one of its texts, before which all fields are right.
func parseTable(body string) (l table) {
	delim := "|"
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "+OK") || strings.HasPrefix(line, "-ERR") {
			if l.cols != nil {
				break
			}
			continue
		}
		if rest, ok := strings.CutPrefix(line, "uuid"); ok && l.cols == nil {
			if d, _, ok := strings.Cut(rest, "direction"); ok && d != "" {
				delim = d
			}
		}
		row := strings.Split(line, delim)
		if l.cols == nil {
			l.cols = make(map[string]int, len(row))
			for i, name := range row {
				l.cols[name] = i
			}
			continue
		}
		if len(row) >= len(l.cols) {
			l.rows = append(l.rows, row)
		}
	}
	return l
}

func (l *table) has(cols ...string) bool {
	return !slices.ContainsFunc(cols, func(c string) bool { _, ok := l.cols[c]; return !ok })
}

// response takes the answer to an api command.
func (t *Translator) response(body []byte) {
	if core := uuidBody(body); core != "" {
		t.meet(core)
		return
	}
	if t.learnVersion(body) {
		return
	}
	text := string(body)
	if rest, ok := strings.CutSuffix(strings.TrimSpace(text), " total."); ok && clean.Number(rest) == 0 && rest == "0" {
		t.onChannels(&table{})
		return
	}
	switch l := parseTable(text); {
	case l.has("name", "contact", "status", "state"):
		t.onAgents(&l)
	case l.has("name", "strategy", "max_wait_time"):
		t.onQueues(&l)
	case l.has("queue", "agent", "level"):
		t.onTiers(&l)
	case l.has("queue", "uuid", "session_uuid", "joined_epoch"):
		t.onMembers(&l)
	case l.has("uuid", "direction", "created_epoch"):
		t.onChannels(&l)
	}
}

// learnVersion takes the answer to the command version, if it is one.
func (t *Translator) learnVersion(body []byte) bool {
	version, ok := bytes.CutPrefix(body, []byte("FreeSWITCH Version "))
	if ok {
		version, _, _ = bytes.Cut(version, []byte(" "))
		t.link.version = clean.Text(version)
	}
	return ok
}

// onQueues takes the list of queues. The same again says nothing.
func (t *Translator) onQueues(l *table) {
	whole := t.opt.Whole || !t.link.listed.queues
	t.link.listed.queues = true
	there := make(map[string]bool)
	for _, row := range l.rows {
		name := l.get(row, "name")
		if name == "" {
			continue
		}
		there[name] = true
		f := event.QueueConfigured{
			Queue: name, Name: name, Media: event.MediaPhone,
			MaxWaitMS: int64(max(clean.Number(l.get(row, "max_wait_time")), 0)) * 1000,
		}
		if old, ok := t.floor.queues[name]; ok && old.MaxWaitMS == f.MaxWaitMS {
			continue
		}
		t.floor.queues[name] = f
		t.say(t.clock.now, "configured", name, f)
	}
	if !whole {
		return
	}
	for _, name := range sortedKeys(t.floor.queues) {
		if !there[name] {
			delete(t.floor.queues, name)
			t.say(t.clock.now, "configured", name, event.QueueConfigured{Queue: name, Name: name, Removed: true})
		}
	}
}

// onAgents takes the list of agents, and says what is new in it.
func (t *Translator) onAgents(l *table) {
	whole := t.opt.Whole || !t.link.listed.agents
	t.link.listed.agents = true
	there := make(map[string]bool)
	for _, row := range l.rows {
		name, contact := l.get(row, "name"), l.get(row, "contact")
		if name == "" {
			continue
		}
		there[name] = true
		a := t.floor.agents[name]
		isNew := a == nil
		if isNew {
			a = t.newAgent(name)
		}
		before := a.contact
		t.setContact(a, contact)
		switch {
		case isNew:
			t.provisioned(a, "created", event.AgentProvisioned{Change: event.ProvisionCreated, Name: name, Address: a.contact})
		case before != a.contact:
			t.provisioned(a, "updated", event.AgentProvisioned{Change: event.ProvisionUpdated, Name: name, Address: a.contact})
		}
		if at, ok := seconds(l.get(row, "last_offered_call")); ok {
			a.offered = at.Add(t.opt.Shift)
		}
		since, ok := seconds(l.get(row, "last_status_change"))
		if ok {
			since = since.Add(t.opt.Shift)
		}
		t.status(a, l.get(row, "status"), since)
		t.state(a, l.get(row, "state"))
	}
	if !whole {
		return
	}
	for _, a := range t.sortedAgents() {
		if !there[a.name] {
			t.removeAgent(a)
		}
	}
}

// onTiers takes the list of which agents serve which queues.
func (t *Translator) onTiers(l *table) {
	whole := t.opt.Whole || !t.link.listed.tiers
	t.link.listed.tiers = true
	there := make(map[string]bool)
	for _, row := range l.rows {
		queue, name := l.get(row, "queue"), l.get(row, "agent")
		if queue == "" || name == "" {
			continue
		}
		there[queue+"|"+name] = true
		t.setTier(t.agentOf(name), queue, clean.Number(l.get(row, "level")))
	}
	if !whole {
		return
	}
	for _, a := range t.sortedAgents() {
		for _, queue := range sortedKeys(a.tiers) {
			if !there[queue+"|"+a.name] {
				t.removeTier(a, queue)
			}
		}
	}
}
