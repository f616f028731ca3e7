package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"trunkline/auth"
)

// page is an answer of GET /v1/events.
type page struct {
	Events []map[string]any
	Cursor string
	More   bool
}

func history(t *testing.T, base, query, secret string) (int, page) {
	t.Helper()
	status, _, body := call(t, base, "GET", "/v1/events"+query, "", secret, nil)
	var p page
	if status == 200 {
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	return status, p
}

// A tenant sees its own events alone, also with a cursor of another tenant in its hand.
func TestTenantsAreApart(t *testing.T) {
	s := start(t, nil)
	cursors, secrets := map[string]string{}, map[string]string{}
	for n, tenant := range []string{"acme", "globex"} {
		_, secret, err := s.Tokens().Create(t.Context(), tenant, []auth.Scope{auth.Ingest, auth.Read}, "")
		if err != nil {
			t.Fatal(err)
		}
		secrets[tenant] = secret
		for i := range 3 + n {
			e := strings.Replace(fact(""), `"id":"1"`, fmt.Sprintf(`"id":"%s-%d"`, tenant, i), 1)
			if status, _, body := call(t, s.URL(), "POST", "/v1/events", e, secret, structured); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
		}
		status, p := history(t, s.URL(), "", secret)
		if status != 200 || len(p.Events) != 3+n {
			t.Fatalf("%s: %d, %d events", tenant, status, len(p.Events))
		}
		cursors[tenant] = p.Cursor
	}
	for _, tenant := range []string{"acme", "globex"} {
		for other, cursor := range cursors {
			_, p := history(t, s.URL(), "?after="+cursor, secrets[tenant])
			for _, e := range p.Events {
				if id, _ := e["id"].(string); !strings.HasPrefix(id, tenant) {
					t.Errorf("%s with a cursor of %s is given %v", tenant, other, e)
				}
			}
		}
	}
}

// A token that is revoked closes the streams that were opened with it, within a second.
func TestRevocationClosesStreams(t *testing.T) {
	s := start(t, nil)
	tok, secret, err := s.Tokens().Create(t.Context(), "acme", []auth.Scope{auth.Read, auth.Ingest}, "")
	if err != nil {
		t.Fatal(err)
	}
	resp := open(t, s.URL(), "GET", "/v1/live", "", secret, nil)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("live: %d", resp.StatusCode)
	}
	if status, _, body := call(t, s.URL(), "POST", "/v1/events", fact(""), secret, structured); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	stream := bufio.NewReader(resp.Body)
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "data:") {
			break
		}
	}
	began := time.Now()
	if err := s.Tokens().Revoke(t.Context(), tok.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stream); err != nil && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the stream ends with %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stream was closed after %v", took)
	}
}
