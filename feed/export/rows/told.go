package rows

import (
	"maps"
	"slices"
	"strings"
)

// note is what an agent noted as the outcome of a part.
type note struct {
	Agent      string
	AssignedUS int64 // of the part; 0: none is known
	At         int64
	Code, Name string
	Text       string
	Tags       []string
	Summary    string
	Dirty      bool
}

// noteOf gives the note about an agent's latest part, made when there is none.
func (i *issue) noteOf(agent string) *note {
	us := int64(0)
	if p := i.partOf(agent); p != nil {
		us, agent = p.AssignedUS, p.Agent
		p.Dirty = true
	}
	for _, n := range i.Notes {
		if n.Agent == agent && n.AssignedUS == us {
			return n
		}
	}
	n := &note{Agent: agent, AssignedUS: us}
	i.Notes = keep(i.Notes, n)
	return n
}

func (b *Books) noted(i *issue, f *fact) {
	n := i.noteOf(f.str("agent"))
	n.At, n.Code, n.Name, n.Text, n.Dirty = f.at, f.str("code"), f.str("name"), clip(f.data.Get("notes").String()), true
	n.Tags = nil
	for _, t := range f.data.Get("tags").Array() {
		if len(n.Tags) < maxKept {
			n.Tags = append(n.Tags, strings.Clone(t.String()))
		}
	}
	if a := b.Agents[n.Agent]; a != nil {
		a.Noted = f.at
	}
}

func (b *Books) summarised(i *issue, f *fact) {
	n := i.noteOf(f.str("agent"))
	n.Summary, n.Dirty = clip(f.data.Get("text").String()), true
}

// latestNote gives the note made last, nil for none.
func (i *issue) latestNote() *note {
	var out *note
	for _, n := range i.Notes {
		if n.Code != "" && (out == nil || n.At >= out.At) {
			out = n
		}
	}
	return out
}

// noteFor gives the note about a part, nil for none.
func (i *issue) noteFor(p *part) *note {
	if p == nil {
		return nil
	}
	for _, n := range i.Notes {
		if n.Agent == p.Agent && n.AssignedUS == p.AssignedUS && n.Code != "" {
			return n
		}
	}
	return nil
}

func (b *Books) writeNotes(i *issue) {
	v := &b.view
	v.i = i
	var tags []string // in their order
	by := map[string]*note{}
	for _, n := range i.Notes {
		if v.n = n; !n.Dirty {
			continue
		}
		n.Dirty = false
		b.put(b.sheets.dispositions)
		for _, tag := range n.Tags {
			if _, ok := by[tag]; !ok {
				tags = append(tags, tag)
			}
			by[tag] = n
		}
	}
	for _, tag := range tags {
		v.n, v.with[0] = by[tag], tag
		b.put(b.sheets.tags)
	}
	v.n = nil
}

// message takes in an utterance and writes it.
func (b *Books) message(i *issue, f *fact) {
	if f.data.Get("interim").Bool() {
		return
	}
	role, speaker := f.str("role"), f.str("speaker")
	text := f.data.Get("text").String()
	i.Talk.say(role, text, f.at, i.Created)
	if p := i.partOf(""); p != nil && p.Over == 0 {
		if role == "agent" {
			if own := i.partOf(speaker); own != nil {
				p = own
			}
		}
		p.Talk.say(role, "", f.at, p.Connected)
		p.Dirty = true
	}
	if speaker == "" && role == "customer" {
		speaker = i.customer()
	}
	v := &b.view
	v.i, v.f = i, f
	v.with = [4]string{speaker, role, text}
	v.num = [4]int64{i.stamp("said "+speaker, f.at), f.data.Get("offset_ms").Int(), f.data.Get("duration_ms").Int(), i.Talk.Customer + i.Talk.Agent + i.Talk.Auto}
	b.put(b.sheets.utterances)
	v.i, v.f = nil, nil
}

// surveyed writes the answers of a survey.
func (b *Books) surveyed(i *issue, f *fact) {
	v := &b.view
	v.i, v.f = i, f
	for n, a := range f.data.Get("answers").Array() {
		typ := a.Get("type").String()
		v.with = [4]string{a.Get("question").String(), a.Get("category").String(), typ, a.Get("answer").String()}
		if v.num[0] = a.Get("ordering").Int(); v.num[0] == 0 {
			v.num[0] = int64(n + 1)
		}
		if i.Rating == "" && (strings.Contains(typ, "rating") || strings.Contains(typ, "csat")) {
			i.Rating = strings.Clone(v.with[3])
		}
		v.num[1] = i.stamp("survey "+v.with[0], windowOf(f.at))
		b.put(b.sheets.feedback)
	}
	v.i, v.f = nil, nil
}

// writeParams writes the pairs that a fact attached.
func (b *Books) writeParams(i *issue, f *fact, member string) {
	pairs := f.data.Get(member).Map()
	if len(pairs) == 0 {
		return
	}
	v := &b.view
	v.i, v.f = i, f
	all := f.data.Get(member).Raw
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		v.with = [4]string{k, pairs[k].String(), all}
		b.put(b.sheets.params)
		b.put(b.sheets.paramsHourly)
	}
	v.i, v.f = nil, nil
}

// wish is what the customer wants.
type wish struct {
	First, Final, Name string
	FirstAt, At        int64
	Path               string
	Changes            int64
}

// intent is one that was seen since the books began.
type intent struct{ Code, Name, Business string }

const maxIntents = 10_000

func (b *Books) wished(i *issue, f *fact) {
	code, name := f.str("code"), f.str("name")
	if i.Intent == nil {
		i.Intent = &wish{First: code, FirstAt: f.at}
	} else if i.Intent.Final != code {
		i.Intent.Changes++
	}
	w := i.Intent
	w.Final, w.Name, w.At = code, name, f.at
	var path []string
	for _, p := range f.data.Get("path").Array() {
		path = append(path, p.String())
	}
	w.Path = clip(strings.Join(path, ","))
	if b.Intents[code] == nil && len(b.Intents) >= maxIntents {
		return
	}
	b.Intents[code] = &intent{code, name, f.str("business_code")}
}

func (b *Books) writeIntents() {
	v := &b.view
	for _, code := range slices.Sorted(maps.Keys(b.Intents)) {
		x := b.Intents[code]
		v.with = [4]string{x.Code, x.Name, x.Business}
		b.put(b.sheets.intentList)
	}
}

// flow is how far automated flows went with an issue.
type flow struct {
	Name, Node           string
	Before               string // the type of the fact before the present one
	SuccessAt, NegatedAt int64
	SuccessOf, NegatedOf string
	Last                 int64
	EndSelection         string
	EndAt                int64
}

// visitedStep takes in a step of a flow and writes it.
func (b *Books) visitedStep(i *issue, f *fact) {
	w := &i.Flow
	w.Name, w.Node, w.Last = f.str("flow"), f.str("node"), f.at
	switch f.data.Get("outcome").Str {
	case "success":
		if f.at >= w.SuccessAt {
			w.SuccessAt, w.SuccessOf = f.at, w.Node
		}
	case "negated":
		if f.at >= w.NegatedAt {
			w.NegatedAt, w.NegatedOf = f.at, w.Node
		}
	case "end_response":
		w.EndSelection, w.EndAt = f.str("input"), f.at
	}
	v := &b.view
	v.i, v.f = i, f
	v.num[0] = i.stamp("flow", f.at)
	b.put(b.sheets.steps)
	v.i, v.f = nil, nil
}
