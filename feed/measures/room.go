package measures

import (
	"sync"
	"time"

	"trunkline/fanout"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// room gives the measures of one tenant to the sessions of that tenant.
//
// It works in rounds, at most one a tick when the floor changes, at once when a session
// comes or can take something again. While it looks at the floor nothing is folded: so the
// changes that it has noted by then are exactly those up to the cursor of the view.
type room struct {
	feed    *Feed
	tenant  string
	account string
	users   int           // guarded by Feed.mu
	hurry   chan struct{} // a session waits
	wake    chan struct{} // the floor has changed
	done    chan struct{}

	marks sync.Mutex // guards what the floor has told; taken under the floor's lock, briefly
	told  told

	mu     sync.Mutex // guards who comes and goes
	comers []*session
	goers  []*session
	hooks  []*hook // that come
	quit   []*hook

	// What follows belongs to the goroutine of the room.

	sheets map[terms]*sheet
	cursor string // of the last view

	ready []*session // of a round; kept for the next one
	conns []*fanout.Conn
}

// told is what the floor has told since the last round.
type told struct {
	agents, queues map[string]struct{}
	any, all       bool
}

func newTold() told { return told{agents: map[string]struct{}{}, queues: map[string]struct{}{}} }

func newRoom(f *Feed, tenant, account string) *room {
	r := &room{feed: f, tenant: tenant, account: account, hurry: make(chan struct{}, 1), wake: make(chan struct{}, 1), done: make(chan struct{}),
		told: newTold(), sheets: map[terms]*sheet{}}
	f.wg.Add(1)
	go r.run()
	return r
}

// mark is called by the floor.
func (r *room) mark(changed []floor.Change, all bool) {
	r.marks.Lock()
	r.told.any = true
	r.told.all = r.told.all || all
	for _, c := range changed {
		switch c.Kind {
		case floor.ChangeAgent:
			r.told.agents[c.ID] = struct{}{}
		case floor.ChangeQueue:
			r.told.queues[c.ID] = struct{}{}
		}
	}
	r.marks.Unlock()
	nudge(r.wake)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *room) join(s *session) {
	r.mu.Lock()
	r.comers = append(r.comers, s)
	r.mu.Unlock()
	nudge(r.hurry)
}

func (r *room) leave(s *session) {
	r.mu.Lock()
	r.goers = append(r.goers, s)
	r.mu.Unlock()
	nudge(r.hurry)
}

func (r *room) joinHook(h *hook) {
	r.mu.Lock()
	r.hooks = append(r.hooks, h)
	r.mu.Unlock()
	nudge(r.hurry)
}

func (r *room) leaveHook(h *hook) {
	r.mu.Lock()
	r.quit = append(r.quit, h)
	r.mu.Unlock()
	nudge(r.hurry)
}

// close ends the room. Nobody is in it any more.
func (r *room) close() { close(r.done) }

func (r *room) run() {
	defer r.feed.wg.Done()
	// Not under the feed's lock: somebody may be having a long look at the floor.
	defer r.feed.o.State.Watch(r.tenant, r.mark)()
	next := time.NewTimer(0)
	defer next.Stop()
	<-next.C
	var last time.Time // when the floor was looked at
	waiting := false   // next is set
	for {
		select {
		case <-r.done:
			return
		case <-r.hurry:
			if r.round(false) {
				last = time.Now()
			}
		case <-r.wake:
			if !waiting {
				waiting = true
				next.Reset(max(0, r.feed.o.Tick-time.Since(last)))
			}
		case <-next.C:
			waiting = false
			r.round(true)
			last = time.Now()
		}
	}
}

// round gives everybody what is new. Between the ticks it looks at the floor only when somebody has come for whom there is no
// sheet yet, and says whether it did.
func (r *room) round(tick bool) (looked bool) {
	r.mu.Lock()
	comers, goers := r.comers, r.goers
	r.comers, r.goers = nil, nil
	hooks, quit := r.hooks, r.quit
	r.hooks, r.quit = nil, nil
	r.mu.Unlock()
	look := tick
	sheetOf := func(t terms) *sheet {
		sh := r.sheets[t]
		if sh == nil {
			sh = newSheet(t, r.account, r.feed.o.EventSource)
			r.sheets[t] = sh
			look = true
		}
		return sh
	}
	for _, s := range comers {
		sheetOf(s.terms).sessions[s] = struct{}{}
		s.delivery = delivery{fresh: true}
	}
	for _, h := range hooks {
		sheetOf(h.terms).hooks[h] = struct{}{}
	}
	drop := func(t terms, s *session, h *hook) {
		if sh := r.sheets[t]; sh != nil {
			delete(sh.sessions, s)
			delete(sh.hooks, h)
			if len(sh.sessions)+len(sh.hooks) == 0 {
				delete(r.sheets, t)
			}
		}
	}
	for _, s := range goers {
		drop(s.terms, s, nil)
	}
	for _, h := range quit {
		drop(h.terms, nil, h)
	}
	if look && len(r.sheets) > 0 && !r.look() {
		// Being restored: the floor tells when it is there, and those who came have nothing to begin with until then.
		return true
	}
	for _, sh := range r.sheets {
		r.give(sh)
	}
	return look
}

// look brings the sheets up to date. False: the floor cannot be seen.
func (r *room) look() bool {
	err := r.feed.o.State.View(r.tenant, func(v follow.View) {
		r.marks.Lock()
		t := r.told
		if t.any {
			r.told = newTold()
		}
		r.marks.Unlock()
		r.cursor = v.At.String()
		for _, sh := range r.sheets {
			sh.changed = sh.changed[:0]
			sh.update(v.Tenant, t)
		}
	})
	if err != nil {
		for _, sh := range r.sheets {
			sh.changed = sh.changed[:0]
		}
	}
	return err == nil
}

// update brings a sheet up to date with what the floor told.
func (s *sheet) update(t *floor.Tenant, what told) {
	first := s.version == 0
	s.version++
	if first || what.all || t == nil {
		s.all(t)
		return
	}
	if !what.any {
		return
	}
	for id := range what.queues {
		s.queue(t, id, t.Queue(id))
	}
	if s.stale {
		s.all(t)
		return
	}
	for id := range what.agents {
		s.agent(t, id, t.Agent(id))
	}
	s.channel(t)
}

// give queues for the sessions of a sheet what is new to them.
func (r *room) give(sh *sheet) {
	if sh.edition != nil && time.Since(sh.edition.made) >= editionAge {
		sh.edition = nil
	}
	if sh.version == 0 {
		return
	}
	for h := range sh.hooks {
		if h.fresh {
			h.begin(sh, r.account, r.cursor)
		} else if len(sh.changed) > 0 {
			h.offer(sh, sh.changed)
		}
	}
	var batches []batch
	if len(sh.sessions) > 0 {
		batches = sh.batches()
	}
	sh.changed = sh.changed[:0]
	ready, conns := r.ready[:0], r.conns[:0]
	for s := range sh.sessions {
		switch {
		case s.fresh:
			s.begin(r.editionOf(sh), sh)
			s.advance(r, sh)
		case s.behind:
			for i := range batches {
				s.note(batches[i].rows)
			}
			if s.room.Swap(false) {
				s.advance(r, sh)
			}
		default:
			ready, conns = append(ready, s), append(conns, s.conn)
		}
	}
	defer func() {
		clear(ready[:cap(ready)])
		clear(conns[:cap(conns)])
		r.ready, r.conns = ready[:0], conns[:0]
	}()
	for i := range batches {
		r.publish(ready, conns, batches[i])
		// Those who did not take all of it so far get a note of the rest.
		next := ready[:0]
		for _, s := range ready {
			if !s.behind {
				next = append(next, s)
				continue
			}
			for _, b := range batches[i+1:] {
				s.note(b.rows)
			}
		}
		if len(next) < len(ready) {
			ready, conns = next, conns[:0]
			for _, s := range ready {
				conns = append(conns, s.conn)
			}
		}
	}
}

// publish sends one frame to all sessions that have everything so far.
func (r *room) publish(ready []*session, conns []*fanout.Conn, b batch) {
	r.feed.pool.Publish(conns, b.frame, 0, func(at int, status fanout.Status) {
		if status == fanout.Full {
			ready[at].behind = true
			ready[at].note(b.rows)
		}
	})
	r.feed.delivered.Add(uint64(len(conns) * len(b.rows)))
}

// editionAge is how old an edition may be for somebody who begins with it; what has changed since is sent behind it.
const editionAge = 3 * time.Second

// edition is a snapshot of a sheet, finished and shared.
type edition struct {
	made    time.Time
	version uint64 // of the sheet
	cursor  string
	frames  []fanout.Frame
	keys    int
}

// editionOf gives a snapshot of a sheet.
func (r *room) editionOf(sh *sheet) *edition {
	if sh.edition != nil {
		return sh.edition
	}
	e := &edition{made: time.Now(), version: sh.version, cursor: r.cursor}
	var buf []byte
	for i := range sh.rows {
		if sh.rows[i].measures == nil {
			continue
		}
		if buf == nil {
			buf = make([]byte, 0, frameBytes+4096)
		}
		e.keys++
		if buf = sh.env.appendFrame(buf, sh.rows[i].keys, sh.rows[i].measures, payloadInitializing); len(buf) >= frameBytes {
			e.frames = append(e.frames, buf)
			buf = nil
		}
	}
	if buf != nil {
		e.frames = append(e.frames, buf)
	}
	sh.edition = e
	time.AfterFunc(editionAge, func() { nudge(r.hurry) }) // so that it is let go of when it is too old to be used
	return e
}
