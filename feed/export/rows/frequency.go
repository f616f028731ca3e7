package rows

import (
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/event"
)

// happenedTo counts what happened to an agent in a day.
func (b *Books) happenedTo(kind, what string, f *fact) {
	if !f.derived {
		b.Lag = max(f.received-f.at, 0)
	}
	id := f.data.Get("agent").Str
	if id == "" && what == "message" && f.data.Get("role").Str == "agent" {
		id = f.data.Get("speaker").Str
	}
	g := b.Agents[id]
	if g == nil || kind != "interaction" && kind != "agent" {
		return
	}
	name := kindName(f.typ)
	if kind == "agent" {
		name = "AGENT_" + name
	}
	g.Counts[strings.Clone(name)]++
	if f.typ == "agent.terminal_changed" {
		g.terminal(f.data.Get("status").Str, f.at)
	}
}

// terminal takes in that the agent's device or program came or went.
func (g *agent) terminal(status string, at int64) {
	off := status == string(event.TerminalOffline)
	switch {
	case off && g.Offline == 0:
		g.Offline = at
		g.Cuts++
	case !off && g.Offline > 0:
		g.CutMS += max(at-g.Offline, 0)
		g.Offline = 0
	}
}

// closeFrequencies writes what happened to agents in a day.
func (b *Books) closeFrequencies(end int64) {
	v := &b.view
	v.at = end - (24 * time.Hour).Milliseconds()
	for _, id := range b.agentsInOrder() {
		g := b.Agents[id]
		if g.Offline > 0 {
			g.CutMS += max(end-g.Offline, 0)
			g.Offline = max(end, g.Offline)
		}
		v.with[0], v.g = id, g
		for _, name := range slices.Sorted(maps.Keys(g.Counts)) {
			v.with[1], v.num[0] = name, g.Counts[name]
			v.num[1], v.num[2] = 0, 0
			if name == "AGENT_TERMINAL_CHANGED" {
				v.num[1], v.num[2] = g.Cuts, g.CutMS/1000
			}
			b.put(b.sheets.frequencies)
		}
		clear(g.Counts)
		g.Cuts, g.CutMS = 0, 0
	}
	v.g = nil
}
