// Package wait estimates how long somebody who enters a queue now will wait, by
// four named methods, and measures how wrong each of them was on the calls that
// followed.
//
// An [Estimator] belongs to one queue. It learns from answers and handled
// contacts, and is asked with a [Line], the queue as it stands. Where there is not
// enough to go by it says so with a reason instead of a number.
//
// It has no clock and depends on its calls alone. All durations are milliseconds.
package wait

// Method is a way to estimate.
type Method uint8

// The methods.
const (
	// QueueLength is (waiting + 1) × average handling time / agents at work in the
	// queue; nothing while an agent is free for every one who waits.
	QueueLength Method = iota
	// LastToEnterService is the wait of the visit that was answered last.
	LastToEnterService
	// HeadOfLine is how long the visit at the head of the queue has waited so far;
	// nothing while nobody waits.
	HeadOfLine
	// ExponentialMean is Asterisk's hold time: with each answer a quarter of its
	// wait and three quarters of the mean before.
	ExponentialMean
	Methods
)

// String gives the method's name.
func (m Method) String() string {
	return [...]string{"queue_length", "last_to_enter_service", "head_of_line", "exponential_mean", ""}[min(m, Methods)]
}

// Named gives the method of a name.
func Named(name string) (Method, bool) {
	for m := range Methods {
		if m.String() == name {
			return m, true
		}
	}
	return 0, false
}

// Why there is no estimate.
const (
	TooFewAnswers  = "too_few_answers"
	TooFewContacts = "too_few_contacts"
	NoAgents       = "no_agents"
)

// Enough is how many answers or contacts an estimate needs to go by.
const Enough = 5

// Line is a queue as it stands.
type Line struct {
	Waiting int   // visits waiting
	Head    int64 // when the one that waits longest began to wait; only if any waits
	Now     int64
	Working int // agents of the queue who are idle, alerting, on a contact or in wrap-up
	Idle    int // of these: idle
}

// Error is how wrong a method was on the visits that were answered. Those that
// were not answered say nothing about the wait for an answer.
type Error struct {
	Count    int64
	Absolute int64   // Σ |estimate − wait|
	Bias     int64   // Σ (estimate − wait)
	Squares  float64 // Σ (estimate − wait)², in seconds²
}

// Mean is the mean absolute error in milliseconds, 0 before anything was measured.
func (e *Error) Mean() int64 {
	if e.Count == 0 {
		return 0
	}
	return e.Absolute / e.Count
}

// None marks that a visit was told nothing by a method.
const None = -1

// Told is what the methods said when a visit began to wait, None for nothing.
type Told [Methods]int64

// Estimator learns the waits of one queue. The zero Estimator knows nothing.
type Estimator struct {
	Answers  int64 // so far
	Last     int64 // wait of the latest answer
	Expo     int64 // Asterisk's mean
	Contacts int64 // handled so far
	Handling int64 // mean handling time: each contact counts a twentieth once there are twenty
	Errors   [Methods]Error
}

// Estimate gives what a method says, or why it says nothing.
func (e *Estimator) Estimate(m Method, l Line) (ms int64, why string) {
	switch m {
	case QueueLength:
		switch {
		case l.Working == 0:
			return None, NoAgents
		case l.Idle > l.Waiting:
			return 0, ""
		case e.Contacts < Enough:
			return None, TooFewContacts
		}
		return int64(l.Waiting+1) * e.Handling / int64(l.Working), ""
	case HeadOfLine:
		if l.Waiting == 0 {
			return 0, ""
		}
		return max(l.Now-l.Head, 0), ""
	}
	if e.Answers < Enough {
		return None, TooFewAnswers
	}
	if m == LastToEnterService {
		return e.Last, ""
	}
	return e.Expo, ""
}

// Tell gives what all methods say to a visit that begins to wait.
func (e *Estimator) Tell(l Line) Told {
	var t Told
	for m := range Methods {
		t[m], _ = e.Estimate(m, l)
	}
	return t
}

// Answered learns from a visit that was answered after a wait.
func (e *Estimator) Answered(told *Told, waited int64) {
	for m, said := range told {
		if said == None {
			continue
		}
		x := &e.Errors[m]
		d := said - waited
		x.Count++
		x.Bias += d
		x.Absolute += max(d, -d)
		x.Squares += float64(d) / 1000 * float64(d) / 1000
	}
	e.Answers++
	e.Last = waited
	e.Expo = (3*e.Expo + waited) / 4
}

// Handled learns from a contact that is over.
func (e *Estimator) Handled(ms int64) {
	e.Contacts++
	n := min(e.Contacts, 20)
	e.Handling += (ms - e.Handling) / n
}

// NewDay begins to measure the errors anew. What was learnt stays.
func (e *Estimator) NewDay() { e.Errors = [Methods]Error{} }
