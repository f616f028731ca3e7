package measures_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/feed/measures"
	"trunkline/feed/measures/tail"
)

// lines is an output that tests wait on.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) wait(t *testing.T, what string, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		got := strings.Count(l.buf.String(), what)
		l.mu.Unlock()
		switch {
		case got >= n:
			return
		case time.Now().After(end):
			t.Fatalf("%s came %d times, not %d", what, got, n)
		}
	}
}

// The sample client makes another subscription when its own is deleted, comes back when it is changed, and leaves none behind.
func TestTheSampleClient(t *testing.T) {
	e := serve(t, measures.Options{})
	e.stage.say(tenant, event.QueueConfigured{Queue: "q1", Name: "One"}, event.QueueConfigured{Queue: "q2", Name: "Two"})
	token := e.token(t, tenant)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out lines
	ended := make(chan tail.Result)
	go func() {
		res, err := tail.Run(ctx, tail.Options{URL: e.URL, Account: account, Token: token, Producer: "queue_ITD", Out: &out, Measures: true,
			Extensions: map[string]string{"queueId": "q1,q2", "measures": "queueName,Offered"}})
		if err != nil {
			t.Error(err)
		}
		ended <- res
	}()
	subs := func() (list []measures.Subscription) {
		var p measures.Page
		if status := e.ask(t, "GET", subscriptions, token, "", &p); status != 200 {
			t.Fatal(status)
		}
		return p.Subscriptions
	}
	out.wait(t, `{"keys":{"queueId":"q2"},"measures":{`, 1)
	first := subs()
	if len(first) != 1 {
		t.Fatalf("%d subscriptions", len(first))
	}
	if status := e.ask(t, "DELETE", subscriptions+"/"+first[0].ID, token, "", nil); status != 204 {
		t.Fatal(status)
	}
	out.wait(t, `{"keys":{"queueId":"q2"},"measures":{`, 2)
	second := subs()
	if len(second) != 1 || second[0].ID == first[0].ID {
		t.Fatalf("got %v", second)
	}
	if status := e.ask(t, "PATCH", subscriptions+"/"+second[0].ID, token, `{"events":["ALL"]}`, nil); status != 200 {
		t.Fatal(status)
	}
	out.wait(t, `{"keys":{"queueId":"q2"},"measures":{`, 3)
	if third := subs(); len(third) != 1 || third[0].ID != second[0].ID {
		t.Errorf("got %v", third)
	}
	e.stage.say(tenant, event.QueueConfigured{Queue: "q2", Name: "Two", Removed: true})
	out.wait(t, `"q2"},"measures":{}}`, 1)
	stop()
	if res := <-ended; res.Reconnects != 2 || res.Initial != 6 || res.Live != 1 || res.Deleted != 1 || res.Keys != 1 {
		t.Errorf("got %+v", res)
	}
	if left := subs(); len(left) != 0 {
		t.Errorf("%d subscriptions are left", len(left))
	}
	var refused *tail.RefusedError
	if _, err := tail.Run(t.Context(), tail.Options{URL: e.URL, Account: "globex", Token: token, Producer: "Queue_itd"}); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("another account: %v", err)
	}
}
