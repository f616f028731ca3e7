package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline/nearest"
)

// Sources are the systems that are attached.
type Sources struct {
	Asterisk   []Asterisk   `yaml:"asterisk" doc:"PBXs whose manager interface (AMI) is read; docs/asterisk.md has the lines of manager.conf that go with it."`
	FreeSWITCH []FreeSWITCH `yaml:"freeswitch" doc:"Switches whose event socket is read; docs/freeswitch.md has the lines of event_socket.conf.xml that go with it."`
	QueueLog   []QueueLog   `yaml:"queue_log" doc:"Files queue_log of PBXs whose manager interface cannot be had."`
	Expected   []Expected   `yaml:"expected" doc:"Sources that send to POST /v1/events and whose silence is to be noticed. Others are watched when they promise in source.up to be heard (silence_ms), or by floor.source_silence."`
}

// Recognition says who is who.
type Recognition struct {
	Agents       []string `yaml:"agents" doc:"Agents' ids by the name that the system has for them, as name=id: PJSIP/1001=4711 for a member of a queue in Asterisk, 1001@default=4711 for an agent of mod_callcenter, Alice=4711 for a name in queue_log that members does not have. Whoever is not named keeps the usual id: the interface without its technology, 1001 for PJSIP/1001; the name of the agent."`
	AgentPattern string   `yaml:"agent_pattern" doc:"Regular expression whose first group is the id of those who are not named in agents: '^Local/(\\d+)@' where members are Local/1001@from-queue/n. Who does not match keeps the usual id."`
}

// Insiders are devices of the centre that are no agents'.
type Insiders struct {
	Inside []string `yaml:"inside" doc:"Devices inside the centre that are no agent's, such as PJSIP/2* or sofia/internal/2*; * is any text. Their calls are internal or go out; those of other devices that are no agent's come in."`
}

// Secret is how a system lets Trunkline in.
type Secret struct {
	Secret     string `yaml:"secret" secret:"true" doc:"The secret (Asterisk) or password (FreeSWITCH) itself. Better give one of the two below, so that it does not stand in this file. It is shown nowhere."`
	SecretEnv  string `yaml:"secret_env" doc:"Environment variable that holds it."`
	SecretFile string `yaml:"secret_file" example:"/etc/trunkline/pbx1.secret" doc:"File that holds it. It is read at every login, so that it can be changed without a restart."`
}

// SourceTLS is Trunkline's side of a connection with TLS.
type SourceTLS struct {
	Enabled    bool   `yaml:"enabled" default:"false" doc:"Connect with TLS, 1.2 or newer: tlsenable in manager.conf; for FreeSWITCH a tunnel, which has no TLS itself."`
	CA         string `yaml:"ca" doc:"File with the authorities that may have signed the system's certificate, PEM. Empty: those of this machine."`
	ServerName string `yaml:"server_name" doc:"Name that the certificate must have. Empty: the host of address."`
	Cert       string `yaml:"cert" doc:"File with a certificate that Trunkline shows, PEM; with key."`
	Key        string `yaml:"key" doc:"File with its private key, PEM."`
}

// Link is how a connection is kept.
type Link struct {
	Silence      Duration `yaml:"silence" default:"2m" min:"10s" max:"168h" doc:"After how long without a word from it the log says that the source is down (source.down, silence), also when the process that reads it has died. A system without calls is given a sign of life before, as long as it answers."`
	Ping         Duration `yaml:"ping" default:"10s" min:"1s" max:"10m" doc:"How often the system is asked whether it is there."`
	DeadAfter    Duration `yaml:"dead_after" default:"30s" min:"2s" max:"1h" doc:"A connection that gave nothing at all for so long is dead: source.down, and a new one. Longer than ping, not longer than silence."`
	LoginTimeout Duration `yaml:"login_timeout" default:"15s" min:"1s" max:"10m" doc:"How long the way from the dial to a working connection may take."`
	RetryMin     Duration `yaml:"retry_min" default:"500ms" min:"10ms" max:"10m" doc:"Bound of the random pause before the next connection; doubled with each failure."`
	RetryMax     Duration `yaml:"retry_max" default:"30s" min:"100ms" max:"1h" doc:"What that bound does not go beyond. After a refused login the pause is half of this at least."`
	Spool        int      `yaml:"spool" default:"20000" min:"100" max:"1000000" doc:"Facts that may wait while the log takes none. Beyond that nothing more is read from the system."`
}

