package asapp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/internal/devcert"
	"trunkline/source/asapp"
)

// memory is a log that drops duplicates.
type memory struct {
	mu     sync.Mutex
	events map[string]event.Event // by tenant, source and id
	fail   error
}

func (m *memory) Append(_ context.Context, tenant string, events []event.Event) (res eventlog.Result, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return res, m.fail
	}
	for _, e := range events {
		key := tenant + " " + e.Source + " " + e.ID
		if _, known := m.events[key]; known {
			res.Duplicates++
			continue
		}
		m.events[key] = e
		res.Accepted++
	}
	return res, nil
}

func payload(id, version, name, typ, data, details string) string {
	return fmt.Sprintf(`{"api_version":%q,"name":%q,"meta_data":{"create_time":"2026-03-02T08:00:00.010Z","event_time":"2026-03-02T08:00:00.000Z","issue_id":"i1","news":{"a":1}},`+
		`"data":%s,"event_id":%q,"event_type":%q,"details":%s,"later":[1]}`, version, name, data, id, typ, details)
}

const journey = "com.asapp.event.journey"

func TestTheReceiver(t *testing.T) {
	ca, err := devcert.Authority("test", devcert.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server(devcert.Terms{}, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.Cert)
	pair, err := tls.X509KeyPair(server.Cert, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "clients")
	write := func(text string) {
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# who may send\nacme  CN=sender\n")
	allow, err := asapp.OpenAllow(list)
	if err != nil {
		t.Fatal(err)
	}
	log := &memory{events: map[string]event.Event{}}
	srv := httptest.NewUnstartedServer(asapp.New(asapp.Options{Log: log, Allow: allow, Types: []string{"ISSUE_CREATED", "QUEUED", "DETECTED"}, Bytes: 4096}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	srv.StartTLS()
	defer srv.Close()
	client := func(name string) *http.Client {
		c, err := ca.Client(devcert.Terms{}, name)
		if err != nil {
			t.Fatal(err)
		}
		own, err := tls.X509KeyPair(c.Cert, c.Key)
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}}
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr}
	}
	sender, stranger := client("sender"), client("stranger")
	post := func(c *http.Client, body string) (int, string) {
		t.Helper()
		resp, err := c.Post(srv.URL+asapp.Path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	good := payload("e1", "v1.9.0", journey, "ISSUE_CREATED", `{"customer_id":"c1"}`, `{}`)
	for _, tc := range []struct {
		name, body, says string
		status           int
	}{
		{"an event", good, "accepted", 200},
		{"the same again", good, "duplicate", 200},
		{"another type than asked for", payload("e2", "v1.3.0", journey, "ISSUE_ENDED", `{}`, `{}`), "filtered", 200},
		{"one without a fact", payload("e3", "v1.3.0", journey, "DETECTED", `{}`, `{}`), "accepted", 200},
		{"a fact that lacks its queue", payload("e4", "v1.3.0", journey, "QUEUED", `{}`, `{}`), "accepted", 200},
		{"another major version", payload("e5", "v2.0.0", journey, "QUEUED", `{}`, `{}`), "v2.0.0", 422},
		{"no id", payload("", "v1.3.0", journey, "QUEUED", `{}`, `{}`), "event_id", 400},
		{"no object", `[1]`, "object", 400},
		{"no event_time", strings.Replace(payload("e8", "v1.3.0", journey, "DETECTED", `{}`, `{}`), `"event_time"`, `"other_time"`, 1), "accepted", 200},
		{"an event_time that is none", strings.Replace(payload("e9", "v1.3.0", journey, "DETECTED", `{}`, `{}`), "2026-03-02T08:00:00.000Z", "today", 1), "event_time", 400},
		{"no times and no details", `{"api_version":"v1.3.0","name":"com.asapp.event.journey","event_id":"e10","event_type":"DETECTED"}`, "accepted", 200},
		{"no JSON", `{"api_version`, "JSON", 400},
		{"data that is no object", payload("e6", "v1.3.0", journey, "QUEUED", `[1]`, `{}`), "data", 400},
		{"just too large", good + strings.Repeat(" ", 4097-len(good)), "4096", 413},
		{"just not too large", good + strings.Repeat(" ", 4096-len(good)), "duplicate", 200},
	} {
		if status, body := post(sender, tc.body); status != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s: %d %s, want %d with %q", tc.name, status, body, tc.status, tc.says)
		}
	}
	if status, body := post(stranger, good); status != 403 {
		t.Errorf("a stranger: %d %s", status, body)
	}
	log.mu.Lock()
	var types []string
	for _, e := range log.events {
		types = append(types, e.Type)
	}
	log.fail = eventlog.ErrUnknown
	log.mu.Unlock()
	slices.Sort(types)
	if got := fmt.Sprint(types); got != "[com.asapp.event.journey com.asapp.event.journey com.asapp.event.journey com.asapp.event.journey interaction.created]" {
		t.Errorf("the log has %s", got)
	}
	if status, _ := post(sender, payload("e7", "v1.3.0", journey, "QUEUED", `{"queue_id":"q"}`, `{}`)); status != 503 {
		t.Errorf("a log that takes nothing: %d", status)
	}
	// A line that is taken away is a client that is refused, also on a connection that is open.
	write("acme CN=somebody-else\n")
	for end := time.Now().Add(30 * time.Second); ; {
		if status, _ := post(sender, good); status == 403 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a revoked client is still served")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := http.DefaultClient.Post(srv.URL, "application/json", nil); err == nil {
		t.Error("a client without a certificate was served")
	}
}

// TestTranslate looks at the fact that each payload becomes.
func TestTranslate(t *testing.T) {
	for _, tc := range []struct{ name, typ, data, details, want, has string }{
		{journey, "QUEUED", `{"queue_id":"q1"}`, `{}`, "interaction.queued", `"queue":"q1"`},
		{journey, "QUEUE_ABANDONED", `{"group_id":"q1"}`, `{"queued_ms":900}`, "interaction.dequeued", `"reason":"abandoned","waited_ms":900`},
		{journey, "TIMED_OUT", `{"group_id":"q1"}`, `{}`, "interaction.dequeued", `"reason":"timeout"`},
		{journey, "ASSIGNED", `{"rep_id":"a1","queue_id":"q1"}`, `{}`, "interaction.accepted", `"agent":"a1","queue":"q1"`},
		{journey, "ASSIGNMENT_ENDED", `{"agent_id":"a1"}`, `{"handle_ms":5000}`, "interaction.released", `"talk_ms":5000`},
		{journey, "CUSTOMER_RESPONSE_BY_OPPORTUNITY", `{}`, `{}`, "interaction.message", `"role":"customer"`},
		{journey, "INTENT_CHANGE", `{}`, `{"intent_code":"PAY","intent_code_path":"A/PAY"}`, "interaction.intent_detected", `"path":["A","PAY"]`},
		{journey, "NODE_VISITED", `{}`, `{"flow_node_name":"n","flow_name_path":"f"}`, "interaction.flow_visited", `"flow":"f"`},
		{journey, "SURVEY_SUBMITTED", `{}`, `{"survey_responses":[{"question":"q","answer":5}]}`, "interaction.survey_answered", `"answer":"5"`},
		{journey, "JOURNEY_CUSTOMER_PARAMETERS", `{}`, `{"customer_params_key_name_01":"plan","customer_params_field_01":"gold"}`, "interaction.attributes_changed", `"plan":"gold"`},
		{journey, "FILE_UPLOAD_DETECTED", `{}`, `{"uploaded_files_list":[{"file_upload_event_id":"f1","file_size_mb":0.5}]}`, "interaction.file_received", `"bytes":524288`},
		{journey, "DISPOSITION", `{}`, `{"disposition_fields":[{"field_type":"code","field_name":"disposition","field_value":"SOLD"}]}`, "interaction.dispositioned", `"code":"SOLD"`},
		{journey, "ISSUE_ENDED", `{}`, `{"is_resolved":true}`, "interaction.ended", `"resolved":true`},
		{"com.asapp.event.activity", "agent_activity_status_updated", `{"rep_id":"a1"}`, `{"status_description":"Lunch"}`, "agent.status_changed", `"presence":"break"`},
		{"com.asapp.event.activity", "agent_activity_capacity_updated", `{"rep_id":"a1","max_slots":3}`, `{}`, "agent.provisioned", `"chat":3`},
		{"com.asapp.event.activity", "agent_activity_utilization_5_min", `{"rep_id":"a1"}`, `{}`, "com.asapp.event.activity", ``},
		{"com.asapp.event.queue", "business_hours_settings_updated", `{"queue_id":"q1","business_hours_time_zone_name":"Europe/Helsinki","business_hours_start_minutes":[480],"business_hours_end_minutes":[1440]}`, `{}`,
			"queue.configured", `{"day":"sun","from":"08:00","to":"24:00"}`},
	} {
		t.Run(tc.typ, func(t *testing.T) {
			e, err := asapp.Parse([]byte(payload("e1", "v1.3.0", tc.name, tc.typ, tc.data, tc.details)))
			if err != nil {
				t.Fatal(err)
			}
			out, err := asapp.Translate(&e)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) != 1 || out[0].Type != tc.want || out[0].ID != "e1" || !strings.Contains(string(out[0].Raw), tc.has) {
				t.Errorf("%s, want %s with %s", out[0].Raw, tc.want, tc.has)
			}
		})
	}
}

// FuzzReceive: whatever comes, what is taken becomes valid events that carry its id.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(payload("e1", "v1.3.0", journey, "DISPOSITION", `{"rep_id":7}`, `{"disposition_fields":[{"field_value":1}]}`)))
	f.Add([]byte(payload("e1", "v1.3.0", "com.asapp.event.queue", "queue_info_updated", `{"queue_id":"q","business_hours_start_minutes":[-1,1e300],"business_hours_end_minutes":[1]}`, `null`)))
	f.Add([]byte(payload("e1", "v1.3.0", "x", "QUEUED", `{}`, `{}`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := asapp.Parse(raw)
		if err != nil {
			return
		}
		out, err := asapp.Translate(&e)
		if err != nil {
			return
		}
		for _, ev := range out {
			if _, err := event.Parse(ev.Raw, event.DefaultLimits()); err != nil || !strings.HasPrefix(ev.ID, e.ID) {
				t.Fatalf("%v: %s of %s", err, ev.Raw, raw)
			}
		}
	})
}
