package floor

import (
	"encoding/json"
	"strconv"
	"time"
)

// maxNamed bounds how many of an agent's queues are told with a fact.
const maxNamed = 50

// appendKnown writes what is known of an agent beyond its names, for a projection that
// shows all of it with each fact about the agent.
func (t *Tenant) appendKnown(dst []byte, a *Agent) []byte {
	dst = append(dst, `"known":{`...)
	dst = text(dst, "agent", a.ID)
	dst = text(dst, "name", a.Name)
	dst = text(dst, "givenName", a.GivenName)
	dst = text(dst, "familyName", a.FamilyName)
	dst = text(dst, "displayName", a.DisplayName)
	dst = text(dst, "external", a.External)
	dst = text(dst, "deskMode", a.DeskMode)
	if len(a.Slots) > 0 {
		dst = number(dst, "slots", a.room())
	}
	if len(a.Queues) > 0 {
		dst = append(dst, `"queues":[`...)
		for _, m := range a.Queues[:min(len(a.Queues), maxNamed)] {
			dst = append(dst, '{')
			dst = text(dst, "id", m.Queue.ID)
			dst = text(dst, "name", m.Queue.Name)
			dst = closed(dst)
		}
		dst[len(dst)-1] = ']'
		dst = append(dst, ',')
	}
	dst = text(dst, "presence", string(a.Presence))
	dst = text(dst, "reason", a.Reason.Name)
	dst = number(dst, "presenceSince", a.PresenceSince)
	dst = text(dst, "engaged", a.State.Engagement().String())
	if u := a.use; u != nil {
		dst = number(dst, "engagedSince", u.since)
		if u.beforeSince > 0 {
			dst = text(dst, "before", u.before.String())
			dst = number(dst, "beforeSince", u.beforeSince)
		}
		if u.loadAt > 0 {
			dst = append(dst, `"load":`...)
			dst = append(appendInt(dst, int64(a.AgentRow.Active)), ',')
			dst = number(dst, "loadAt", u.loadAt)
		}
	}
	return closed(dst)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendQueueKnown writes what is known of a queue beyond its names: how it measures, by
// what it is closed, when its hours open and close it, how it is configured.
func (t *Tenant) appendQueueKnown(dst []byte, q *Queue, at int64) []byte {
	dst = append(dst, `"queueKnown":{`...)
	dst = append(appendInt(append(dst, `"waiting":`...), int64(q.Waiting)), ',')
	m := &q.measure
	dst = number(dst, "waitingAt", m.sizeAt)
	dst = text(dst, "waitingWhy", m.sizeWhy)
	if ms, why := t.EstimatedWait(q, t.set.WaitMethod, t.now); why == "" {
		dst = append(appendInt(append(dst, `"waitMs":`...), ms), ',')
	}
	dst = number(dst, "waitAt", m.waitAt)
	a := t.Availability(q, t.now)
	if q.told || q.canClose() {
		dst = append(dst, `"availability":{`...)
		dst = truth(dst, "open", a.Open)
		dst = truth(dst, "scheduled", a.ScheduleOpen)
		dst = truth(dst, "afterClosing", a.AfterClosing)
		if by := a.Closers(); len(by) > 0 {
			dst = append(dst, `"closedBy":[`...)
			for _, c := range by {
				dst = append(appendText(dst, string(c)), ',')
			}
			dst[len(dst)-1] = ']'
			dst = append(dst, ',')
		}
		dst = closed(dst)
	}
	if s := q.schedule; s != nil {
		_, offset := moment(at).In(s.Zone()).Zone()
		dst = append(appendInt(append(dst, `"offsetMinutes":`...), int64(offset/60)), ',')
	}
	e := q.edgesAt(at)
	dst = number(dst, "lastOpen", e.lastOpen)
	dst = number(dst, "lastClose", e.lastClose)
	dst = number(dst, "nextOpen", e.nextOpen)
	dst = number(dst, "nextClose", e.nextClose)
	if q.Known {
		if b, err := json.Marshal(&q.Config); err == nil {
			dst = append(append(append(dst, `"config":`...), b...), ',')
		}
	}
	return closed(dst)
}

// edges are when a queue's hours opened and closed it last and will next, in epoch
// milliseconds, 0 for not within 400 days. They hold from a moment until another.
type edges struct {
	from, until                              int64
	lastOpen, lastClose, nextOpen, nextClose int64
}

// edgesAt gives the edges around a moment; they are looked for once in between.
func (q *Queue) edgesAt(at int64) *edges {
	e := &q.edges
	if q.schedule == nil || e.until > 0 && at >= e.from && at < e.until {
		return e
	}
	*e = edges{}
	look := func(step func(time.Time) (time.Time, bool, bool), after time.Duration, open, closed *int64) (first int64) {
		when := moment(at)
		for range 2 {
			next, opens, ok := step(when)
			if !ok {
				break
			}
			if first == 0 {
				first = next.UnixMilli()
			}
			if opens {
				*open = next.UnixMilli()
			} else {
				*closed = next.UnixMilli()
			}
			when = next.Add(after)
		}
		return first
	}
	e.until = look(q.schedule.Next, 0, &e.nextOpen, &e.nextClose)
	if e.until == 0 {
		e.until = at + 24*time.Hour.Milliseconds()
	}
	if e.from = look(q.schedule.Last, -time.Millisecond, &e.lastOpen, &e.lastClose); e.from == 0 {
		e.from = at
	}
	return e
}
