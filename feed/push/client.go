package push

import (
	"context"
	"time"

	"trunkline/webhook"
)

// Guard says which addresses may be dialled.
type Guard = webhook.Guard

// outcome is what became of one attempt.
type outcome = webhook.Outcome

// client sends to one destination.
type client struct{ *webhook.Client }

func newClient(d *Destination, g Guard) (*client, error) {
	conf, err := d.tls()
	if err != nil {
		return nil, err
	}
	c, err := webhook.New(webhook.Endpoint{URL: d.URL, Headers: d.Headers, Agent: "Trunkline-Push/1", Timeout: time.Duration(d.TimeoutMS) * time.Millisecond,
		Concurrency: d.Concurrency, Any2xx: d.Success == "2xx", HTTP1: d.HTTP == "1.1", TLS: conf, Keys: d.Secrets.Keys}, g)
	return &client{c}, err
}

// send makes one attempt. attempt counts from 1.
func (c *client) send(ctx context.Context, m *Message, attempt int) outcome {
	media := "application/json"
	if m.Feed == Raw {
		media = "application/cloudevents+json"
	}
	return c.Send(ctx, &webhook.Message{ID: m.ID, Media: media, Body: m.Body}, attempt)
}
