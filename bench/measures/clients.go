//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline/bench/crowd"
)

// sampleEvery says that one client in so many times what it gets.
const sampleEvery = 25

// heard is what the clients that time have heard since they were asked last.
type heard struct {
	Messages, Bytes int64
	P50, P99        time.Duration
	Error           string
}

// ears is the process of the clients, seen from the server.
type ears struct{ *crowd.Child }

// start starts clients; those that sleep read nothing after the answer to their authentication.
func start(w *world, conns int, sleep bool) (*ears, error) {
	hello, err := w.subscribe(`,"measures":"` + strings.Join(wanted, ",") + `"`)
	if err != nil {
		return nil, err
	}
	child, err := crowd.Spawn("-listen", fmt.Sprintf("%s %d %v %s", w.web.Listener.Addr(), conns, sleep, base64.StdEncoding.EncodeToString(hello)))
	if err != nil {
		return nil, err
	}
	return &ears{child}, child.Hear(&heard{}) // all are connected
}

func (e *ears) take() (h heard, err error) {
	if err := e.Tell(nil); err != nil {
		return h, err
	}
	return h, e.Hear(&h)
}

// listener is the process of the clients.
type listener struct {
	mu    sync.Mutex // guards what is below
	late  []time.Duration
	bytes int64
	err   error
}

func listen(job string) error {
	var addr, encoded string
	var conns int
	var sleep bool
	if _, err := fmt.Sscan(job, &addr, &conns, &sleep, &encoded); err != nil {
		return err
	}
	hello, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	l := &listener{}
	for n := range conns {
		conn, r, err := crowd.Dial(new(net.Dialer), addr, path, hello, 4096)
		if err != nil {
			return err
		}
		switch {
		case sleep:
			defer conn.Close()
		case n%sampleEvery == 0:
			go l.time(bufio.NewReaderSize(io.MultiReader(r, conn), 64<<10))
		default:
			go l.swallow(r, conn)
		}
	}
	say := json.NewEncoder(os.Stdout)
	if err := say.Encode(heard{}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := say.Encode(l.take()); err != nil {
			return err
		}
	}
	return nil
}

func (l *listener) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// swallow reads what comes and looks at nothing of it.
func (l *listener) swallow(r *bufio.Reader, conn net.Conn) {
	_, _ = r.Discard(r.Buffered())
	for buf := make([]byte, 64<<10); ; {
		if _, err := conn.Read(buf); err != nil {
			l.fail(err)
			return
		}
	}
}

// time reads what comes and says how old the fact behind each live message is.
func (l *listener) time(r *bufio.Reader) {
	var msg []byte
	for {
		var err error
		if msg, err = crowd.Frame(r, msg); err != nil {
			l.fail(err)
			return
		}
		if !bytes.Contains(msg, []byte(`"LIVE"`)) {
			continue
		}
		_, rest, _ := bytes.Cut(msg, []byte(`"timeInState":"`))
		digits, _, _ := bytes.Cut(rest, []byte(`"`))
		ms, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			l.fail(fmt.Errorf("a message without its time: %s", msg))
			return
		}
		d := time.Since(time.UnixMilli(ms))
		l.mu.Lock()
		l.late = append(l.late, d)
		l.bytes += int64(len(msg))
		l.mu.Unlock()
	}
}

func (l *listener) take() heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := heard{Messages: int64(len(l.late)), Bytes: l.bytes}
	if l.err != nil {
		h.Error = l.err.Error()
	}
	if len(l.late) > 0 {
		slices.Sort(l.late)
		h.P50, h.P99 = l.late[len(l.late)/2].Round(time.Millisecond), l.late[len(l.late)*99/100].Round(time.Millisecond)
	}
	l.late, l.bytes = l.late[:0], 0
	return h
}
