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
		now := moment(at)
		edge := func(names [2]string, when time.Time, opens, ok bool) {
			if ok && opens {
				dst = number(dst, names[0], when.UnixMilli())
			} else if ok {
				dst = number(dst, names[1], when.UnixMilli())
			}
		}
		next, opens, ok := s.Next(now)
		edge([2]string{"nextOpen", "nextClose"}, next, opens, ok)
		if ok {
			then, opens, ok := s.Next(next)
			edge([2]string{"nextOpen", "nextClose"}, then, opens, ok)
		}
		last, opens, ok := s.Last(now)
		edge([2]string{"lastOpen", "lastClose"}, last, opens, ok)
		if ok {
			then, opens, ok := s.Last(last.Add(-time.Millisecond))
			edge([2]string{"lastOpen", "lastClose"}, then, opens, ok)
		}
	}
	if q.Known {
		if b, err := json.Marshal(&q.Config); err == nil {
			dst = append(append(append(dst, `"config":`...), b...), ',')
		}
	}
	return closed(dst)
}
