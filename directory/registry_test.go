package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/directory"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/eventlog/writer"
	"trunkline/floor"
	"trunkline/floor/follow"
)

// office is a registry on a real log, with its HTTP interface.
type office struct {
	t     *testing.T
	log   *eventlog.Log
	state *follow.Floor
	kv    *control.Memory
	reg   *directory.Registry
	mux   *http.ServeMux
	url   string
}

func openOffice(t *testing.T, declared ...*directory.Declaration) *office {
	t.Helper()
	o := &office{t: t, kv: control.NewMemory()}
	log, err := eventlog.Open(t.Context(), eventlog.Config{Dir: t.TempDir(), NoSync: true,
		Fold: func(int) writer.Fold { return floor.NewFold(floor.Options{}) }})
	if err != nil {
		t.Fatal(err)
	}
	o.log, o.state = log, follow.New(log, floor.Options{})
	t.Cleanup(func() {
		o.reg.Close()
		o.state.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := log.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := log.WaitWritable(t.Context()); err != nil {
		t.Fatal(err)
	}
	for o.state.View("acme", func(follow.View) {}) != nil {
		time.Sleep(time.Millisecond) // until what was in the log has been folded
	}
	o.reopen(declared...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		p := &auth.Principal{TokenID: "t1", Tenant: req.Header.Get("X-Tenant"), Scopes: []auth.Scope{auth.Admin, auth.Read}}
		o.mux.ServeHTTP(w, req.WithContext(auth.With(req.Context(), p)))
	}))
	t.Cleanup(srv.Close)
	o.url = srv.URL
	return o
}

