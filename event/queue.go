package event

// Day is a day of the week.
type Day string

// The days.
const (
	Monday    Day = "mon"
	Tuesday   Day = "tue"
	Wednesday Day = "wed"
	Thursday  Day = "thu"
	Friday    Day = "fri"
	Saturday  Day = "sat"
	Sunday    Day = "sun"
)

func (Day) words() []string {
	return words(Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday)
}

// OpenHours is one stretch of opening on one day of the week. A day with two
// stretches has two entries; a day without an entry is closed.
type OpenHours struct {
	// Day is the day of the week.
	Day Day `json:"day"`
	// From is the local time of opening, HH:MM.
	From string `json:"from"`
	// To is the local time of closing, HH:MM; 24:00 is the end of the day.
	To string `json:"to"`
}

// Holiday is a date with hours of its own.
type Holiday struct {
	// Date is the local date, YYYY-MM-DD.
	Date string `json:"date"`
	// Name is the holiday's name.
	Name string `json:"name,omitempty"`
	// From is the local time of opening on that day, HH:MM; absent means closed all day.
	From string `json:"from,omitempty"`
	// To is the local time of closing on that day, HH:MM.
	To string `json:"to,omitempty"`
}

// QueueCaps are the thresholds from which a queue takes no more. Zero or
// absent is no threshold; a value greater than or equal to it closes.
type QueueCaps struct {
	// EstimatedWaitMS is the cap on the estimated wait, in milliseconds.
	EstimatedWaitMS int64 `json:"estimated_wait_ms,omitempty"`
	// Size is the cap on the number waiting.
	Size int `json:"size,omitempty"`
	// FallbackSize is the cap on the number waiting while no estimate can be made.
	FallbackSize int `json:"fallback_size,omitempty"`
}

// Mitigation is an emergency brake on a queue, set by hand.
type Mitigation struct {
	// Active means that the brake is on.
	Active bool `json:"active"`
	// Status is the kind of mitigation, in the source's words.
	Status string `json:"status,omitempty"`
	// Message is what customers are told.
	Message string `json:"message,omitempty"`
}

// QueueStage says whether a queue serves real customers.
type QueueStage string

// The stages.
const (
	StageLive     QueueStage = "live"
	StageTest     QueueStage = "test"
	StageDisabled QueueStage = "disabled"
)

func (QueueStage) words() []string { return words(StageLive, StageTest, StageDisabled) }

// QueueConfigured carries the whole configuration of a queue, as it is from
// now on.
type QueueConfigured struct {
	// Queue is the queue's id.
	Queue string `json:"queue"`
	// Name is the queue's name.
	Name string `json:"name,omitempty"`
	// GUID is the queue's UUID, where the source has one beside its id.
	GUID string `json:"guid,omitempty"`
	// Media is the medium it serves; absent means any.
	Media Media `json:"media,omitempty"`
	// Direction says which interactions wait here; absent means both.
	Direction Direction `json:"direction,omitempty"`
	// Default means that interactions without a queue of their own come here.
	Default bool `json:"default,omitempty"`
	// Group is the queue group it belongs to.
	Group string `json:"group,omitempty"`
	// Skills are the ids of the skills its agents need.
	Skills []string `json:"skills,omitempty"`
	// Zone is the IANA time zone of the hours and holidays, for instance "Europe/Helsinki".
	Zone string `json:"zone,omitempty"`
	// Hours are the opening hours; absent means always open.
	Hours []OpenHours `json:"hours,omitempty"`
	// Holidays are the dates with hours of their own.
	Holidays []Holiday `json:"holidays,omitempty"`
	// Caps are the thresholds from which it takes no more.
	Caps *QueueCaps `json:"caps,omitempty"`
	// Mitigation is the emergency brake.
	Mitigation *Mitigation `json:"mitigation,omitempty"`
	// ServiceLevelMS is the wait within which an answer counts as in time, in milliseconds.
	ServiceLevelMS int64 `json:"service_level_ms,omitempty"`
	// ShortAbandonMS is the wait up to which an abandoned visit counts as short, in milliseconds.
	ShortAbandonMS int64 `json:"short_abandon_ms,omitempty"`
	// MaxWaitMS is the longest time anybody may wait here, in milliseconds.
	MaxWaitMS int64 `json:"max_wait_ms,omitempty"`
	// MaxLength is the number of waiting interactions it holds; absent means no bound.
	MaxLength int `json:"max_length,omitempty"`
	// RingLimitMS is how long an offer stands, in milliseconds.
	RingLimitMS int64 `json:"ring_limit_ms,omitempty"`
	// WrapupLimitMS is how long wrap-up may take, in milliseconds; absent means that there is none.
	WrapupLimitMS int64 `json:"wrapup_limit_ms,omitempty"`
	// CallList is the list its callbacks go to.
	CallList string `json:"call_list,omitempty"`
	// Stage says whether it serves real customers; absent means live.
	Stage QueueStage `json:"stage,omitempty"`
	// Removed means that the queue is no more.
	Removed bool `json:"removed,omitempty"`
}

// EventType returns "queue.configured".
func (QueueConfigured) EventType() string { return "queue.configured" }

// EventSubject returns "queue/<id>".
func (f QueueConfigured) EventSubject() string { return "queue/" + f.Queue }

// QueueCloser is a reason for which a queue takes nobody.
type QueueCloser string

// The reasons.
const (
	ClosedByHours         QueueCloser = "hours"
	ClosedByHoliday       QueueCloser = "holiday"
	ClosedByEstimatedWait QueueCloser = "estimated_wait"
	ClosedBySize          QueueCloser = "size"
	ClosedByFallbackSize  QueueCloser = "fallback_size"
	ClosedByMitigation    QueueCloser = "mitigation"
	ClosedByStage         QueueCloser = "stage"
)

func (QueueCloser) words() []string {
	return words(ClosedByHours, ClosedByHoliday, ClosedByEstimatedWait, ClosedBySize, ClosedByFallbackSize, ClosedByMitigation, ClosedByStage)
}

// QueueAvailabilityChanged says that a queue began or ceased to take
// interactions, or that the reasons for which it takes none are others now. The
// log derives it, for queues with hours, caps, a brake or a stage.
type QueueAvailabilityChanged struct {
	// Queue is the queue's id.
	Queue string `json:"queue"`
	// Open means that it takes interactions.
	Open bool `json:"open"`
	// ClosedBy are all reasons for which it takes none.
	ClosedBy []QueueCloser `json:"closed_by,omitempty"`
	// Waiting is how many wait at that time.
	Waiting int `json:"waiting,omitempty"`
	// ScheduleChanges is when hours and holidays open or close it next.
	ScheduleChanges Time `json:"schedule_changes,omitzero"`
}

// EventType returns "queue.availability_changed".
func (QueueAvailabilityChanged) EventType() string { return "queue.availability_changed" }

// EventSubject returns "queue/<id>".
func (f QueueAvailabilityChanged) EventSubject() string { return "queue/" + f.Queue }
