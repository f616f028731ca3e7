package demo

import (
	"encoding/json"
	"fmt"

	"trunkline/auth"
	"trunkline/config"
)

// ready is the line of JSON. Tests and scripts rely on its keys: they are added to as feeds appear, never renamed.
type ready struct {
	Ready        bool              `json:"ready"`
	URL          string            `json:"url"`
	Tenant       string            `json:"tenant"`
	Account      string            `json:"account"`
	Organization string            `json:"organization"`
	Tokens       map[string]string `json:"tokens"`
	Hub          hub               `json:"hub"`
	Push         pushed            `json:"push"`
	OAuth        oauthClient       `json:"oauth"`
	Exports      exported          `json:"exports"`
}

// exported is where the tables of the export feed are.
type exported struct {
	Directory string `json:"directory"`
}

// hub is who may sign in to the feeds that know people, and queues to ask for.
type hub struct {
	Users     []hubUser  `json:"users"`
	Queues    []hubQueue `json:"queues"`
	CallLists []hubQueue `json:"call_lists"`
}

type hubUser struct {
	ID     string `json:"id"` // GUID
	Login  string `json:"login"`
	Secret string `json:"secret"`
	Role   string `json:"role"`
}

type hubQueue struct {
	ID   string `json:"id"` // GUID
	Name string `json:"name"`
}

// hubList is a call list of the hub, and what the configuration says of it.
type hubList struct {
	hubQueue
	of config.CallList
}

// oauthClient is how a program gets the signed tokens that the measures feed takes.
type oauthClient struct {
	TokenURL     string `json:"token_url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// announce prints how to look, once everything is open.
func (o Options) announce(url string, c credentials, s staff, to pushed, dir string) error {
	if o.JSON {
		line, err := json.Marshal(ready{Ready: true, URL: url, Tenant: tenant, Account: account, Organization: c.Organization, Tokens: c.Tokens, Hub: s.hub(c), Push: to,
			Exports: exported{exportsIn(dir)}, OAuth: oauthClient{url + "/auth/realms/" + account + "/protocol/openid-connect/token", clientID, c.ClientSecret}})
		if err != nil {
			return fmt.Errorf("encode the ready line: %w", err)
		}
		if _, err := fmt.Fprintf(o.Out, "%s\n", line); err != nil {
			return fmt.Errorf("print the ready line: %w", err)
		}
		return nil
	}
	what := fmt.Sprintf("a contact centre of %d agents", o.Agents)
	if o.Agents == 0 {
		what = "no contact centre: send your own events"
	}
	where := dir
	if o.Data == "" {
		where += ", removed at the end"
	}
	_, err := fmt.Fprintf(o.Out, `Trunkline demo: %s
  server    %s
  tenant    %s
  data      %s

The newest events, and those to come:
  curl -s -H 'Authorization: Bearer %[5]s' '%[2]s/v1/events?order=desc&limit=5'
  curl -sN -H 'Authorization: Bearer %[5]s' '%[2]s/v1/live'
A client that comes back without losing one:
  TRUNKLINE_TOKEN=%[5]s trunkline tail live --url %[2]s
An event of your own:
  curl -s -H 'Authorization: Bearer %[6]s' -H 'Content-Type: application/cloudevents+json' %[2]s/v1/events \
    -d '{"specversion":"1.0","id":"1","source":"me","type":"com.example.hello","data":{}}'
The tenant stream of the 8x8 Streaming API, by the sample client and on its test page (user and tenant %[3]s, the token below):
  TRUNKLINE_TOKEN=%[9]s trunkline tail stream --url %[2]s --tenant %[3]s
  %[2]s/api/streaming/v1/TenantUpdates.jsp
Measures since midnight, in the form of Avaya's Analytics Realtime Data API, by its sample client:
  TRUNKLINE_SECRET=%[10]s trunkline tail measures --url %[2]s --account %[11]s --client %[12]s
%[13]sMilestones are pushed over mutual TLS to %[7]s; push all again, and see the repeats dropped:
  curl -s -H 'Authorization: Bearer %[8]s' -d '{"after":"oldest"}' %[2]s/v1/webhooks/mirror/replay
  curl -s %[2]s/metrics | grep receiver_payloads
Tables for a warehouse, written as each quarter of an hour ends:
  ls -R %[14]s
  curl -s -H 'Authorization: Bearer %[5]s' %[2]s/v1/exports

Control-C ends it.
`, what, url, tenant, where, c.Tokens[string(auth.Read)], c.Tokens[string(auth.Ingest)], to.Receiver, c.Tokens[string(auth.Admin)], c.Tokens[string(auth.Stream)],
		c.ClientSecret, account, clientID, s.hub(c).look(url), exportsIn(dir))
	if err != nil {
		return fmt.Errorf("print how to look: %w", err)
	}
	return nil
}

// look says how to listen to the hub, "" when there is nobody to sign in.
func (h hub) look(url string) string {
	if len(h.Users) == 0 || len(h.Queues) == 0 {
		return ""
	}
	u := h.Users[len(h.Users)-1]
	return fmt.Sprintf("Users, queues and call lists at the hub (SignalR), by the sample client:\n  TRUNKLINE_SECRET=%s trunkline tail hub --url %s --user %s %s:QueueStatus %s:UserStatus\n",
		u.Secret, url, u.Login, h.Queues[0].ID, h.Users[0].ID)
}