// Asterisk is one PBX.
type Asterisk struct {
	Name    string `yaml:"name" example:"pbx1" doc:"1 to 64 letters, digits, '.', '_' and '-'; no two sources share one. It is part of the source and of all ids of its events, asterisk/pbx1: another name makes other calls of the same ones. It need not be the systemname of the PBX."`
	Tenant  string `yaml:"tenant" example:"acmecorp01" doc:"Whose calls they are. A tenant may have several sources."`
	Address string `yaml:"address" example:"10.0.0.5:5038" doc:"Host and port of the manager interface."`
	User    string `yaml:"user" example:"trunkline" doc:"The section of manager.conf."`
	Secret
	TLS SourceTLS `yaml:"tls" doc:"TLS on the connection."`
	Recognition
	Insiders
	Link
	Filter bool `yaml:"filter" default:"true" doc:"Ask the PBX for the classes of events alone that say something, and add filters where the user may."`
}

// FreeSWITCH is one switch.
type FreeSWITCH struct {
	Name    string `yaml:"name" example:"switch1" doc:"1 to 64 letters, digits, '.', '_' and '-'; no two sources share one. It is the source of its events, freeswitch/switch1, and need not be the switchname."`
	Tenant  string `yaml:"tenant" example:"acmecorp01" doc:"Whose calls they are. A tenant may have several sources."`
	Address string `yaml:"address" example:"10.0.0.6:8021" doc:"Host and port of the event socket."`
	Secret
	TLS SourceTLS `yaml:"tls" doc:"TLS on the connection."`
	Recognition
	Insiders
	Poll Duration `yaml:"poll" default:"1m" min:"5s" max:"1h" doc:"How often the lists of queues, agents, tiers and channels are asked for again: FreeSWITCH sends no event when an agent or a tier is deleted."`
	Link
}

// QueueLog is one file.
type QueueLog struct {
	Name    string   `yaml:"name" example:"pbx2" doc:"1 to 64 letters, digits, '.', '_' and '-'; no two sources share one. It is part of the source and of all ids of its events, asterisk/pbx2."`
	Tenant  string   `yaml:"tenant" example:"acmecorp01" doc:"Whose calls they are. A tenant may have several sources."`
	File    string   `yaml:"file" example:"/var/log/asterisk/queue_log" doc:"The file. It is followed through rotation."`
	State   string   `yaml:"state" doc:"File that keeps how far it was read. Empty: sources/<name>.json in log.dir."`
	Start   string   `yaml:"start" default:"end" oneof:"end,begin" doc:"Where the first reading begins, when there is no state yet."`
	Members []string `yaml:"members" example:"Alice=PJSIP/1001" doc:"Interfaces of members by their name, as name=interface, as queues.conf has them: calls name the member, changes of membership the interface. Without it an agent's id is the name."`
	Recognition
	Linger  Duration `yaml:"linger" default:"30s" min:"1s" max:"1h" doc:"How long a caller who left a queue may take to enter another one as the same call."`
	Poll    Duration `yaml:"poll" default:"1s" min:"100ms" max:"1m" doc:"How often the file is looked at."`
	Silence Duration `yaml:"silence" default:"2m" min:"10s" max:"168h" doc:"After how long without a word from its follower the log says that the source is down. A file that has nothing new is no silence."`
}

// Expected is a source that is not attached but sends.
type Expected struct {
	Source  string   `yaml:"source" example:"/crm/chat" doc:"The source attribute of its events."`
	Tenant  string   `yaml:"tenant" example:"acmecorp01" doc:"Whose it is."`
	Silence Duration `yaml:"silence" default:"2m" min:"1s" max:"168h" doc:"After how long without an event it is down (source.down, silence), until the next one; counted from its first. It goes before what the source promises itself."`
}

