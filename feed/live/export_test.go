package live

import "trunkline/floor"

// StateOf gives a collection of a floor as GET /v1/state/… shows it.
func StateOf(t *floor.Tenant, kind string) string {
	for i := range kinds {
		if kinds[i].name == kind {
			return string(kinds[i].appendStates(nil, t))
		}
	}
	return ""
}

// StatesOf gives every entity of a floor as it is shown, open or lately ended
// interactions among seen included.
func StatesOf(t *floor.Tenant, seen map[floor.Change]string) map[floor.Change]string {
	now := map[floor.Change]string{}
	for i := range kinds {
		k := &kinds[i]
		for c := range seen {
			if c.Kind == k.kind {
				if show := k.one(t, c.ID); show != nil {
					now[c] = string(appendState(nil, show))
				}
			}
		}
		switch k.kind {
		case floor.ChangeQueue:
			for _, q := range t.Queues() {
				now[floor.Change{Kind: k.kind, ID: q.ID}] = string(appendState(nil, showQueue(t, q)))
			}
		case floor.ChangeAgent:
			for _, a := range t.Agents() {
				now[floor.Change{Kind: k.kind, ID: a.ID}] = string(appendState(nil, showAgent(t, a)))
			}
		case floor.ChangeChannel:
			for m := floor.MediumPhone; m < floor.NumMedia; m++ {
				if c := (floor.Change{Kind: k.kind, ID: m.String()}); t.Channels[m] != (floor.Row{}) {
					now[c] = string(appendState(nil, showChannel(t, m)))
				}
			}
		case floor.ChangeInteraction:
			for _, it := range t.OpenInteractions() {
				now[floor.Change{Kind: k.kind, ID: it.ID}] = string(appendState(nil, showInteraction(t, it)))
			}
		}
	}
	return now
}
