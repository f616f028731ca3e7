package live_test

import (
	"testing"

	"trunkline/eventlog"
	"trunkline/feed/live"
	"trunkline/floor"
)

// Whatever a record makes different in what is shown of an entity, the floor says
// that the entity has changed: else a viewer whom the next change finds much later
// would look at something that is not so.
func TestEveryChangeIsTold(t *testing.T) {
	h := openHall(t, t.TempDir(), live.Options{})
	facts := 2000
	if testing.Short() {
		facts = 800
	}
	h.work("alpha", 11, facts, 100)
	f := floor.NewFold(floor.Options{NoContext: true})
	seen := map[floor.Change]string{}
	err := h.log.Read(t.Context(), "alpha", eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			told := map[floor.Change]bool{}
			for _, c := range f.Fold("alpha", &b.Records[i]).Changes {
				told[c] = true
			}
			now := live.StatesOf(f.Tenant("alpha"), seen)
			for c, state := range now {
				if seen[c] != state && !told[c] {
					t.Fatalf("record %d, %s: %v was\n%s\nand is\n%s\nwith no word of it", b.Records[i].Seq, b.Records[i].Type(), c, seen[c], state)
				}
			}
			for c := range seen {
				if _, there := now[c]; !there && c.Kind != floor.ChangeInteraction && !told[c] {
					t.Fatalf("record %d: %v has gone with no word of it", b.Records[i].Seq, c)
				}
			}
			seen = now
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
