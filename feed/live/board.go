package live

import (
	"sync"
	"time"

	"trunkline/eventlog"
	"trunkline/fanout"
	"trunkline/floor"
	"trunkline/floor/follow"
	"trunkline/ws"
)

// boardPause is the least time between two rounds of a board. What changes more often
// is sent as it is then.
const boardPause = 20 * time.Millisecond

// board gives the state of one tenant to those who listen to it.
//
// It works in rounds. While it looks at the floor nothing is folded: so the changes
// that it has noted by then are exactly those up to the cursor of the view, it gives
// those who are there the present state of what changed, and those who come in a
// snapshot; both go on from that cursor. Everything is encoded once a round.
type board struct {
	feed   *Feed
	tenant string
	users  int // guarded by Feed.mu
	wake   chan struct{}
	done   chan struct{}

	marks sync.Mutex // guards dirty and all; taken under the floor's lock, briefly
	dirty map[floor.Change]struct{}
	all   bool // the state was restored: everybody gets a new snapshot

	mu      sync.Mutex // guards viewers
	viewers map[*viewer]struct{}
}

func newBoard(f *Feed, tenant string) *board {
	b := &board{feed: f, tenant: tenant, wake: make(chan struct{}, 1), done: make(chan struct{}),
		dirty: map[floor.Change]struct{}{}, viewers: map[*viewer]struct{}{}}
	f.wg.Add(1)
	go b.run()
	return b
}

// mark is called by the floor.
func (b *board) mark(changed []floor.Change, all bool) {
	b.marks.Lock()
	b.all = b.all || all
	for _, c := range changed {
		if kindOf(c) >= 0 {
			b.dirty[c] = struct{}{}
		}
	}
	b.marks.Unlock()
	b.nudge()
}

// kindOf gives the place of a change's kind in kinds, -1 when it is not shown.
func kindOf(c floor.Change) int {
	for i := range kinds {
		if kinds[i].kind == c.Kind {
			return i
		}
	}
	return -1
}

func (b *board) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *board) join(v *viewer) {
	b.mu.Lock()
	b.viewers[v] = struct{}{}
	b.mu.Unlock()
	b.nudge()
}

func (b *board) leave(v *viewer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.viewers, v)
}

// close ends the board. Nobody is at it any more.
func (b *board) close() { close(b.done) }

func (b *board) run() {
	defer b.feed.wg.Done()
	// Not under the feed's lock: somebody may be having a long look at the floor.
	defer b.feed.o.State.Watch(b.tenant, b.mark)()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-b.done:
			return
		case <-b.wake:
		}
		b.round()
		pause.Reset(boardPause)
		select {
		case <-b.done:
			return
		case <-pause.C:
		}
	}
}

// round gives everybody what is new.
func (b *board) round() {
	b.mu.Lock()
	viewers := make([]*viewer, 0, len(b.viewers))
	for v := range b.viewers {
		viewers = append(viewers, v)
	}
	b.mu.Unlock()
	r := round{states: map[floor.Change][]byte{}, snapshots: map[uint8][]byte{}}
	err := b.feed.o.State.View(b.tenant, func(v follow.View) {
		b.marks.Lock()
		changed, all := b.dirty, b.all
		b.dirty, b.all = make(map[floor.Change]struct{}), false
		b.marks.Unlock()
		r.take(v, viewers, changed, all)
	})
	if err != nil {
		return // being restored: the floor tells when it is there
	}
	for _, v := range viewers {
		r.give(v)
	}
}

// round is what one round found.
type round struct {
	at        eventlog.Cursor
	changed   []floor.Change
	states    map[floor.Change][]byte // encoded; nil for what has gone
	snapshots map[uint8][]byte        // by the kinds that are wanted
	frames    [3]map[floor.Change]fanout.Frame
	firsts    [3]map[uint8]fanout.Frame
}

