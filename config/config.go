// Package config reads the configuration of the server.
//
// Config is the single source of everything that is said about a setting: its key in the file, its environment
// variable, its default, what is accepted, what it means and whether it is secret stand in the tags of its field. The
// loader, the validation, the commented example and docs/configuration.md all read those tags.
//
// Tags: yaml is the key; default is the value as it would stand in the file; doc is one paragraph; min and max bound
// numbers, durations and sizes (both inclusive, for what is not the default); oneof lists what is accepted;
// example is the value in a commented list entry; secret hides the value wherever settings are shown.
//
// A setting is taken from, in this order: the environment (TRUNKLINE_ and the path in capitals, TRUNKLINE_LISTEN_ADDR),
// the file, the default. Lists of tenants and tokens stand in the file alone.
//
// Invariants: a key that is not known is refused with its place and the nearest known one; every complaint names
// where the value came from, the value, and what is accepted; all complaints are given at once; the
// printed example loads to the defaults.
package config

// Config is everything that can be set.
type Config struct {
	Listen        Listen        `yaml:"listen" doc:"Where and how the server listens."`
	Log           Log           `yaml:"log" doc:"The durable event log."`
	Limits        Limits        `yaml:"limits" doc:"What one request may bring. Larger requests are refused with 413, malformed ones with 400."`
	Floor         Floor         `yaml:"floor" doc:"How the live floor is counted: state, outcomes and measures. It applies to all tenants; a tenant's days end at the midnight of its time_zone, as it was when the server started. A change holds for what comes after it."`
	Live          Live          `yaml:"live" doc:"The native live feed and history."`
	Sources       Sources       `yaml:"sources" doc:"Telephony systems that are attached, and what is expected of those that attach themselves. GET /v1/sources tells how they are."`
	Push          Push          `yaml:"push" doc:"The push feed: webhooks in the form of ASAPP's real-time events."`
	Receiver      Receiver      `yaml:"receiver" doc:"The receiver of ASAPP's real-time events."`
	Exports       Exports       `yaml:"exports" doc:"The export feed: tables of windows in buckets, in the layout of ASAPP's batch exports."`
	Measures      Measures      `yaml:"measures" doc:"The measures feed: real-time analytics in the form of Avaya's interface."`
	OAuth         OAuth         `yaml:"oauth" doc:"Signed tokens (JWT) for programs that expect OAuth2: the measures feed takes no others."`
	Clients       []Client      `yaml:"clients" doc:"Programs that may ask for tokens with client credentials. Each needs exactly one of hash, secret_env and secret_file."`
	Stream        Stream        `yaml:"stream" doc:"The tenant stream, in the protocol of the 8x8 Streaming API."`
	Hub           Hub           `yaml:"hub" doc:"The hub feed: users, queues and call lists over SignalR, in the form of Enreach's RTE."`
	Secrets       Secrets       `yaml:"secrets" doc:"What encrypts the secrets that are made at run time and stored with the log: client keys, headers and signing secrets of webhooks, tokens of subscriptions, keys that sign tokens and links."`
	Tenants       []Tenant      `yaml:"tenants" doc:"Tenants that always exist. More can be made at run time with PUT /v1/tenants/{id}."`
	Tokens        []Token       `yaml:"tokens" doc:"Tokens that always exist. More can be made at run time with 'trunkline token create'. Each needs exactly one of hash, secret_env and secret_file."`
	Observability Observability `yaml:"observability" doc:"What the server tells about itself."`
}

// Listen is the edge of the server.
type Listen struct {
	Addr            string   `yaml:"addr" default:"127.0.0.1:8090" doc:"Host and port. The default is reachable from this machine only; use TLS before you open it to others. Port 0 takes a free one."`
	TLS             TLS      `yaml:"tls" doc:"Give cert and key to serve HTTPS, TLS 1.2 or newer."`
	TrustedProxies  []string `yaml:"trusted_proxies" example:"127.0.0.1, 10.1.0.0/16" doc:"Addresses and networks of proxies that set X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host themselves. What they say of their clients counts for the addresses in answers, for the origins of pages, for bad_tokens and in the log. Empty: nobody is believed."`
	HeaderTimeout   Duration `yaml:"header_timeout" default:"10s" min:"100ms" max:"10m" doc:"How long a client may take to send the header of a request."`
	BodyTimeout     Duration `yaml:"body_timeout" default:"1m" min:"100ms" max:"1h" doc:"How long a client may take to send the body of a request."`
	WriteTimeout    Duration `yaml:"write_timeout" default:"2m" min:"1s" max:"1h" doc:"How long answering a request may take. Feeds are not bound by it: they look after slow readers themselves."`
	IdleTimeout     Duration `yaml:"idle_timeout" default:"2m" min:"1s" max:"1h" doc:"How long a connection without a request is kept."`
	HeaderBytes     Size     `yaml:"header_bytes" default:"64KiB" min:"4KiB" max:"1MiB" doc:"The largest header of a request."`
	BadTokens       int      `yaml:"bad_tokens" default:"20" min:"1" max:"1000000" doc:"How many requests with tokens that are not valid an address may send in a row, and then one every 3 seconds; more are answered 429. Good tokens pass always."`
	ShutdownTimeout Duration `yaml:"shutdown_timeout" default:"4s" min:"100ms" max:"5m" doc:"How long requests in flight may take to finish when the server is told to stop; the log is closed after that."`
}

