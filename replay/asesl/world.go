package asesl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// world is what the switch knows at one place of the capture.
type world struct {
	version  string
	queues   *table
	agents   *table
	tiers    *table
	members  *table
	channels *table
}

// table is a list of a response, by the names of its columns.
type table struct {
	cols []string
	rows []map[string]string
}

const (
	agentCols = "name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time|reject_delay_time|busy_delay_time|" +
		"no_answer_delay_time|last_bridge_start|last_bridge_end|last_offered_call|last_status_change|no_answer_count|" +
		"calls_answered|talk_time|ready_time|external_calls_count"
	tierCols    = "queue|agent|state|level|position"
	queueCols   = "name|strategy|max_wait_time"
	memberCols  = "queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|rejoined_epoch|bridge_epoch|abandoned_epoch|base_score|skill_score|serving_agent|serving_system|state|score"
	channelCols = "uuid|direction|created|created_epoch|name|state|cid_name|cid_num|ip_addr|dest|application|application_data|call_uuid"
)

func newTable(cols string) *table { return &table{cols: strings.Split(cols, "|")} }

func newWorld(l *life) *world {
	w := &world{
		version: "1.10.0-release", queues: newTable(queueCols), agents: newTable(agentCols), tiers: newTable(tierCols),
		members: newTable(memberCols), channels: newTable(channelCols),
	}
	for _, body := range l.lists {
		t := parse(body)
		has := func(names ...string) bool {
			return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(t.cols, n) })
		}
		switch {
		case has("name", "contact", "status"):
			w.agents = t
		case has("name", "strategy"):
			w.queues = t
		case has("queue", "agent", "level"):
			w.tiers = t
		case has("queue", "session_uuid"):
			w.members.cols = t.cols
			w.members.rows = append(w.members.rows, t.rows...)
		case has("uuid", "direction", "created_epoch"):
			w.channels = t
		}
	}
	// Callers of a list have channels, also when nobody asked for those.
	for _, m := range w.members.rows {
		if uuid := m["session_uuid"]; uuid != "" && w.channels.find("uuid", uuid) == nil {
			w.channels.rows = append(w.channels.rows, map[string]string{
				"uuid": uuid, "direction": "inbound", "created_epoch": m["system_epoch"], "name": "sofia/internal/" + m["cid_number"],
				"cid_name": m["cid_name"], "cid_num": m["cid_number"], "call_uuid": uuid,
			})
		}
	}
	return w
}

func parse(body string) *table {
	t := &table{}
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "+OK") || strings.HasPrefix(line, "-ERR") {
			continue
		}
		row := strings.Split(line, "|")
		if t.cols == nil {
			t.cols = row
			continue
		}
		fields := make(map[string]string)
		for i, name := range t.cols[:min(len(t.cols), len(row))] {
			fields[name] = row[i]
		}
		t.rows = append(t.rows, fields)
	}
	return t
}

func (t *table) find(col, value string) map[string]string {
	for _, row := range t.rows {
		if row[col] == value {
			return row
		}
	}
	return nil
}

func (t *table) remove(col, value string) {
	t.rows = slices.DeleteFunc(t.rows, func(row map[string]string) bool { return row[col] == value })
}

