package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/event"
)

// deliveries are what an endpoint has got, in the order in which it came.
type deliveries struct {
	mu      sync.Mutex // guards what is below
	seen    map[string]bool
	last    map[string]uint64 // by subject: the newest number
	ours    int
	repeats int
	wrong   []string
}

// ServeHTTP takes a delivery of the raw feed.
func (d *deliveries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var got struct {
		Subject  string `json:"subject"`
		Sequence uint64 `json:"sequence"`
		Source   string `json:"source"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := r.Header.Get("Webhook-Id")
	switch {
	case err != nil || got.Sequence == 0 || id == "":
		d.wrong = append(d.wrong, fmt.Sprintf("%q of %q: %v", body, id, err))
	case d.seen[id]:
		d.repeats++
	default:
		d.seen[id] = true
		if got.Sequence <= d.last[got.Subject] {
			d.wrong = append(d.wrong, fmt.Sprintf("%s: %d came after %d", got.Subject, got.Sequence, d.last[got.Subject]))
		}
		d.last[got.Subject] = got.Sequence
		if strings.HasPrefix(got.Source, "/load/") {
			d.ours++
		}
	}
}

func (d *deliveries) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ours
}

// streamReader is a subscriber of the tenant stream that goes to the next node when it is cut.
type streamReader struct {
	mu    sync.Mutex // guards what is below
	last  uint64
	ours  map[string]bool // agent and time of status changes
	at    string          // the node it is connected to, empty between two
	wrong []string
}

// run reads until ctx ends.
func (s *streamReader) run(ctx context.Context, nodes []*clusterNode, token, subscription string) {
	for i := 0; ctx.Err() == nil; i++ {
		node := nodes[i%len(nodes)]
		c, _, err := subscribe(ctx, node, token, subscription)
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.connected(node.name)
		for err == nil {
			var raw []byte
			if _, raw, err = c.Read(ctx); err == nil {
				s.take(raw)
			}
		}
		s.connected("")
		_ = c.CloseNow()
	}
}

func (s *streamReader) connected(at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = at
}

// place is the node that the reader is connected to.
func (s *streamReader) place() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// take checks the number of one event. What was not acknowledged comes again.
func (s *streamReader) take(raw []byte) {
	var msg map[string]struct {
		MsgInfo struct {
			SequenceID uint64 `json:"sequenceId"`
		} `json:"msgInfo"`
		AgentID string `json:"agentId"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.Unmarshal(raw, &msg); err != nil || len(msg) != 1 {
		s.wrong = append(s.wrong, fmt.Sprintf("%s: %v", raw, err))
		return
	}
	for name, m := range msg {
		if name == "ClientCheck" {
			return
		}
		n := m.MsgInfo.SequenceID
		if s.last > 0 && n > s.last+1 {
			s.wrong = append(s.wrong, fmt.Sprintf("%d came behind %d", n, s.last))
		}
		if n > s.last && name == "AgentStatusChange" {
			s.ours[fmt.Sprint(m.AgentID, " ", n)] = true
		}
		s.last = max(s.last, n)
	}
}

func (s *streamReader) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ours)
}

// clusterLoad appends events of agents through the nodes in turns, each under the same id until it is acknowledged.
type clusterLoad struct {
	mu   sync.Mutex // guards sent
	sent int
}

func (l *clusterLoad) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// agent appends changes of one agent's status, in order, until ctx ends.
func (l *clusterLoad) agent(ctx context.Context, t *testing.T, nodes []*clusterNode, token string, agent int) {
	words := []event.Presence{event.PresenceAvailable, event.PresenceAway}
	for n := 0; ctx.Err() == nil; n++ {
		e, err := event.Encode(event.Meta{ID: fmt.Sprint(n), Source: fmt.Sprint("/load/", agent), Time: time.Now()},
			event.AgentStatusChanged{AgentRef: event.AgentRef{Agent: fmt.Sprint("a", agent)}, Presence: words[n%2]})
		if err != nil {
			t.Error(err)
			return
		}
		for try := agent + n; ; try++ {
			// What was begun is brought to its end: whether it came is known then.
			status, answer, err := ask(context.WithoutCancel(ctx), token, "POST", nodes[try%len(nodes)].url+"/v1/events", append(e.Raw, '\n'))
			if err == nil && status == http.StatusOK {
				break
			}
			if err == nil && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
				t.Errorf("a node answered %d: %s", status, answer)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		l.mu.Lock()
		l.sent++
		l.mu.Unlock()
	}
}

// subscribe opens the tenant stream.
func subscribe(ctx context.Context, n *clusterNode, token, subscription string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	q := url.Values{"tenantId": {clusterTenant}, "subsId": {subscription}, "desiredOutputType": {"JSON"}}
	return websocket.Dial(ctx, n.url+"/api/streaming/v1/clientconnect/subscribe/TenantUpdates?"+q.Encode(),
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
}
