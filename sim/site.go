package sim

import (
	"fmt"
	"math"
	"strconv"
)

// agentsPerSite is how many agents share one set of queues; a larger centre
// has several sites.
const agentsPerSite = 400

// site is a set of queues and the agents who serve them.
type site struct {
	name    string
	queues  []*queue
	inbound []*queue // telephone queues that customers choose in the menu
	general *queue   // takes what the others give up; every telephone agent serves it
	chats   *queue
	mails   *queue
	sales   *queue // the campaign's
	agents  []*agent
	bosses  []*supervisor
	manual  *arrivals // calls that agents make by themselves
}

// build makes the queues and people of the whole centre. It uses a random
// stream of its own, so that they are the same in every run of one seed.
func build(cfg Config) []*site {
	r := newRandom(cfg.Seed, 0x5173)
	n := (cfg.Agents + agentsPerSite - 1) / agentsPerSite
	sites := make([]*site, n)
	num := 0
	for i := range sites {
		size := cfg.Agents / n
		if i < cfg.Agents%n {
			size++
		}
		s := &site{name: siteNames[i%len(siteNames)]}
		if n == 1 {
			s.name = ""
		}
		s.makeQueues(i, size)
		for _, q := range s.queues {
			q.guid = r.uuid()
		}
		for k := range size {
			s.agents = append(s.agents, newAgent(num, k, s, r, cfg.Tenant))
			num++
		}
		for range (size + 14) / 15 {
			s.bosses = append(s.bosses, &supervisor{
				id: agentID(r), guid: r.uuid(), given: pick(r, givenNames), family: pick(r, familyNames),
			})
		}
		for k, a := range s.agents {
			a.boss = s.bosses[k/15]
		}
		s.planLoad(cfg.Load)
		sites[i] = s
	}
	return sites
}

func (s *site) makeQueues(i, size int) {
	add := func(q queue) *queue {
		q.num = len(s.queues)
		q.id = strconv.Itoa(591 + 20*i + q.num)
		q.channel = fmt.Sprintf("+1%03d55501%02d", 201+i, q.num)
		q.skill = fmt.Sprintf("sk-%s-%s", q.media, q.id)
		if s.name != "" {
			q.name = s.name + " " + q.name
		}
		s.queues = append(s.queues, &q)
		return &q
	}
	general := add(queue{name: "General", media: phone, priority: 40, limit: 10 * minute, keyShare: 0.04,
		cap: max(4, size/5), short: 5 * second, target: 30 * second, ring: 15 * second,
		talk: 130 * second, spread: 0.7, wrap: 25 * second, byHand: 0.8, patience: 4 * minute, shape: 1.1})
	support := add(queue{name: "Support", media: phone, priority: 50, limit: 4 * minute, overflow: general, keyShare: 0.06,
		cap: max(5, size/3), short: 5 * second, target: 20 * second, ring: 15 * second,
		talk: 165 * second, spread: 0.75, wrap: 30 * second, byHand: 0.75, patience: 3 * minute, shape: 1.2})
	sales := add(queue{name: "Sales", media: phone, priority: 60, rule: skillLevel, limit: 2 * minute, overflow: general, moveAfter: 25 * second,
		keyShare: 0.03, cap: max(3, size/6), short: 5 * second, target: 10 * second, ring: 12 * second,
		talk: 150 * second, spread: 0.8, wrap: 20 * second, byHand: 0.85, patience: 90 * second, shape: 0.9})
	billing := add(queue{name: "Billing", media: phone, priority: 50, limit: 3 * minute, keyShare: 0.05,
		cap: max(4, size/5), short: 5 * second, target: 20 * second, ring: 15 * second,
		talk: 110 * second, spread: 0.6, wrap: 15 * second, byHand: 0.7, patience: 150 * second, shape: 1.3})
	retention := add(queue{name: "Retention", media: phone, priority: 90, rule: skillLevel, limit: 5 * minute, overflow: general,
		short: 5 * second, target: 15 * second, ring: 15 * second,
		talk: 200 * second, spread: 0.7, wrap: 40 * second, byHand: 0.6, patience: 5 * minute, shape: 1.2})
	s.general, s.inbound = general, []*queue{support, sales, billing, retention}
	s.chats = add(queue{name: "Web chat", media: chat, priority: 50, limit: 8 * minute,
		cap: max(6, size/3), short: 10 * second, target: 30 * second, ring: 20 * second,
		talk: 240 * second, spread: 0.5, wrap: 20 * second, byHand: 0.9, patience: 5 * minute, shape: 1.2})
	s.mails = add(queue{name: "E-mail", media: email, priority: 30, target: 4 * hour, ring: 60 * second,
		talk: 180 * second, spread: 0.6})
	s.sales = add(queue{name: "Renewals", media: phone, outbound: true, priority: 20, limit: 5 * minute, target: minute, ring: 20 * second,
		talk: 80 * second, spread: 0.8, wrap: 15 * second, byHand: 0.8, patience: day, shape: 1})
}

