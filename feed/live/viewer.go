package live

import (
	"net"
	"sync/atomic"

	"trunkline/auth"
	"trunkline/fanout"
	"trunkline/feed/relay"
	"trunkline/floor"
	"trunkline/ws"
)

// viewer is one connection that listens to the state.
type viewer struct {
	feed   *Feed
	tenant string
	who    *auth.Principal
	want   uint8 // which kinds, see parseState
	board  *board
	conn   *fanout.Conn
	form   form
	gone   chan struct{}

	stopRevoke func() bool

	room atomic.Bool // its queue, which was full, can take something again

	// What follows belongs to the goroutine of the board.

	joined bool
	// full says that its queue did not take everything. What changes from then on is
	// noted in late, by name only, and is sent as it is when there is room.
	full  bool
	flush bool // in this round
	late  map[floor.Change]struct{}
}

func (v *viewer) begin(nc net.Conn, fm form, how way, hello fanout.Frame) bool {
	v.form = fm
	v.conn = v.feed.pool.Add(nc, v.feed.terms[how], v)
	b, err := v.feed.view(v)
	if err != nil {
		v.conn.Abort(err)
		return false
	}
	if len(hello) > 0 {
		v.conn.Enqueue(hello, 0)
	}
	v.stopRevoke = revocation(v.who, v.conn, fm)
	b.join(v)
	return true
}

func (v *viewer) watch() error { return v.conn.WatchPeer() }

func (v *viewer) finish(err error) {
	v.conn.Abort(err)
	v.stopRevoke()
	v.feed.unview(v)
}

// Drained implements fanout.Owner: there is room in the queue again.
func (v *viewer) Drained(*fanout.Conn) {
	v.room.Store(true)
	v.board.nudge()
}

// Closed implements fanout.Owner.
func (v *viewer) Closed(*fanout.Conn, error) {}

// Send implements ws.Handler.
func (v *viewer) Send(frame []byte) { v.conn.Control(frame) }

// Finish implements ws.Handler.
func (v *viewer) Finish(frame []byte) { v.conn.Cut(frame, nil) }

// Pong implements ws.Handler.
func (v *viewer) Pong(payload []byte) { v.conn.Pong(payload) }

// Message implements ws.Handler.
func (v *viewer) Message(bool, []byte) error {
	return &ws.CloseError{Code: ws.CodePolicy, Reason: "no messages are taken while listening to the state"}
}

// view registers a viewer and gives it its board, which is made when it is the first
// of its tenant.
func (f *Feed) view(v *viewer) (*board, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, relay.ErrClosed
	}
	b := f.boards[v.tenant]
	if b == nil {
		b = newBoard(f, v.tenant)
		f.boards[v.tenant] = b
	}
	b.users++
	v.board = b
	f.viewers[v] = struct{}{}
	return b, nil
}

// unview forgets a viewer, and its board when it was the last.
func (f *Feed) unview(v *viewer) {
	v.board.leave(v)
	f.mu.Lock()
	delete(f.viewers, v)
	v.board.users--
	last := v.board.users == 0
	if last {
		delete(f.boards, v.tenant)
	}
	f.mu.Unlock()
	if last {
		v.board.close()
	}
	close(v.gone)
}