// print writes the rows for which keep says so.
func (t *table) print(delim string, keep func(map[string]string) bool) string {
	var b strings.Builder
	b.WriteString(strings.Join(t.cols, delim) + "\n")
	for _, row := range t.rows {
		if keep != nil && !keep(row) {
			continue
		}
		for i, col := range t.cols {
			if i > 0 {
				b.WriteString(delim)
			}
			b.WriteString(row[col])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func epoch(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// apply folds an event.
func (w *world) apply(f *frame) {
	get := func(key string) string { return f.fields[key] }
	at, ok := stamp(get("Event-Date-Timestamp"))
	if !ok {
		at = f.at
	}
	if v := get("FreeSWITCH-Version"); v != "" {
		w.version = v
	}
	uuid := get("Unique-ID")
	switch get("Event-Name") {
	case "CUSTOM":
		w.callcenter(f, at)
	case "CHANNEL_HANGUP_COMPLETE":
		w.channels.remove("uuid", uuid)
	case "CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_BRIDGE":
		row := w.channels.find("uuid", uuid)
		if row == nil {
			row = map[string]string{"uuid": uuid, "direction": get("Call-Direction")}
			w.channels.rows = append(w.channels.rows, row)
		}
		row["name"], row["call_uuid"], row["dest"] = get("Channel-Name"), get("Channel-Call-UUID"), get("Caller-Destination-Number")
		row["cid_name"], row["cid_num"] = get("Caller-Caller-ID-Name"), get("Caller-Caller-ID-Number")
		if created, ok := stamp(get("Caller-Channel-Created-Time")); ok {
			row["created_epoch"], row["created"] = epoch(created), created.Format(time.DateTime)
		}
	}
}

func (w *world) callcenter(f *frame, at time.Time) {
	get := func(key string) string { return f.fields[key] }
	agent := w.agents.find("name", get("CC-Agent"))
	if agent == nil && get("CC-Agent") != "" {
		agent = map[string]string{"name": get("CC-Agent"), "type": "callback", "status": "Logged Out", "state": "Waiting"}
		w.agents.rows = append(w.agents.rows, agent)
	}
	member := w.members.find("uuid", get("CC-Member-UUID"))
	set := func(row map[string]string, fields ...string) {
		for i := 0; row != nil && i+1 < len(fields); i += 2 {
			row[fields[i]] = fields[i+1]
		}
	}
	switch get("CC-Action") {
	case "agent-status-change":
		set(agent, "status", get("CC-Agent-Status"), "last_status_change", epoch(at))
	case "agent-state-change":
		set(agent, "state", get("CC-Agent-State"))
	case "agent-offering":
		set(agent, "last_offered_call", epoch(at))
		set(member, "state", "Trying", "serving_agent", get("CC-Agent"))
	case "bridge-agent-start":
		set(member, "state", "Answered", "serving_agent", get("CC-Agent"), "bridge_epoch", epoch(at))
	case "bridge-agent-fail":
		set(member, "state", "Waiting", "serving_agent", "")
	case "member-queue-start":
		w.members.rows = append(w.members.rows, map[string]string{
			"queue": get("CC-Queue"), "instance_id": "single_box", "uuid": get("CC-Member-UUID"), "session_uuid": get("CC-Member-Session-UUID"),
			"cid_number": get("CC-Member-CID-Number"), "cid_name": get("CC-Member-CID-Name"), "system_epoch": epoch(at),
			"joined_epoch": epoch(at), "state": "Waiting",
		})
	case "member-queue-end":
		w.members.remove("uuid", get("CC-Member-UUID"))
	}
}

// answer is what an api command prints.
func (w *world) answer(command string, core string, now time.Time) string {
	all := func(t *table) string { return t.print("|", nil) + "+OK\n" }
	word := strings.Fields(command)
	is := func(words ...string) bool { return len(word) >= len(words) && slices.Equal(word[:len(words)], words) }
	switch {
	case is("version"):
		return fmt.Sprintf("FreeSWITCH Version %s (64bit)\n", w.version)
	case is("global_getvar", "core_uuid"):
		return core
	case is("strmicroepoch"):
		return strconv.FormatInt(now.UnixMicro(), 10)
	case is("callcenter_config", "queue", "list", "members") && len(word) == 5:
		return w.members.print("|", func(row map[string]string) bool { return row["queue"] == word[4] }) + "+OK\n"
	case is("callcenter_config", "queue", "list"):
		return all(w.queues)
	case is("callcenter_config", "agent", "list"):
		return all(w.agents)
	case is("callcenter_config", "tier", "list"):
		return all(w.tiers)
	case is("show", "channels"):
		delim := ","
		if is("show", "channels", "as", "delim") && len(word) == 5 {
			delim = word[4]
		}
		if len(w.channels.rows) == 0 {
			return "\n0 total.\n"
		}
		return w.channels.print(delim, nil) + fmt.Sprintf("\n%d total.\n", len(w.channels.rows))
	}
	name := ""
	if len(word) > 0 {
		name = word[0]
	}
	return fmt.Sprintf("-ERR %s Command not found!\n", name)
}
