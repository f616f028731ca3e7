package push

import (
	"time"

	"trunkline/webhook"
)

// settings are what requests may set of a destination.
type settings struct {
	ID          *string           `json:"id"`
	Description *string           `json:"description"`
	URL         *string           `json:"url"`
	Feeds       []Kind            `json:"feeds"`
	EventList   *[]string         `json:"event_list"`
	Filter      *string           `json:"filter"`
	TimeoutMS   *int              `json:"timeout_ms"`
	Retries     *int              `json:"retries"`
	BackoffMS   *int              `json:"backoff_ms"`
	Headers     map[string]string `json:"headers"`
	Rate        *float64          `json:"rate_per_second"`
	Concurrency *int              `json:"concurrency"`
	Ordering    *string           `json:"ordering"`
	AfterLast   *string           `json:"after_last"`
	Success     *string           `json:"success"`
	MinTLS      *string           `json:"min_tls"`
	HTTP        *string           `json:"http"`
	CA          *string           `json:"ca"`
	ClientCert  *string           `json:"client_cert"`
	ClientKey   *string           `json:"client_key"`
	Secret      *string           `json:"signing_secret"` // "new" makes one, "" signs no more
	After       *string           `json:"after"`          // of a new destination: a cursor or "oldest"
}

// onto sets what was given, and gives a signing secret that was made.
func (s *settings) onto(d *Destination, now time.Time) (made string) {
	set(&d.Description, s.Description)
	set(&d.URL, s.URL)
	set(&d.EventList, s.EventList)
	set(&d.Filter, s.Filter)
	set(&d.TimeoutMS, s.TimeoutMS)
	set(&d.Retries, s.Retries)
	set(&d.BackoffMS, s.BackoffMS)
	set(&d.Rate, s.Rate)
	set(&d.Concurrency, s.Concurrency)
	set(&d.Ordering, s.Ordering)
	set(&d.AfterLast, s.AfterLast)
	set(&d.Success, s.Success)
	set(&d.MinTLS, s.MinTLS)
	set(&d.HTTP, s.HTTP)
	set(&d.CA, s.CA)
	set(&d.ClientCert, s.ClientCert)
	set(&d.ClientKey, s.ClientKey)
	if s.Feeds != nil {
		d.Feeds = s.Feeds
	}
	if s.Headers != nil {
		d.Headers = s.Headers
	}
	if s.Secret != nil {
		d.Secrets, made = webhook.Given(*s.Secret, now)
	}
	return made
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
