//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"trunkline/bench/crowd"
)

// userEvents are what each client of the feed hears of its user.
var userEvents = []string{"UserStatus", "UserAvailability", "UserCallInArrived", "UserCallInUserConnected", "UserCallInDisconnected", "UserWrapUpStarted"}

// plan is what the process of the clients is told.
type plan struct {
	Addr, Token   string
	Conns         int
	Users, Queues []string
}

// latency is of one sort of messages.
type latency struct {
	Count    int64
	P50, P99 float64 // milliseconds
}

func (l latency) String() string {
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms of %d", l.P50, l.P99, l.Count)
}

// heard is what clients have heard since they were asked last.
type heard struct {
	Transitions, Statuses latency
	Error                 string
}

// listeners is the process of the clients, seen from the server.
type listeners struct{ *crowd.Child }

// audience starts the clients; they have subscribed when it returns.
func audience(p plan) (*listeners, error) {
	child, err := crowd.Spawn("-listen")
	if err != nil {
		return nil, err
	}
	if err = child.Tell(p); err == nil {
		err = child.Hear(&heard{})
	}
	if err != nil {
		child.Stop()
		return nil, err
	}
	return &listeners{child}, nil
}

// take gives what was heard since the last time.
func (l *listeners) take() (h heard, err error) {
	if err := l.Tell(nil); err != nil {
		return h, err
	}
	return h, l.Hear(&h)
}

// ears collects latencies of all clients.
type ears struct {
	mu      sync.Mutex // guards what is below
	late    [2][]int32 // microseconds, of transitions and of statuses
	problem string
}

// listen is the process of the clients.
func listen() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	var p plan
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p)
	}
	if err != nil {
		return err
	}
	e := &ears{}
	say := func() error { return json.NewEncoder(os.Stdout).Encode(e.take()) }
	var open sync.WaitGroup
	few := make(chan struct{}, 64)
	for i := range p.Conns {
		open.Add(1)
		few <- struct{}{}
		go e.client(p, i, func() { <-few; open.Done() })
	}
	open.Wait()
	for err := say(); err == nil; err = say() {
		if _, err := in.ReadSlice('\n'); err != nil {
			return nil
		}
	}
	return nil
}

func (e *ears) fail(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.problem = fmt.Sprintf(format, args...)
}

func (e *ears) take() heard {
	e.mu.Lock()
	late, problem := e.late, e.problem
	e.late = [2][]int32{}
	e.mu.Unlock()
	of := func(list []int32) latency {
		if len(list) == 0 {
			return latency{}
		}
		slices.Sort(list)
		at := func(q float64) float64 { return float64(list[int(q*float64(len(list)-1))]) / 1e3 }
		return latency{int64(len(list)), at(0.5), at(0.99)}
	}
	return heard{of(late[0]), of(late[1]), problem}
}

// client is one connection; ready is called when it has subscribed, or never will.
func (e *ears) client(p plan, i int, ready func()) {
	once := sync.OnceFunc(ready)
	defer once()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i/4000))}}
	conn, r, err := crowd.Dial(&d, p.Addr, "/rte?access_token="+p.Token, hello("json"), 2048)
	if err != nil {
		e.fail("connect number %d: %v", i, err)
		return
	}
	var subs []map[string]string
	for _, name := range userEvents {
		subs = append(subs, map[string]string{"EntityId": p.Users[i%len(p.Users)], "EventName": name})
	}
	for k := range 2 {
		subs = append(subs, map[string]string{"EntityId": p.Queues[(i+k)%len(p.Queues)], "EventName": "QueueStatus"})
	}
	call, _ := json.Marshal(map[string]any{"type": 1, "invocationId": "1", "target": "Subscribe", "arguments": []any{subs}})
	if _, err := conn.Write(masked(append(call, 0x1e))); err != nil {
		e.fail("number %d: %v", i, err)
		return
	}
	frame := make([]byte, 0, 2048)
	for {
		if frame, err = crowd.Frame(r, frame); err != nil {
			return // the end of the run
		}
		for record := range bytes.SplitSeq(frame, []byte{0x1e}) {
			switch {
			case bytes.HasPrefix(record, []byte(`{"type":3,`)):
				if bytes.Contains(record, []byte(`"subscribed":false`)) {
					e.fail("number %d: %s", i, record)
				}
				once()
			case bytes.HasPrefix(record, []byte(`{"type":1,`)):
				e.hear(record)
			}
		}
	}
}

// masked is a text frame whose mask is zeros.
func masked(text []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text))), append([]byte{0, 0, 0, 0}, text...)...)
}

// hear notes how late a message is.
func (e *ears) hear(record []byte) {
	const key = `"timestamp":"`
	at := bytes.LastIndex(record, []byte(key))
	if at < 0 {
		return
	}
	text, _, _ := bytes.Cut(record[at+len(key):], []byte(`"`))
	then, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		e.fail("%v", err)
		return
	}
	sort := 0
	if bytes.Contains(record, []byte(`Status","entityType"`)) {
		sort = 1
	}
	late := int32(min(time.Since(then).Microseconds(), 1<<30))
	e.mu.Lock()
	e.late[sort] = append(e.late[sort], late)
	e.mu.Unlock()
}
