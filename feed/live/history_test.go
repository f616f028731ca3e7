package live_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/feed/feedtest"
	"trunkline/feed/live"
)

// pageOf is an answer of GET /v1/events.
type pageOf struct {
	Events []struct {
		ID, Type, Subject, Tenant, Received string
		Sequence                            uint64
	}
	Cursor string
	More   bool
}

func (p pageOf) sequences() []uint64 {
	var s []uint64
	for _, e := range p.Events {
		s = append(s, e.Sequence)
	}
	return s
}

func (e *edge) get(t testing.TB, path, tenant string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", e.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Tenant", tenant)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := e.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (e *edge) page(t testing.TB, query string) pageOf {
	t.Helper()
	status, body := e.get(t, "/v1/events?"+query, "alpha")
	var p pageOf
	if err := json.Unmarshal([]byte(body), &p); status != 200 || err != nil {
		t.Fatalf("%s: %d %s", query, status, body)
	}
	return p
}

func count(from, to uint64) []uint64 {
	var s []uint64
	for ; from < to; from++ {
		s = append(s, from)
	}
	for ; from > to; from-- {
		s = append(s, from)
	}
	return append(s, to)
}

func TestHistoryPages(t *testing.T) {
	log := &feedtest.Log{PerBatch: 7}
	e := serve(t, log, live.Options{PageEvents: 100}, false)
	if p := e.page(t, ""); len(p.Events) != 0 || p.More || p.Cursor == "" {
		t.Fatalf("an empty log: %+v", p)
	}
	if p := e.page(t, "order=desc"); len(p.Events) != 0 || p.More {
		t.Fatalf("an empty log backwards: %+v", p)
	}
	log.Append("alpha", 250)
	log.Append("beta", 3)

	var forwards []uint64
	for query := ""; ; {
		p := e.page(t, query)
		forwards = append(forwards, p.sequences()...)
		if query = after(p.Cursor); !p.More {
			break
		}
		if len(p.Events) != 100 {
			t.Fatalf("a page of %d events", len(p.Events))
		}
	}
	if !slices.Equal(forwards, count(1, 250)) {
		t.Fatalf("forwards gave %v", forwards)
	}
	var backwards []uint64
	for query := "order=desc&limit=33"; ; {
		p := e.page(t, query)
		backwards = append(backwards, p.sequences()...)
		if query = "limit=33&before=" + url.QueryEscape(p.Cursor); !p.More {
			break
		}
	}
	if !slices.Equal(backwards, count(250, 1)) {
		t.Fatalf("backwards gave %v", backwards)
	}
	// Cursors lie between events and mean the same in both directions.
	middle := e.page(t, "limit=10").Cursor
	if p := e.page(t, "limit=3&before="+middle); !slices.Equal(p.sequences(), count(10, 8)) {
		t.Fatalf("before the middle: %v", p.sequences())
	}
	if p := e.page(t, "limit=3&after="+middle); !slices.Equal(p.sequences(), count(11, 13)) {
		t.Fatalf("after the middle: %v", p.sequences())
	}
	last := e.page(t, "after=oldest&limit=250")
	if last.More || len(last.Events) != 250 || last.Events[0].Tenant != "alpha" {
		t.Fatalf("a page that ends with the newest event: %d events, more %v", len(last.Events), last.More)
	}
	log.Append("alpha", 1)
	if p := e.page(t, after(last.Cursor)); !slices.Equal(p.sequences(), []uint64{251}) {
		t.Fatalf("going on later: %v", p.sequences())
	}
}

