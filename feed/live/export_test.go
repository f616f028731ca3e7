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
