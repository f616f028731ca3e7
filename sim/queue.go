package sim

import "slices"

// The media of an interaction.
const (
	phone = "phone"
	chat  = "chat"
	email = "email"
)

// rule is how a queue chooses among the agents who are free.
type rule int

const (
	longestIdle rule = iota // who has been free for the longest time
	skillLevel              // who knows it best, among equals who has been free for the longest time
)

// queue is a waiting line and the kind of work that waits in it.
type queue struct {
	num      int
	id, guid string
	name     string
	media    string
	outbound bool // a campaign: the contact centre calls
	channel  string
	skill    string

	rule      rule
	priority  int
	limit     int64  // longest wait, 0 is none
	overflow  *queue // where a caller goes at the limit; nil ends the call
	moveAfter int64  // 0, or the wait after which a caller moves on to overflow as long as nobody serves the queue
	cap       int    // callers that may wait, 0 is no cap
	keyShare  float64
	short     int64 // an abandon within this time is short
	target    int64 // the service level's threshold

	ring     int64 // ring limit
	talk     int64 // median talk time
	spread   float64
	wrap     int64 // limit of the wrap-up, 0 is no wrap-up
	byHand   float64
	patience int64 // Weibull scale
	shape    float64

	arrivals *arrivals
	agents   []*agent // those who have the skill
	waiting  []*visit // by priority, then by arrival
	book     *QueueBook

	site      *site
	throttled bool // it was full, and has not been down to half since
}

// visit is one stay of an interaction in a queue.
type visit struct {
	x        *interaction
	q        *queue
	at       int64
	priority int
	order    uint64
	offer    *offer // the agent whose phone rings
	refused  *agent // who let it ring or rejected it last, and is not asked twice in a row

	patience, limit, key, move *alarm
}

// insert puts v behind everybody of its priority or above.
func (q *queue) insert(v *visit) (position int) {
	i, _ := slices.BinarySearchFunc(q.waiting, v, func(a, b *visit) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	q.waiting = slices.Insert(q.waiting, i, v)
	return i + 1
}

func (q *queue) remove(v *visit) {
	if i := slices.Index(q.waiting, v); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
}

// head is the first visit that rings nowhere and may ring at a.
func (q *queue) head(a *agent) *visit {
	for _, v := range q.waiting {
		if v.offer == nil && v.refused != a {
			return v
		}
	}
	return nil
}

// before orders visits, also those of different queues, as they are served.
func (a *visit) before(b *visit) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return a.order < b.order
}

// choose is the agent who gets the next interaction of q, nil when nobody is
// free.
func (q *queue) choose(not *agent) *agent {
	var best *agent
	for _, a := range q.agents {
		if a == not || !a.free(q.media) {
			continue
		}
		if best == nil || q.better(a, best) {
			best = a
		}
	}
	return best
}

func (q *queue) better(a, b *agent) bool {
	if q.rule == skillLevel {
		if la, lb := a.level(q), b.level(q); la != lb {
			return la > lb
		}
	}
	if a.load != b.load {
		return a.load < b.load
	}
	return a.idleSince < b.idleSince || a.idleSince == b.idleSince && a.num < b.num
}

// staffed says whether somebody who has the skill is logged in and serves.
func (q *queue) staffed() bool {
	for _, a := range q.agents {
		if a.serving() {
			return true
		}
	}
	return false
}