// AgentIDs gives the ids by name, and the pattern, nil for none. The configuration has been checked.
func (r Recognition) AgentIDs() (ids map[string]string, pattern *regexp.Regexp) {
	if r.AgentPattern != "" {
		pattern = regexp.MustCompile(r.AgentPattern)
	}
	return pairs(r.Agents), pattern
}

// Interfaces gives the interfaces of members by name.
func (q QueueLog) Interfaces() map[string]string { return pairs(q.Members) }

// Attached is how many systems are attached.
func (s Sources) Attached() int { return len(s.Asterisk) + len(s.FreeSWITCH) + len(s.QueueLog) }

// SourceSilence gives the bounds of the expected sources of a tenant.
func (s Sources) SourceSilence(tenant string) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, e := range s.Expected {
		if e.Tenant == tenant {
			out[e.Source] = e.Silence.Std()
		}
	}
	return out
}

// pair reads name=value. The name may hold an equals sign, the value may not.
func pair(entry string) (name, value string, ok bool) {
	at := strings.LastIndexByte(entry, '=')
	if at < 0 {
		return "", "", false
	}
	name, value = strings.TrimSpace(entry[:at]), strings.TrimSpace(entry[at+1:])
	return name, value, name != "" && value != ""
}

func pairs(entries []string) map[string]string {
	if len(entries) == 0 {
		return nil
	}
	out := make(map[string]string, len(entries))
	for _, e := range entries {
		if name, value, ok := pair(e); ok {
			out[name] = value
		}
	}
	return out
}

// secretEnvs lists the environment variables that hold secrets of sources.
func (s *Sources) secretEnvs() []string {
	var out []string
	for _, a := range s.Asterisk {
		out = append(out, a.SecretEnv)
	}
	for _, f := range s.FreeSWITCH {
		out = append(out, f.SecretEnv)
	}
	return out
}