func TestHistoryFilters(t *testing.T) {
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	log := &feedtest.Log{PerBatch: 2, Now: func() time.Time { return now }}
	e := serve(t, log, live.Options{}, false)
	for i, kind := range []string{"agent.status_changed", "interaction.created", "interaction.queued", "com.example.x", "interaction.created"} {
		log.AppendRaw("alpha", fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/t","type":%q,"subject":"s/%d","data":{}}`, i, kind, i%2))
		now = now.Add(time.Minute)
	}
	for query, want := range map[string][]uint64{
		"types=interaction.created":                              {2, 5},
		"types=interaction.*":                                    {2, 3, 5},
		"types=interaction.queued,agent.*":                       {1, 3},
		"types=*":                                                {1, 2, 3, 4, 5},
		"types=nothing.*":                                        nil,
		"subject=s/1":                                            {2, 4},
		"subject=s/1&types=com.*":                                {4},
		"types=interaction.*&limit=2":                            {2, 3},
		"types=interaction.*&order=desc":                         {5, 3, 2},
		"from=2026-05-04T09:01:00Z":                              {2, 3, 4, 5},
		"from=2026-05-04T09:00:30Z&to=2026-05-04T09:03:00Z":      {2, 3},
		"to=2026-05-04T09:01:00Z":                                {1},
		"to=2026-05-04T11:01:00%2B02:00":                         {1},
		"order=desc&from=2026-05-04T09:01:00Z":                   {5, 4, 3, 2},
		"order=desc&to=2026-05-04T09:03:00Z":                     {3, 2, 1},
		"order=desc&to=2026-05-04T09:03:00Z&limit=1":             {3},
		"from=2027-05-04T09:00:30Z":                              nil,
		"order=desc&to=2025-05-04T09:03:00Z":                     nil,
		"order=desc&to=2027-01-01T00:00:00Z&types=com.example.x": {4},
	} {
		if got := e.page(t, query).sequences(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	p := e.page(t, "types=interaction.*&limit=2")
	if got := e.page(t, "types=interaction.*&"+after(p.Cursor)).sequences(); !slices.Equal(got, []uint64{5}) || !p.More {
		t.Errorf("the next page of a filter: %v", got)
	}
	p = e.page(t, "types=nothing")
	log.Append("alpha", 1)
	if got := e.page(t, after(p.Cursor)).sequences(); !slices.Equal(got, []uint64{6}) {
		t.Errorf("a cursor passes what the filter left out: %v", got)
	}
}

func TestHistoryIsBoundedInBytes(t *testing.T) {
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{}, false)
	raw := fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"/t","type":"com.example.big","data":%q}`, strings.Repeat("x", 250<<10))
	for range 50 {
		log.AppendRaw("alpha", raw)
	}
	status, body := e.get(t, "/v1/events", "alpha")
	if status != 200 || len(body) < 8<<20 || len(body) > 9<<20 || !strings.Contains(body[len(body)-100:], `"more":true`) {
		t.Fatalf("%d, %d bytes", status, len(body))
	}
}

func TestRefusals(t *testing.T) {
	log := &feedtest.Log{}
	e := serve(t, log, live.Options{}, false)
	log.Append("alpha", 100)
	first := e.page(t, "limit=1").Cursor
	head := e.page(t, "limit=100").Cursor
	log.Append("beta", 3)
	log.Append("alpha", 10)
	ahead := e.page(t, "limit=110").Cursor
	short := &feedtest.Log{}
	short.Append("alpha", 5)
	shortEdge := serve(t, short, live.Options{}, false)
	log.Trim("alpha", 50)

	upgrade := []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	for _, c := range []struct {
		e      *edge
		path   string
		status int
		want   string
		header []string
	}{
		{e, "/v1/events?limits=5", 400, `did you mean \"limit\"?`, nil},
		{e, "/v1/events?qqqq=5", 400, `known are after, before`, nil},
		{e, "/v1/events?limit=0", 400, `1 to 10000`, nil},
		{e, "/v1/events?limit=10001", 400, `1 to 10000`, nil},
		{e, "/v1/events?limit=10000", 200, `"more":false`, nil},
		{e, "/v1/events?limit=x", 400, `1 to 10000`, nil},
		{e, "/v1/events?limit=1&limit=2", 400, `given 2 times`, nil},
		{e, "/v1/events?order=up", 400, `asc or desc`, nil},
		{e, "/v1/events?after=x&before=y", 400, `exclude each other`, nil},
		{e, "/v1/events?after=x&order=desc", 400, `give before`, nil},
		{e, "/v1/events?before=x&order=asc", 400, `give after`, nil},
		{e, "/v1/events?after=rubbish", 400, `urn:trunkline:problem:cursor`, nil},
		{e, "/v1/events?before=rubbish", 400, `urn:trunkline:problem:cursor`, nil},
		{e, "/v1/events?from=yesterday", 400, `2026-05-04T09:30:00Z`, nil},
		{e, "/v1/events?from=2026-05-04T09:30:00Z&to=2026-05-04T09:30:00Z", 400, `from must be before to`, nil},
		{e, "/v1/events?types=a,,b", 400, `empty entry`, nil},
		{e, "/v1/events?types=*.created", 400, `at the end only`, nil},
		{e, "/v1/events?types=" + strings.Repeat("a,", 100) + "a", 400, `at most 100`, nil},
		{e, "/v1/events?a=%zz", 400, `cannot be read`, nil},
		{e, "/v1/events?" + after(first), 410, `"lost_from":2,"lost_to":50`, nil},
		{e, "/v1/events?before=" + first, 410, `"reason":"trimmed"`, nil},
		{shortEdge, "/v1/events?" + after(ahead), 410, `"reason":"ahead"`, nil},
		{e, "/v1/live?" + after(first), 410, `"oldest":"c1`, nil},
		{e, "/v1/live?" + after(first), 410, `"newest":"c1`, upgrade},
		{e, "/v1/live?after=rubbish", 400, `urn:trunkline:problem:cursor`, nil},
		{e, "/v1/live", 400, `Last-Event-ID`, []string{"Last-Event-ID", "rubbish"}},
		{e, "/v1/live?limit=5", 400, `unknown parameter`, nil},
		{e, "/v1/live?consumer=x", 400, `need a WebSocket`, nil},
		{e, "/v1/live?consumer=a%20b", 400, `letters, digits`, upgrade},
		{e, "/v1/live?consumer=", 400, `1 to 64`, upgrade},
		{e, "/v1/live?ack=maybe", 400, `pong or explicit`, upgrade},
		{e, "/v1/live", 406, `text/event-stream`, []string{"Accept", "application/json"}},
		{e, "/v1/live", 403, `not allowed`, append(slices.Clone(upgrade), "Origin", "https://evil.example")},
		{e, "/v1/live", 426, `must be 13`, append(slices.Clone(upgrade), "Sec-WebSocket-Version", "8")},
	} {
		status, body := c.e.get(t, c.path, "alpha", c.header...)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %v: %d %s, want %d with %s", c.path, c.header, status, body, c.status, c.want)
		}
	}
	log.NewEpoch("alpha")
	if status, body := e.get(t, "/v1/events?"+after(head), "alpha"); status != 410 || !strings.Contains(body, `"reason":"epoch"`) {
		t.Errorf("a cursor of the epoch before: %d %s", status, body)
	}
	log.Append("alpha", 10)
	log.Damage("alpha", 5)
	if status, body := e.get(t, "/v1/events", "alpha"); status != 500 || !strings.Contains(body, `"lost_from":5,"lost_to":5`) {
		t.Errorf("damage: %d %s", status, body)
	}
}
