package push

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline/eventlog"
)

// Parked is a message that was kept after its last retry.
type Parked struct {
	Event  string          `json:"event_id"`
	Type   string          `json:"event_type"`
	Feed   Kind            `json:"feed"`
	Key    string          `json:"entity"`
	After  eventlog.Cursor `json:"after"` // right before its record in the log
	At     time.Time       `json:"at"`
	Reason string          `json:"reason"`
	Held   bool            `json:"held,omitempty"` // what follows of its entity waits for it

	page int
}

func (e *Parked) place() place { return place{e.After.Epoch, e.After.Seq + 1, e.Event} }

// The bounds of what is parked: of one destination, and of one value in the store.
const (
	maxParked = 10_000
	pageSize  = 256
	maxReason = 200
)

// parked is what a destination has parked, in order. It is stored in pages, of which only those are written that
// changed.
type parked struct {
	list  []Parked
	at    map[place]bool
	holds map[string]int // how many are held, by entity
	last  int            // the number of the next one; its page is that through pageSize
	dirty map[int]bool
}

// place is where a message comes from: the record, and which of its messages. That is told by its id, which stays when
// the destination asks for other payloads of the record.
type place struct {
	epoch eventlog.Epoch
	seq   uint64
	event string
}

func (p *parked) room() bool           { return len(p.list) < maxParked }
func (p *parked) has(at place) bool    { return p.at[at] }
func (p *parked) held(key string) bool { return p.holds[key] > 0 }

func (p *parked) add(e Parked) {
	if p.at[e.place()] {
		return
	}
	if len(e.Reason) > maxReason {
		e.Reason = e.Reason[:maxReason]
	}
	e.page = p.last / pageSize
	p.last++
	p.take(e)
	p.mark(e.page)
}

func (p *parked) take(e Parked) {
	if p.at == nil {
		p.at, p.holds, p.dirty = map[place]bool{}, map[string]int{}, map[int]bool{}
	}
	p.list = append(p.list, e)
	p.at[e.place()] = true
	if e.Held {
		p.holds[e.Key]++
	}
}

func (p *parked) mark(page int) { p.dirty[page] = true }

// remove takes a message out that was delivered after all.
func (p *parked) remove(at place) bool {
	if !p.at[at] {
		return false
	}
	delete(p.at, at)
	i := slices.IndexFunc(p.list, func(e Parked) bool { return e.place() == at })
	e := p.list[i]
	p.list = slices.Delete(p.list, i, i+1)
	if e.Held {
		if p.holds[e.Key]--; p.holds[e.Key] == 0 {
			delete(p.holds, e.Key)
		}
	}
	p.mark(e.page)
	return true
}

// pages gives the pages that changed, encoded; an empty one is nil.
func (p *parked) pages() map[int][]byte {
	out := map[int][]byte{}
	for page := range maps.Keys(p.dirty) {
		var list []Parked
		for _, e := range p.list {
			if e.page == page {
				list = append(list, e)
			}
		}
		out[page] = nil
		if len(list) > 0 {
			raw, err := json.Marshal(list)
			if err != nil {
				raw = []byte("[]") // texts, numbers and times always have a form
			}
			out[page] = raw
		}
	}
	return out
}

// load takes a stored page in. Pages come in their order.
func (p *parked) load(page int, raw []byte) error {
	var list []Parked
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the parked messages of page %d: %w", page, err)
	}
	for _, e := range list {
		e.page = page
		if !p.at[e.place()] {
			p.take(e)
		}
	}
	p.last = max(p.last, (page+1)*pageSize)
	return nil
}