// tenantIDs lists the tenants of the configuration.
func (c *Config) tenantIDs() []string {
	out := make([]string, 0, len(c.Tenants))
	for _, t := range c.Tenants {
		out = append(out, t.ID)
	}
	return out
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// sources checks what only makes sense together.
func (l *loader) sources(c *Config) {
	tenants := c.tenantIDs()
	used := map[string]string{}
	for i := range c.Sources.Asterisk {
		a, path := &c.Sources.Asterisk[i], fmt.Sprintf("sources.asterisk[%d]", i)
		l.names(a.Name, a.Tenant, path, tenants, used)
		l.reached(a.Address, &a.Secret, &a.TLS, path)
		if a.User == "" || strings.ContainsAny(a.User, "\r\n") {
			l.refuse(path+".user", "the user of manager.conf is needed, on one line")
		}
		l.link(&a.Link, path)
		l.recognition(&a.Recognition, path)
	}
	for i := range c.Sources.FreeSWITCH {
		f, path := &c.Sources.FreeSWITCH[i], fmt.Sprintf("sources.freeswitch[%d]", i)
		l.names(f.Name, f.Tenant, path, tenants, used)
		l.reached(f.Address, &f.Secret, &f.TLS, path)
		l.link(&f.Link, path)
		l.recognition(&f.Recognition, path)
	}
	files := map[string]bool{}
	for i := range c.Sources.QueueLog {
		q, path := &c.Sources.QueueLog[i], fmt.Sprintf("sources.queue_log[%d]", i)
		l.names(q.Name, q.Tenant, path, tenants, used)
		if q.File == "" {
			l.refuse(path+".file", "the file is needed, as in /var/log/asterisk/queue_log")
		}
		if q.State != "" && files[q.State] {
			l.refuse(path+".state", "the file %q keeps the state of two sources", q.State)
		}
		files[q.State] = true
		l.pairs(q.Members, path+".members", "name=interface, as in Alice=PJSIP/1001")
		l.recognition(&q.Recognition, path)
	}
	expected := map[[2]string]bool{}
	for i, e := range c.Sources.Expected {
		path := fmt.Sprintf("sources.expected[%d]", i)
		if e.Source == "" {
			l.refuse(path+".source", "the source attribute of its events is needed")
		}
		if key := [2]string{e.Tenant, e.Source}; expected[key] {
			l.refuse(path+".source", "the source %q of %q is named twice", e.Source, e.Tenant)
		} else {
			expected[key] = true
		}
		l.tenantOf(e.Tenant, path, tenants)
	}
}

// names checks that ids of two sources cannot meet.
func (l *loader) names(name, tenant, path string, tenants []string, used map[string]string) {
	switch before, twice := used[name]; {
	case !sourceName.MatchString(name):
		l.refuse(path+".name", "%q is not accepted: 1 to 64 letters, digits, '.', '_' and '-'", name)
	case twice:
		l.refuse(path+".name", "%q is the name of %s too, and two sources of one name would mix up their calls", name, before)
	default:
		used[name] = path
	}
	l.tenantOf(tenant, path, tenants)
}

// reached checks how a system is reached.
func (l *loader) reached(address string, s *Secret, t *SourceTLS, path string) {
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		l.refuse(path+".address", "%q is not accepted: host:port, as in 10.0.0.5:5038", address)
	}
	given := 0
	for _, v := range []string{s.Secret, s.SecretEnv, s.SecretFile} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		l.refuse(path, "exactly one of secret, secret_env and secret_file is needed")
	}
	if strings.ContainsAny(s.Secret, "\r\n") {
		l.refuse(path+".secret", "it must be on one line")
	}
	if (t.Cert == "") != (t.Key == "") {
		l.refuse(path+".tls.cert", "cert and key are given together or not at all")
	}
	if !t.Enabled && (t.CA != "" || t.ServerName != "" || t.Cert != "") {
		l.refuse(path+".tls", "this is of use with TLS alone: give tls.enabled: true too")
	}
}

func (l *loader) link(k *Link, path string) {
	switch {
	case k.DeadAfter <= k.Ping:
		l.refuse(path+".dead_after", "%s is not longer than ping, %s", k.DeadAfter, k.Ping)
	case k.Silence < k.DeadAfter:
		l.refuse(path+".silence", "%s is shorter than dead_after, %s", k.Silence, k.DeadAfter)
	}
	if k.RetryMax < k.RetryMin {
		l.refuse(path+".retry_max", "%s is shorter than retry_min, %s", k.RetryMax, k.RetryMin)
	}
}

func (l *loader) recognition(r *Recognition, path string) {
	l.pairs(r.Agents, path+".agents", "name=id, as in PJSIP/1001=4711")
	if r.AgentPattern == "" {
		return
	}
	switch re, err := regexp.Compile(r.AgentPattern); {
	case err != nil:
		l.refuse(path+".agent_pattern", "%q is no regular expression: %v", r.AgentPattern, err)
	case re.NumSubexp() < 1:
		l.refuse(path+".agent_pattern", "%q has no group: what stands in its first ( ) is the id", r.AgentPattern)
	}
}

// pairs checks entries of the form name=value.
func (l *loader) pairs(entries []string, path, want string) {
	seen := map[string]bool{}
	for _, e := range entries {
		name, _, ok := pair(e)
		switch {
		case !ok:
			l.refuse(path, "%q: an entry is %s", e, want)
		case seen[name]:
			l.refuse(path, "%q is named twice", name)
		}
		seen[name] = true
	}
}

// tenantOf refuses what belongs to a tenant that is not in the configuration.
func (l *loader) tenantOf(tenant, path string, known []string) {
	if slices.Contains(known, tenant) {
		return
	}
	hint := ""
	if near, ok := nearest.Of(tenant, known); ok {
		hint = ", did you mean " + near + "?"
	}
	l.refuse(path+".tenant", "there is no tenant %q among tenants%s", tenant, hint)
}