// reopen is a restart with other declarations.
func (o *office) reopen(declared ...*directory.Declaration) {
	o.t.Helper()
	if o.reg != nil {
		o.reg.Close()
	}
	reg, err := directory.OpenRegistry(o.t.Context(), o.kv, o.state, o.log, declared)
	if err != nil {
		o.t.Fatal(err)
	}
	o.reg, o.mux = reg, http.NewServeMux()
	for _, r := range directory.NewEntityAPI(reg).Routes() {
		o.mux.Handle(r.Pattern, r.Handler)
	}
	if err := reg.Declare(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

// ask sends a request; headers are name, value, …
func (o *office) ask(method, path, tenant, body string, headers ...string) (int, http.Header, string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.url+"/v1/directory/"+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("X-Tenant", tenant)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(text))
}

func (o *office) want(what string, got, want any) {
	o.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		o.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// said lists what the directory has said in a tenant's log.
func (o *office) said(tenant string) (out []string) {
	o.t.Helper()
	err := o.log.Read(o.t.Context(), tenant, eventlog.Cursor{}, func(b *eventlog.Batch) (bool, error) {
		for i := range b.Records {
			e, err := event.Parse(b.Records[i].Raw, event.DefaultLimits())
			if err != nil || e.Source != directory.Source {
				continue
			}
			var d struct {
				Data struct{ Change string }
			}
			if err := json.Unmarshal(e.Raw, &d); err != nil {
				return false, err
			}
			out = append(out, strings.TrimSpace(e.Type+" "+e.Subject+" "+d.Data.Change))
		}
		return true, nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

func TestAgentsAreFacts(t *testing.T) {
	o := openOffice(t)
	status, h, body := o.ask("PUT", "agents/7", "acme", `{"name":"Anna","login":"anna","groups":["g1"],"slots":{"chat":2},
		"skills":[{"id":"fi","level":3}],"queues":[{"id":"sales","priority":2},{"id":"help"}]}`, "If-None-Match", "*")
	o.want("created", status, 201)
	guid := event.GUID("acme", event.EntityAgent, "7")
	o.want("answer", body, `{"id":"7","guid":"`+guid+`","login":"anna","name":"Anna","groups":["g1"],"slots":{"chat":2},"skills":[{"id":"fi","level":3}],"queues":[{"id":"sales","priority":2},{"id":"help"}]}`)
	tag := h.Get("ETag")
	o.want("facts", strings.Join(o.said("acme"), ", "), "agent.provisioned agent/7 created, agent.provisioned agent/7 skill_added, "+
		"agent.provisioned agent/7 queue_added, agent.provisioned agent/7 queue_added")

	status, h, again := o.ask("GET", "agents/7", "acme", "")
	o.want("read", fmt.Sprint(status, again == body, h.Get("ETag") == tag), "200 true true")
	status, _, _ = o.ask("GET", "agents/7", "acme", "", "If-None-Match", tag)
	o.want("not modified", status, 304)
	status, _, _ = o.ask("PUT", "agents/7", "acme", body, "If-Match", tag)
	o.want("the same again", fmt.Sprint(status, len(o.said("acme"))), "200 4")

	status, _, body = o.ask("PUT", "agents/7", "acme", `{"name":"Anna B","queues":[{"id":"help","active":false}],"skills":[{"id":"fi","level":4}],"disabled":true}`, "If-Match", tag)
	o.want("changed", status, 200)
	o.want("answer", body, `{"id":"7","guid":"`+guid+`","name":"Anna B","skills":[{"id":"fi","level":4}],"queues":[{"id":"help","active":false}],"disabled":true}`)
	o.want("one fact a change", strings.Join(o.said("acme")[4:], ", "), "agent.provisioned agent/7 updated, agent.provisioned agent/7 disabled, "+
		"agent.provisioned agent/7 skill_changed, agent.provisioned agent/7 queue_changed, agent.provisioned agent/7 queue_removed")
	status, _, _ = o.ask("PUT", "agents/7", "acme", `{}`, "If-Match", tag)
	o.want("an old tag", status, 412)
	status, _, _ = o.ask("DELETE", "agents/7", "acme", "", "If-Match", tag)
	o.want("an old tag", status, 412)
	status, _, _ = o.ask("DELETE", "agents/7", "acme", "")
	o.want("deleted", status, 204)
	status, _, body = o.ask("GET", "agents/7", "acme", "")
	o.want("gone", fmt.Sprint(status, strings.Contains(body, "no-agent")), "404 true")
	status, _, _ = o.ask("DELETE", "agents/7", "acme", "")
	o.want("gone", status, 404)
}

func TestQueuesAreFacts(t *testing.T) {
	o := openOffice(t)
	status, _, body := o.ask("PUT", "queues/sales", "acme", `{"name":"Sales","media":"phone","zone":"Europe/Helsinki",
		"hours":[{"day":"mon","from":"08:00","to":"16:00"}],"holidays":[{"date":"2026-12-06"}],"caps":{"size":10},"wrapup_limit_ms":30000}`)
	o.want("created", fmt.Sprint(status, strings.Contains(body, `"caps":{"size":10}`), strings.Contains(body, `"queue":`)), "201 true false")
	_, _, same := o.ask("PUT", "queues/sales", "acme", body)
	o.want("what was read can be written", fmt.Sprint(same == body, o.said("acme")), "true [queue.configured queue/sales]")
	status, _, _ = o.ask("DELETE", "queues/sales", "acme", "")
	o.want("deleted", status, 204)
	status, _, _ = o.ask("GET", "queues/sales", "acme", "")
	o.want("gone", status, 404)
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	o := openOffice(t)
	long := strings.Repeat("x", 501)
	for _, c := range []struct{ path, body, want string }{
		{"agents/1", `{"nam":"x"}`, "nam"},
		{"agents/1", `{"id":"2"}`, `the body names \"2\"`},
		{"agents/1", `{"guid":"X"}`, "guid"},
		{"agents/1", `{"name":"` + long + `"}`, "501 bytes"},
		{"agents/1", `{"queues":[{"id":"a"},{"id":"a"}]}`, "queues[1].id"},
		{"agents/1", `{"slots":{"fax":1}}`, "slots"},
		{"agents/1", `{"slots":{"chat":1001}}`, "slots.chat"},
		{"agents/1", `{"skills":[{"id":""}]}`, "skills[0].id"},
		{"queues/1", `{"hours":[{"day":"mon","from":"8:00","to":"16:00"}]}`, "8:00"},
		{"queues/1", `{"zone":"Europe/Helsinkii"}`, "Helsinkii"},
		{"queues/1", `{"caps":{"size":-1}}`, "negative"},
		{"queues/1", `{"media":"fax"}`, "media"},
		{"queues/1", `{"removed":true}`, "DELETE"},
		{"users/1", `{"role":"boss"}`, "agent, supervisor or admin"},
		{"users/1", `{"role":"agent"}`, "agent"},
		{"users/1", `{"role":"admin","login":"a:b"}`, "colons"},
		{"users/.x", `{"role":"admin"}`, "id"},
		{"channels/1", `{"media":"fax"}`, "media"},
		{"groups/1", `{"name":"` + long + `"}`, "501 bytes"},
		{"groups/1", `[]`, "JSON"},
	} {
		status, _, body := o.ask("PUT", c.path, "acme", c.body)
		if status != 422 || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s, want 422 with %q", c.path, c.body, status, body, c.want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?limit=x", "?x=1", "?after=a&after=b"} {
		if status, _, body := o.ask("GET", "agents"+query, "acme", ""); status != 400 {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, _, _ := o.ask("PUT", "groups/1", "acme", `{"name":"`+strings.Repeat("x", 70<<10)+`"}`); status != 413 {
		t.Errorf("a body over the limit: %d", status)
	}
	if got := o.said("acme"); len(got) > 0 {
		t.Errorf("said %v", got)
	}
}

func TestUsersSignIn(t *testing.T) {
	o := openOffice(t)
	status, _, body := o.ask("PUT", "users/anna", "acme", `{"role":"supervisor","login":"anna@acme.example","supervises":["g1"],"agent":"boss"}`)
	var made struct {
		Secret string
		User   directory.User
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || len(made.Secret) < 26 {
		t.Fatal(status, body, err)
	}
	for _, name := range []string{"anna", "anna@acme.example", made.User.GUID} {
		u, tenant, ok := o.reg.SignIn(name, made.Secret)
		o.want(name, fmt.Sprint(u.ID, " ", tenant, " ", ok), "anna acme true")
	}
	for name, secret := range map[string]string{"anna": made.Secret + "x", "anne": made.Secret, "": ""} {
		_, _, ok := o.reg.SignIn(name, secret)
		o.want(name+" "+secret, ok, false)
	}
	_, _, body = o.ask("GET", "users/anna", "acme", "")
	o.want("secrets are not shown", strings.Contains(body, "ecret") || strings.Contains(body, "hash"), false)
	_, _, body = o.ask("PUT", "users/anna", "acme", `{"role":"admin"}`)
	o.want("a change makes no secret", strings.Contains(body, "secret"), false)
	_, _, ok := o.reg.SignIn("anna@acme.example", made.Secret)
	o.want("an old login", ok, false)
	_, _, ok = o.reg.SignIn("anna", made.Secret)
	o.want("the secret stays", ok, true)

	_, _, body = o.ask("POST", "users/anna/secret", "acme", "")
	var other struct{ Secret string }
	if err := json.Unmarshal([]byte(body), &other); err != nil {
		t.Fatal(err)
	}
	_, _, old := o.reg.SignIn("anna", made.Secret)
	_, _, ok = o.reg.SignIn("anna", other.Secret)
	o.want("rotated", fmt.Sprint(old, ok), "false true")
	status, _, _ = o.ask("PUT", "users/x", "globex", `{"role":"admin","login":"anna"}`)
	o.want("a login of another tenant's user", status, 409)
	o.ask("PUT", "users/anna", "acme", `{"role":"admin","disabled":true}`)
	_, _, ok = o.reg.SignIn("anna", other.Secret)
	o.want("disabled", ok, false)
	status, _, _ = o.ask("DELETE", "users/anna", "acme", "")
	o.want("deleted", status, 204)
	o.want("told", strings.Join(o.said("acme"), ", "), "directory.changed user/anna created, directory.changed user/anna updated, "+
		"directory.changed user/anna updated, directory.changed user/anna updated, directory.changed user/anna deleted")
}

func TestWhoSeesWhat(t *testing.T) {
	o := openOffice(t)
	for id, body := range map[string]string{
		"a": `{"groups":["g1"],"queues":[{"id":"q1"}]}`, "b": `{"groups":["g2"],"queues":[{"id":"q2"}]}`,
		"c": `{"supervisors":["boss"],"queues":[{"id":"q3"}]}`, "boss": `{}`,
	} {
		o.ask("PUT", "agents/"+id, "acme", body)
	}
	sees := func(u directory.User) string {
		s := o.reg.Sees("acme", u)
		agents, queues := "", ""
		for _, id := range []string{"a", "b", "c", "boss"} {
			if s.Agents[id] {
				agents += id + " "
			}
		}
		for _, id := range []string{"q1", "q2", "q3"} {
			if s.Queues[id] {
				queues += id + " "
			}
		}
		return fmt.Sprintf("%v %s/ %s", s.All, agents, queues)
	}
	o.want("agent", sees(directory.User{Role: "agent", Agent: "a", Supervises: []string{"g2"}}), "false a / q1 ")
	o.want("supervisor", sees(directory.User{Role: "supervisor", Agent: "boss", Supervises: []string{"g2"}}), "false b c boss / q2 q3 ")
	o.want("admin", sees(directory.User{Role: "admin"}), "true / ")
	o.want("disabled", sees(directory.User{Role: "agent", Agent: "a", Disabled: true}), "false / ")
}

func TestGUIDsLeadBack(t *testing.T) {
	o := openOffice(t)
	own := "6b1f4a52-0a6f-4d0e-9f5e-0e4a3a2d7c11"
	o.ask("PUT", "agents/a", "acme", `{"guid":"`+own+`"}`)
	o.ask("PUT", "queues/q", "acme", `{}`)
	o.ask("PUT", "groups/g", "acme", `{}`)
	o.ask("PUT", "channels/c", "acme", `{}`)
	for _, r := range []directory.Ref{{Kind: "agent", ID: "a"}, {Kind: "queue", ID: "q"}, {Kind: "group", ID: "g"}, {Kind: "channel", ID: "c"}} {
		guid := o.reg.GUID("acme", r)
		back, ok := o.reg.Resolve("acme", guid)
		o.want(guid, fmt.Sprint(back, ok), fmt.Sprint(r, true))
		_, ok = o.reg.Resolve("globex", guid)
		o.want("another tenant's", ok, false)
	}
	o.want("given", o.reg.GUID("acme", directory.Ref{Kind: "agent", ID: "a"}), own)
	o.ask("PUT", "agents/a", "acme", `{}`)
	_, ok := o.reg.Resolve("acme", own)
	o.want("taken back", ok, false)
	o.want("nobody", o.reg.GUID("acme", directory.Ref{Kind: "agent", ID: "none"}), event.GUID("acme", event.EntityAgent, "none"))
}

func TestTenantsHaveTheirOwn(t *testing.T) {
	o := openOffice(t)
	for i := range 5 {
		o.ask("PUT", fmt.Sprintf("agents/%d", i), "acme", `{}`)
		o.ask("PUT", fmt.Sprintf("groups/%d", i), "acme", `{}`)
	}
	for _, kind := range []string{"agents", "groups"} {
		_, _, body := o.ask("GET", kind, "globex", "")
		o.want(kind, body, `{"`+kind+`":[]}`)
		var first, second struct {
			Agents, Groups []struct{ ID string }
			Next           string
		}
		_, _, body = o.ask("GET", kind+"?limit=3", "acme", "")
		if err := json.Unmarshal([]byte(body), &first); err != nil {
			t.Fatal(err)
		}
		_, _, body = o.ask("GET", kind+"?limit=3&after="+first.Next, "acme", "")
		if err := json.Unmarshal([]byte(body), &second); err != nil {
			t.Fatal(err)
		}
		o.want(kind, fmt.Sprint(first, second), map[string]string{
			"agents": "{[{0} {1} {2}] [] 2} {[{3} {4}] [] }", "groups": "{[] [{0} {1} {2}] 2} {[] [{3} {4}] }"}[kind])
		status, _, _ := o.ask("GET", kind+"/1", "globex", "")
		o.want("another tenant's", status, 404)
		status, _, _ = o.ask("GET", kind+"?tenant=acme", "globex", "")
		o.want("another tenant's", status, 403)
	}
}

func TestDeclarations(t *testing.T) {
	secret := "a secret of some length"
	t.Setenv("ANNA", secret)
	text := `
agents:
  - {id: '7', name: Anna, queues: [{id: sales, priority: 2}]}
queues:
  - id: sales
    name: Sales
    zone: Europe/Helsinki
    hours: [{day: mon, from: '08:00', to: '16:00'}]
users:
  - {id: anna, role: agent, agent: '7', secret_env: ANNA}
groups: [{id: g, name: The group}]
channels: [{id: web, media: chat}]
`
	d, err := directory.ParseDeclaration("acme", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := openOffice(t, d)
	first := o.said("acme")
	o.want("facts", first, "[queue.configured queue/sales agent.provisioned agent/7 created agent.provisioned agent/7 queue_added]")
	_, _, body := o.ask("GET", "agents/7", "acme", "")
	o.want("static", strings.Contains(body, `"static":true`), true)
	u, tenant, ok := o.reg.SignIn("anna", secret)
	o.want("signed in", fmt.Sprint(u.Agent, " ", tenant, " ", ok, u.Static), "7 acme true true")
	for _, path := range []string{"agents/7", "queues/sales", "users/anna", "groups/g", "channels/web"} {
		for _, method := range []string{"PUT", "DELETE"} {
			status, _, body := o.ask(method, path, "acme", `{"role":"admin"}`)
			if strings.HasPrefix(path, "users") || method == "DELETE" {
				o.want(method+" "+path, fmt.Sprint(status, strings.Contains(body, "declared-entity")), "409 true")
			}
		}
	}
	o.reopen(d)
	o.want("a restart says nothing", len(o.said("acme")), len(first))
	other, err := directory.ParseDeclaration("acme", []byte(strings.Replace(text, "Anna,", "Anna B,", 1)))
	if err != nil {
		t.Fatal(err)
	}
	o.reopen(other)
	o.want("a change is one fact", o.said("acme")[len(first):], "[agent.provisioned agent/7 updated]")
	o.reopen()
	status, _, _ := o.ask("PUT", "agents/7", "acme", `{"name":"Anna C"}`)
	o.want("no longer declared", status, 200)

	for bad, want := range map[string]string{
		"agents: [{id: 7}]":                                "string",
		"agents: [{id: a}, {id: a}]":                       "twice",
		"agent: []":                                        "agent",
		"queues: [{id: q, zone: Mars}]":                    "Mars",
		"users: [{id: u, role: admin}]":                    "one of hash, secret_env and secret_file",
		"users: [{id: u, role: admin, secret_env: NONE}]":  "at least 16",
		"users: [{id: u, role: admin, secret_file: none}]": "secret_file",
		"queues: [{id: q, media: fax}]":                    "media",
		"agents: {":                                        "",
	} {
		if _, err := directory.ParseDeclaration("acme", []byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
}

func FuzzDeclaration(f *testing.F) {
	f.Add([]byte("agents: [{id: a, queues: [{id: q}]}]\nqueues: [{id: q, hours: [{day: mon, from: '08:00', to: '24:00'}]}]"))
	f.Add([]byte(`{"users":[{"id":"u","role":"admin","hash":"sha256:` + strings.Repeat("0", 64) + `"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := directory.ParseDeclaration("acme", text); err == nil && d.Tenant != "acme" {
			t.Error("no tenant")
		}
	})
}