func agentID(r random) string { return string(r.token([]byte("ag"), 22)) }

// newAgent makes the kth agent of a site. Of five agents three take calls, one
// writes, one takes calls and works on the campaign. Of ten, seven work by
// day, two late, one at night.
func newAgent(num, k int, s *site, r random, tenant string) *agent {
	a := &agent{
		num: num, id: agentID(r), guid: r.uuid(), given: pick(r, givenNames), family: pick(r, familyNames),
		slots: 1, site: s, state: Offline, address: fmt.Sprintf("PJSIP/%d", 10001+num),
	}
	a.login = fmt.Sprintf("%s.%s.%d@%s.example", lower(a.given), lower(a.family), num+1, lower(tenant))
	switch turn := (k*7 + k/10*3) % 10; {
	case turn < 7:
		a.shift = shift{7*hour + r.between(0, 12)*quarter, 8*hour + 30*minute}
	case turn < 9:
		a.shift = shift{13*hour + r.between(0, 4)*quarter - 30*minute, 8*hour + 30*minute}
	default:
		a.shift = shift{22 * hour, 9*hour + 30*minute}
	}
	level := func() int { return 1 + r.IntN(9) }
	switch k % 5 {
	case 3:
		a.role, a.slots = digital, 3
		a.addSkill(s.chats, level())
		a.addSkill(s.mails, level())
		return a
	case 4:
		a.role = blended
		a.addSkill(s.sales, level())
	}
	a.addSkill(s.general, level())
	first := k // every queue has somebody, also in a small centre
	for range 1 + r.IntN(3) {
		q := s.inbound[first%len(s.inbound)]
		if a.level(q) == 0 {
			a.addSkill(q, level())
		}
		first += 1 + r.IntN(3)
	}
	return a
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// How much of an agent's day is there for contacts, and how it is shared out.
const (
	ready        = 0.88 // logged in and not on a break, with a margin for the unevenness of the day
	extraWork    = 1.25 // consultations, transfers, calls of one's own and callbacks, on top of each call
	campaignPart = 0.40 // of a blended agent's day
	chatPart     = 1.45 // chats that a writing agent has at once, on average
	mailPart     = 0.40
	manualRate   = 0.7 // calls of one's own an hour
)

// planLoad gives every queue the arrivals that the staff of its quarter of an
// hour can serve at that hour's pressure.
func (s *site) planLoad(load float64) {
	staff := make(map[*queue]*[slots]float64)
	for _, q := range s.queues {
		staff[q] = new([slots]float64)
	}
	var callers [slots]float64
	for _, a := range s.agents {
		for slot := range slots {
			if _, on := a.shift.covers(int64(slot) * quarter); !on {
				continue
			}
			if a.role == digital {
				staff[s.chats][slot] += chatPart
				staff[s.mails][slot] += mailPart
				continue
			}
			part := 1.0
			if a.role == blended {
				staff[s.sales][slot] += campaignPart
				part -= campaignPart
			}
			callers[slot]++
			for _, sk := range a.skills {
				if sk.q != s.general && sk.q != s.sales {
					staff[sk.q][slot] += part / float64(a.inboundSkills())
				}
			}
		}
	}
	for _, q := range s.queues {
		work := handleTime(q)
		if q.media == phone && !q.outbound {
			work *= extraWork
		}
		var rate [slots]float64
		for slot := range slots {
			rate[slot] = load * ready * pressureAt(slot) * staff[q][slot] / work
		}
		q.arrivals = newArrivals(rate)
	}
	var rate [slots]float64
	for slot := range slots {
		rate[slot] = load * pressureAt(slot) * callers[slot] * manualRate / float64(hour)
	}
	s.manual = newArrivals(rate)
}

func (a *agent) inboundSkills() int {
	n := 0
	for _, sk := range a.skills {
		if sk.q != a.site.general && sk.q != a.site.sales {
			n++
		}
	}
	return n
}

// handleTime is the mean time that one contact of q takes an agent.
func handleTime(q *queue) float64 {
	talk := float64(q.talk) * math.Exp(q.spread*q.spread/2)
	if q.outbound {
		return 0.55*talk + float64(15*second) + 0.8*float64(q.wrap) // many are not reached
	}
	return talk + float64(5*second) + 0.8*float64(q.wrap)
}
