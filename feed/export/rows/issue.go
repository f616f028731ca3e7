package rows

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"trunkline/floor"
)

// issue is an interaction as the tables see it.
type issue struct {
	ID, Parent, Media, Direction, Origin string

	No                         uint64 // in the order of their first facts
	Created, Ended             int64
	Lost                       bool
	Outcome, Initiator, Reason string
	Resolved                   *bool
	Latest                     int64  // when the latest of its facts happened
	Last                       string // the type of the fact that came last
	Touched                    int64  // when a fact was appended last
	Facts                      int64
	Static                     string // what its source told of it, JSON
	Session                    string // the id of the customer's visit on a site or in an app
	Attributes                 string // the attached pairs, JSON
	FirstQueued                bool
	Escalated                  int64

	Entered   int // visits that the floor has counted
	Visits    []*visit
	Parts     []*part
	Transfers []*transfer
	Notes     []*note
	CheckIns  []*checkIn
	Talk      talk
	Flow      flow
	Intent    *wish
	Stamps    map[string]int64 // the latest moments used in keys, microseconds, by what they are the key of and the millisecond
	Rating    string
	Dirty     bool // it has changed since its rows were written
	Called    bool // it is the customer's latest issue, or was
	Told      bool // its end is in the tables of what is over

	// By these the tables tell a newer row from an older one: they never go back.
	Uttered, Over int64 // the first utterance and the end, as written last
}

// limits of what is kept of one issue. What is beyond replaces the oldest.
const (
	maxKept   = 200
	maxStamps = 64
	maxText   = 4096
)

// issueOf gives the issue of a fact about an interaction, nil when there is none to
// be kept: what the floor does not know is over for long.
func (b *Books) issueOf(f *fact) *issue {
	id := f.data.Get("interaction").Str
	if i := b.Issues[id]; i != nil {
		return i
	}
	if id == "" || b.view.t == nil {
		return nil
	}
	it := b.view.t.Interaction(id)
	if it == nil {
		return nil
	}
	id = strings.Clone(id)
	i := b.Strays[id] // one that was thought to be over for long begins again
	if i == nil {
		i = &issue{ID: id, No: b.number(), Stamps: map[string]int64{}}
	}
	delete(b.Strays, id)
	i.Created, i.Media = it.Created, it.Media.String()
	b.Issues[id] = i
	// Of one that was there before the books, the visits of before are not known.
	i.Entered = max(it.Visits-len(it.Waiting()), 0)
	if _, what := f.about(); i.Entered > 0 && (what == "dequeued" || what == "accepted") {
		i.Entered--
	}
	return i
}

// hear takes what every fact about an issue tells of it.
func (b *Books) hear(i *issue, f *fact) {
	i.Flow.Before = i.Last
	i.Latest, i.Touched, i.Last, i.Dirty = max(i.Latest, f.at), f.received, kindName(f.typ), true
	i.Facts++
	if s := f.ctx("created").Raw; s != "" && s != i.Static {
		i.Static = strings.Clone(s)
		i.Session = i.told("session.id")
	}
	if s := f.ctx("attributes").Raw; s != "" && s != i.Attributes {
		i.Attributes = strings.Clone(s)
	}
	b.look(i, f)
}

// kindName gives the type of a fact as the tables spell it: "interaction.queued" is
// "QUEUED".
func kindName(typ string) string {
	_, what, ok := strings.Cut(typ, ".")
	if !ok {
		what = typ
	}
	return strings.ToUpper(what)
}

// lookAgain takes over what happened to an issue without a fact of its own: time passed,
// or the floor gave it up. Whether that is seen with the next fact or when the hour ends
// makes no difference: the times are the floor's.
func (b *Books) lookAgain(i *issue) {
	was := i.Ended
	b.look(i, nil)
	i.Dirty = i.Dirty || i.Ended != was || slices.ContainsFunc(i.Parts, func(p *part) bool { return p.Dirty }) ||
		slices.ContainsFunc(i.Visits, func(v *visit) bool { return v.Dirty })
}

// look takes over from the floor what it makes of the issue. The fact is the one about
// the issue that was just folded, nil for none.
func (b *Books) look(i *issue, f *fact) {
	it := b.view.t.Interaction(i.ID)
	if it == nil {
		b.gone(i)
		return
	}
	i.Media, i.Direction, i.Origin, i.Parent = it.Media.String(), string(it.Direction), string(it.Origin), it.Parent
	i.Created = it.Created
	if it.Ended > 0 {
		i.Ended, i.Lost, i.Outcome = it.Ended, it.Lost, it.Outcome().String()
		i.Initiator, i.Reason = it.Initiator, it.Reason
	} else if i.Ended > 0 {
		i.Ended, i.Lost, i.Outcome, i.Initiator, i.Reason, i.Told = 0, false, "", "", "", false
	}
	b.lookAtVisits(i, it, f)
	b.lookAtParts(i, it, f)
}

// gone takes over the end of what the floor has forgotten.
func (b *Books) gone(i *issue) {
	for _, p := range slices.Clone(i.Parts) {
		if p.live != nil {
			b.partOver(i, p, nil)
		}
	}
	for _, v := range i.Visits {
		if v.Ended == 0 {
			v.Ended, v.How, v.Dirty = max(i.Latest, v.At), "lost", true
		}
	}
	if i.Ended == 0 {
		i.Ended, i.Lost, i.Outcome = max(i.Latest, 1), true, floor.OutcomeLost.String()
	}
}

// stamp gives a moment for a key, in microseconds, that was not given before for the
// same: two things of one millisecond stay apart.
func (i *issue) stamp(what string, ms int64) int64 {
	key := what + " " + strconv.FormatInt(ms, 10)
	us := max(ms*1000, i.Stamps[key]+1)
	if i.Stamps == nil {
		i.Stamps = map[string]int64{}
	}
	if len(i.Stamps) >= maxStamps {
		oldest := ""
		for k, v := range i.Stamps {
			if o := i.Stamps[oldest]; oldest == "" || v < o || v == o && k < oldest {
				oldest = k
			}
		}
		delete(i.Stamps, oldest)
	}
	i.Stamps[key] = us
	return us
}

// told gives a member of what the source told of the issue.
func (i *issue) told(path string) string {
	if i == nil || i.Static == "" {
		return ""
	}
	return strings.Clone(gjson.Get(i.Static, path).String())
}

// customer gives the id by which the customer is known, else the number.
func (i *issue) customer() string {
	return cmp.Or(i.told("customer.id"), i.told("customer.number"))
}

// segments gives the company segments, joined by commas.
func (i *issue) segments() string {
	var out []string
	for _, s := range gjson.Get(i.Static, "segments").Array() {
		out = append(out, s.String())
	}
	return strings.Join(out, ",")
}

// instance is the moment whose quarter of an hour is the instance_ts of its rows.
func (i *issue) instance() int64 { return max(i.Latest, i.Created) }

// live says that something of it is still to come.
func (i *issue) live() bool {
	if i.Ended == 0 {
		return true
	}
	return slices.ContainsFunc(i.Parts, func(p *part) bool { return p.live != nil || p.Open })
}

// order gives issues in the order in which they came.
func order(m map[string]*issue, want func(*issue) bool) []*issue {
	var out []*issue
	for _, i := range m {
		if want(i) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(x, y *issue) int { return cmp.Compare(x.No, y.No) })
	return out
}

// keep appends to what is kept of an issue and lets the oldest go.
func keep[T any](list []T, x T) []T {
	if len(list) >= maxKept {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, x)
}

// clip cuts a text that is kept.
func clip(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.Clone(s)
}