// TLS is the server's side of TLS.
type TLS struct {
	Cert     string `yaml:"cert" doc:"File with the certificate chain, PEM. It is read again when it changes, so a renewal needs no restart."`
	Key      string `yaml:"key" doc:"File with the private key, PEM."`
	ClientCA string `yaml:"client_ca" doc:"File with the authorities of client certificates, PEM. When given, every client must show a certificate. It is read again when it changes."`
}

// Log is the event log.
type Log struct {
	Dir         string    `yaml:"dir" default:"./data" doc:"Directory of the embedded log. Not used with url."`
	URL         string    `yaml:"url" secret:"userinfo" doc:"NATS servers of an existing cluster with JetStream in place of the embedded log, as nats://host:4222,nats://other:4222. Empty: the log is embedded. The keys from creds to node are of use with a cluster alone."`
	Creds       string    `yaml:"creds" doc:"Credentials file of the account that holds the log."`
	SystemURL   string    `yaml:"system_url" secret:"userinfo" doc:"Servers under which the cluster's system account is reached. It alone can say whether an answer follows the sync of the disk; without it answers name their durability as unverified."`
	SystemCreds string    `yaml:"system_creds" doc:"Credentials file of the system account."`
	Replicas    int       `yaml:"replicas" default:"3" min:"1" max:"5" doc:"Copies of each shard in a cluster, 1, 3 or 5: 3 survive the loss of one server, 5 of two."`
	Lease       Duration  `yaml:"lease" default:"5s" min:"1s" max:"1m" doc:"How long a silent node keeps a shard and its exports before another takes them over."`
	Node        string    `yaml:"node" doc:"Name of this process among the others. Empty: the host's name and a random part."`
	Shards      int       `yaml:"shards" default:"1" min:"1" max:"256" doc:"How many shards the tenants are spread over. Fixed when the log is made."`
	Retention   Retention `yaml:"retention" doc:"How long events are kept. Whichever bound is reached first trims the oldest."`
	TenantBytes Size      `yaml:"tenant_bytes" default:"0B" min:"1MiB" max:"1PiB" doc:"How much one tenant may keep, in bytes of events before compression; more is refused with 429, so that a noisy tenant does not push out the history of a quiet one. 0B: three quarters of retention.bytes. A tenant's own log_bytes goes before."`
	DiskReserve Size      `yaml:"disk_reserve" default:"256MiB" min:"16MiB" max:"1TiB" doc:"Free space that the embedded log leaves on its disk: appends are refused with 503 below it, reading goes on."`
	Commit      Commit    `yaml:"commit" doc:"How appends are gathered into commits. A commit is one write and one fsync."`
	Duplicates  Window    `yaml:"duplicates" doc:"How far back an event with the same source and id is recognised and dropped."`
	Cache       Size      `yaml:"cache" default:"32MiB" min:"1MiB" max:"16GiB" doc:"Recent commits kept in memory for readers, per shard."`
	Tick        Duration  `yaml:"tick" default:"1m" min:"100ms" max:"15m" doc:"The log notes each such boundary that passes while nothing is appended, so that days end and windows close for silent tenants."`
}

// Retention bounds the log.
type Retention struct {
	Age   Duration `yaml:"age" default:"72h" min:"1m" max:"8760h" doc:"How long an event is kept."`
	Bytes Size     `yaml:"bytes" default:"20GiB" min:"16MiB" max:"1PiB" doc:"How large the store may grow."`
}

// Commit bounds one commit.
type Commit struct {
	Delay   Duration `yaml:"delay" default:"2ms" min:"10µs" max:"100ms" doc:"How long a commit may wait for company at most, while the one before it is being synced. When the log is idle it does not wait."`
	Events  int      `yaml:"events" default:"2048" min:"1" max:"65536" doc:"Events in one commit."`
	Pending Size     `yaml:"pending" default:"64MiB" min:"1MiB" max:"4GiB" doc:"Events that wait to be committed, per shard; more is refused with 429."`
}

// Window bounds the memory for duplicates.
type Window struct {
	Age    Duration `yaml:"age" default:"0s" min:"1s" max:"8760h" doc:"How long an identity is remembered. 0s: as long as retention.age."`
	Events int      `yaml:"events" default:"5000000" min:"1000" max:"200000000" doc:"How many identities are remembered, per shard; each takes some 20 bytes of memory."`
}

// Limits bounds what a request may bring.
type Limits struct {
	EventBytes  Size `yaml:"event_bytes" default:"256KiB" min:"1KiB" max:"1MiB" doc:"One event."`
	BatchBytes  Size `yaml:"batch_bytes" default:"8MiB" min:"1KiB" max:"64MiB" doc:"The body of one request, after decompression."`
	BatchEvents int  `yaml:"batch_events" default:"10000" min:"1" max:"100000" doc:"Events in one request."`
	Depth       int  `yaml:"depth" default:"64" min:"2" max:"256" doc:"Nesting of objects and arrays within an event."`
}

