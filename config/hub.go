package config

import (
	"fmt"
	"net/url"
)

// Hub is the hub feed.
type Hub struct {
	Tick              Duration   `yaml:"tick" default:"1s" min:"50ms" max:"1m" doc:"The least time between two statuses of one user or queue."`
	TokenLife         Duration   `yaml:"token_life" default:"15m" min:"10s" max:"24h" doc:"How long a token for the hub is good. It is checked when a client connects; a connection may outlive it."`
	Pascal            bool       `yaml:"pascal" default:"false" doc:"Name members EntityId, as the reference part of the vendor's page does, and not entityId, as its live sample does."`
	PublicURL         string     `yaml:"public_url" example:"https://hub.example.com" doc:"How clients reach the hub, for the answer to a request for a token. Empty: by the host that the client asked."`
	MaxSubscriptions  int        `yaml:"max_subscriptions" default:"5000" min:"1" max:"1000000" doc:"Subscriptions of one connection."`
	MaxConnections    int        `yaml:"max_connections" default:"1000" min:"1" max:"1000000" doc:"Open connections of one user on one node."`
	QueueBytes        Size       `yaml:"queue_bytes" default:"1MiB" min:"64KiB" max:"64MiB" doc:"What may wait for one connection. Statuses are replaced by later ones; a client for which more waits all the same is closed, and may come back."`
	MaxMessage        Size       `yaml:"max_message" default:"32KiB" min:"1KiB" max:"1MiB" doc:"The largest message of a client."`
	Origins           []string   `yaml:"origins" example:"https://wallboard.example.com" doc:"Origins of browser pages of other hosts that may connect; https://*.example.com is all below example.com. Empty: pages of this server only."`
	SupervisionNumber string     `yaml:"supervision_number" example:"+358401234567" doc:"Where supervisors call to listen to a call, for UserCallAvailableForMonitoring."`
	CallLists         []CallList `yaml:"call_lists" doc:"Which queues a call list belongs to: who may see one of them may subscribe to the list. Queues of its open callbacks count as well, for as long as the server runs."`
	Alerts            []Alert    `yaml:"alerts" doc:"Conditions over the measures of queues. When one begins to hold of a queue, agent.alerted is written, which the hub tells as UserAlert."`
}

// CallList is a call list of the hub feed.
type CallList struct {
	ID     string   `yaml:"id" example:"callbacks" doc:"Its id, or its GUID."`
	Queues []string `yaml:"queues" example:"support" doc:"Ids of queues."`
}

// Alert is a condition that is watched.
type Alert struct {
	ID         string   `yaml:"id" example:"long-wait" doc:"Its id."`
	Tenant     string   `yaml:"tenant" example:"acmecorp01" doc:"Whose it is."`
	Agents     []string `yaml:"agents" example:"anna" doc:"Ids of the agents whom it is for."`
	Queues     []string `yaml:"queues" example:"support" doc:"Ids of the queues that are looked at. Empty: all."`
	Name       string   `yaml:"name" example:"Longest wait" doc:"Of the condition."`
	Expression string   `yaml:"expression" example:"longest_wait > 120" doc:"In CEL, over longest_wait (in seconds, how long the oldest visit waits) and the measures of queues by their names in docs/measures.md. An expression over a measure that has no value does not hold."`
	Threshold  string   `yaml:"threshold" example:"120" doc:"What to tell as the condition's value. Empty: the last number in the expression."`
	Value      string   `yaml:"value" example:"longest_wait" doc:"What to tell the value of. Empty: what the expression names first."`
}

// hub checks the hub feed; ids are those of the tenants. Expressions are checked where they are used.
func (l *loader) hub(c *Config, ids []string) {
	if u, err := url.Parse(c.Hub.PublicURL); c.Hub.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.User != nil) {
		l.refuse("hub.public_url", "%q is not accepted: https://host, as in https://hub.example.com", c.Hub.PublicURL)
	}
	seen := map[string]bool{}
	for i, a := range c.Hub.Alerts {
		path := fmt.Sprintf("hub.alerts[%d]", i)
		if seen[a.Tenant+"/"+a.ID] {
			l.refuse(path, "the id %q is used twice", a.ID)
		}
		seen[a.Tenant+"/"+a.ID] = true
		if a.ID == "" || a.Expression == "" || len(a.Agents) == 0 {
			l.refuse(path, "an alert has an id, an expression and at least one agent")
		}
		l.tenantOf(a.Tenant, path, ids)
	}
	for i, list := range c.Hub.CallLists {
		if list.ID == "" || len(list.Queues) == 0 {
			l.refuse(fmt.Sprintf("hub.call_lists[%d]", i), "a call list has an id and at least one queue")
		}
	}
}