// take looks at the floor for what the viewers need.
func (r *round) take(v follow.View, viewers []*viewer, changed map[floor.Change]struct{}, all bool) {
	r.at = v.At
	var arrays [len(kinds)][]byte
	watched := uint8(0)
	for _, w := range viewers {
		if all {
			w.joined, w.full, w.flush, w.late = false, false, false, nil
		}
		if w.joined {
			watched |= w.want
			if w.flush = w.full && w.room.Swap(false); w.flush {
				for c := range w.late {
					r.look(v.Tenant, c)
				}
			}
			continue
		}
		if r.snapshots[w.want] != nil {
			continue
		}
		buf := append([]byte(`{"cursor":"`), v.At.String()...)
		buf = append(buf, `","snapshot":{`...)
		sep := ""
		for i := range kinds {
			if w.want&(1<<i) == 0 {
				continue
			}
			if arrays[i] == nil {
				arrays[i] = kinds[i].appendStates(nil, v.Tenant)
			}
			buf = append(append(append(buf, sep...), '"'), kinds[i].name...)
			buf = append(append(buf, `":`...), arrays[i]...)
			sep = ","
		}
		r.snapshots[w.want] = append(buf, `}}`...)
	}
	for c := range changed {
		if watched&(1<<kindOf(c)) != 0 {
			r.look(v.Tenant, c)
			r.changed = append(r.changed, c)
		}
	}
}

// look encodes the present state of an entity.
func (r *round) look(t *floor.Tenant, c floor.Change) {
	if _, ok := r.states[c]; ok {
		return
	}
	r.states[c] = nil
	if t == nil {
		return
	}
	if show := kinds[kindOf(c)].one(t, c.ID); show != nil {
		r.states[c] = appendState(nil, show)
	}
}

// give queues for a viewer what is new to it.
func (r *round) give(v *viewer) {
	if !v.joined {
		first, ok := r.snapshots[v.want]
		if !ok {
			return // it came in after the view was taken
		}
		// A queue that has something already is that of a viewer who gets a second
		// snapshot: it is tried again until the first has left.
		if v.conn.Enqueue(r.first(v, first), 0) == fanout.OK {
			v.joined = true
		}
		return
	}
	if v.flush {
		v.full, v.flush = false, false
		for c := range v.late {
			if v.conn.Enqueue(r.frame(v.form, c), 0) != fanout.OK {
				v.full = true
				break
			}
			delete(v.late, c)
		}
	}
	for _, c := range r.changed {
		if v.want&(1<<kindOf(c)) == 0 {
			continue
		}
		if !v.full {
			if v.conn.Enqueue(r.frame(v.form, c), 0) == fanout.OK {
				delete(v.late, c)
				continue
			}
			v.full = true
		}
		if v.late == nil {
			v.late = map[floor.Change]struct{}{}
		}
		v.late[c] = struct{}{}
	}
}

// frame gives the message about an entity in a form.
func (r *round) frame(fm form, c floor.Change) fanout.Frame {
	if f, ok := r.frames[fm][c]; ok {
		return f
	}
	k := &kinds[kindOf(c)]
	msg := append([]byte(`{"cursor":"`), r.at.String()...)
	name, state := k.singular, r.states[c]
	if state != nil {
		msg = append(append(append(msg, `","`...), name...), `":`...)
		msg = append(msg, state...)
	} else {
		name = "gone"
		msg = append(append(append(msg, `","gone":{"`...), k.singular...), `":`...)
		msg = append(appendState(msg, c.ID), '}')
	}
	f := stateFrame(fm, name, append(msg, '}'))
	if r.frames[fm] == nil {
		r.frames[fm] = map[floor.Change]fanout.Frame{}
	}
	r.frames[fm][c] = f
	return f
}

// first gives a snapshot in a viewer's form.
func (r *round) first(v *viewer, snapshot []byte) fanout.Frame {
	if f, ok := r.firsts[v.form][v.want]; ok {
		return f
	}
	f := stateFrame(v.form, "snapshot", snapshot)
	if r.firsts[v.form] == nil {
		r.firsts[v.form] = map[uint8]fanout.Frame{}
	}
	r.firsts[v.form][v.want] = f
	return f
}

// stateFrame makes a frame of a message. Server-sent events have no id here: who comes
// back gets a snapshot.
func stateFrame(fm form, name string, msg []byte) fanout.Frame {
	if fm == formWebSocket {
		return ws.TextFrame(msg)
	}
	text := make([]byte, 0, len(msg)+len(name)+24)
	text = append(append(text, "event: "...), name...)
	text = append(append(text, "\ndata: "...), msg...)
	text = append(text, "\n\n"...)
	if fm == formSSEChunked {
		return fanout.ChunkFrame(text)
	}
	return text
}