// Live is the native feed.
type Live struct {
	Heartbeat  Duration `yaml:"heartbeat" default:"15s" min:"1s" max:"5m" doc:"How often a quiet connection is given a sign of life. A WebSocket that has answered none of them for four times as long, at least a minute, is closed."`
	QueueBytes Size     `yaml:"queue_bytes" default:"1MiB" min:"64KiB" max:"64MiB" doc:"What may wait for one connection. A slower reader leaves the live fan-out and reads the log at its own pace."`
	PageEvents int      `yaml:"page_events" default:"1000" min:"1" max:"10000" doc:"Events in one page of GET /v1/events when the request names no limit; it may ask for up to 10,000."`
	Origins    []string `yaml:"origins" example:"https://wallboard.example.com" doc:"Origins of browser pages of other hosts that may open a WebSocket. Empty: pages of this server only."`
}

// Stream is the tenant stream.
type Stream struct {
	Heartbeat  Duration `yaml:"heartbeat" default:"30s" min:"1s" max:"3m" doc:"How often a connection gets a ClientCheck. Old clients give up after 210 seconds of silence."`
	Validity   Duration `yaml:"validity" default:"1h" min:"10s" max:"8760h" doc:"How long a connection lasts; then it is closed with 4000 and the client connects again."`
	Cache      Duration `yaml:"cache" default:"2h" min:"1m" max:"8760h" doc:"How long the place of a subscription that is not connected is kept. It gets what it missed as far as log.retention reaches."`
	Connected  int      `yaml:"connected" default:"3" min:"1" max:"10000" doc:"Subscriptions of one tenant that may be connected, to all nodes together."`
	QueueBytes Size     `yaml:"queue_bytes" default:"1MiB" min:"64KiB" max:"64MiB" doc:"What may wait for one connection. A slower reader leaves the live fan-out and reads the log at its own pace."`
	Origins    []string `yaml:"origins" example:"https://wallboard.example.com" doc:"Origins of browser pages of other hosts that may open a WebSocket. Empty: pages of this server only."`
}

// Tenant is a tenant of the configuration.
type Tenant struct {
	ID        string `yaml:"id" example:"acmecorp01" doc:"1 to 64 lower-case letters, digits, '-' and '_'."`
	Name      string `yaml:"name" example:"Acme Corporation" doc:"For people."`
	TimeZone  string `yaml:"time_zone" default:"UTC" example:"Europe/Berlin" doc:"IANA name; the tenant's days end at its midnight."`
	Directory string `yaml:"directory" doc:"File that declares agents, queues, users, groups and channels of the tenant, in the form in which /v1/directory has them (docs/directory.md). Empty: none; they come from sources and from the API."`
	LogBytes  Size   `yaml:"log_bytes" default:"0B" min:"1MiB" max:"1PiB" example:"2GiB" doc:"The tenant's own quota in place of log.tenant_bytes. 0B: that one."`
	GUID      string `yaml:"guid" example:"29f6e823-b484-e611-80c9-00505689257e" doc:"What the hub feed calls the organisation. Empty: a UUID version 5 of the id."`
	Account   string `yaml:"account" example:"EZCLTR" doc:"What the measures feed calls the tenant, in addresses and messages; six letters at the vendor. Empty: the id."`
}

// Token is a token of the configuration.
type Token struct {
	ID         string   `yaml:"id" example:"wallboard" doc:"1 to 32 lower-case letters, digits and '-'; part of the token's text tl_<id>_<secret>."`
	Tenant     string   `yaml:"tenant" example:"acmecorp01" doc:"Whose it is. '*' is the operator, who administers all tenants."`
	Scopes     []string `yaml:"scopes" oneof:"ingest,read,stream,admin" example:"read, stream" doc:"What it allows: ingest, read, stream, admin. None implies another. The operator's tokens have admin alone."`
	Name       string   `yaml:"name" example:"the wallboard in the hall" doc:"What it is for."`
	Expires    string   `yaml:"expires" example:"2027-03-31" doc:"When it ends: a day, at whose end in UTC it does, or a moment such as 2027-03-31T18:00:00Z. Then it is answered 401 and its connections are closed. Empty: never."`
	Hash       string   `yaml:"hash" secret:"true" doc:"sha256: and the hexadecimal SHA-256 of the whole text, as 'trunkline token generate' prints it."`
	SecretEnv  string   `yaml:"secret_env" example:"WALLBOARD_TOKEN" doc:"Environment variable that holds the whole text."`
	SecretFile string   `yaml:"secret_file" doc:"File that holds the whole text."`
}

// Observability is logs and metrics.
type Observability struct {
	LogLevel  string `yaml:"log_level" default:"info" oneof:"debug,info,warn,error" doc:"The least important messages that are logged. debug logs every request."`
	LogFormat string `yaml:"log_format" default:"text" oneof:"text,json" doc:"How they are written, to standard error."`
	Metrics   string `yaml:"metrics" default:"public" oneof:"public,operator,off" doc:"Who may read /metrics: everybody who reaches the listener, the operator with a token, nobody."`
}
