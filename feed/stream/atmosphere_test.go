package stream_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"trunkline/feed/stream"
)

// What a client built on the vendor's framework adds to its query.
const (
	tracked = "&X-Atmosphere-Transport=streaming&X-Atmosphere-Framework=2.3.0&X-Atmosphere-TrackMessageSize=true"
	greeted = "&X-Atmosphere-tracking-id=0&X-atmo-protocol=true"
)

var greetingForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\|0\|X\|$`)

// sizedMessage reads a message as such a client does: its length in UTF-16 code units up to
// a bar, then so many of them.
func sizedMessage(r *bufio.Reader) (string, error) {
	length, err := r.ReadString('|')
	if err != nil {
		return "", err
	}
	left, err := strconv.Atoi(strings.TrimSuffix(length, "|"))
	if err != nil {
		return "", fmt.Errorf("not a length before a bar: %q", length)
	}
	var msg strings.Builder
	for left > 0 {
		c, _, err := r.ReadRune()
		if err != nil {
			return "", err
		}
		msg.WriteRune(c)
		left -= utf16.RuneLen(c)
	}
	if left < 0 {
		return "", fmt.Errorf("the length ends within a character: %q", msg.String())
	}
	return msg.String(), nil
}

// Clients of the vendor's framework, its sample client among them, find where a message
// ends by its length, and lose the first message if it is not the greeting.
func TestMessagesWithTheirLength(t *testing.T) {
	e := serve(t, numbered(), stream.Options{Heartbeat: 20 * time.Millisecond})
	const name = "wfm ü 😀" // in every heartbeat
	query := "subsId=" + url.QueryEscape(name) + tracked + greeted
	body := bufio.NewReader(e.plain(t, "alpha", query).resp.Body)
	e.add("alpha", 3)
	if msg, err := sizedMessage(body); err != nil || !greetingForm.MatchString(msg) {
		t.Fatalf("the first message is no greeting: %q, %v", msg, err)
	}
	for next, beats := uint64(1), 0; next <= 3 || beats < 2; {
		msg, err := sizedMessage(body)
		if err != nil || !strings.HasSuffix(msg, "\n") {
			t.Fatalf("%q, %v", msg, err)
		}
		if strings.HasPrefix(msg, `{"ClientCheck"`) {
			if beats++; !strings.Contains(msg, `"subscription-id":"`+name+`"`) {
				t.Fatalf("a heartbeat of %q: %s", name, msg)
			}
			continue
		}
		if r, ok, err := received([]byte(msg), e.log.Head("alpha").Epoch); err != nil || !ok || r.Seq != next {
			t.Fatalf("event %d: %s, %v", next, msg, err)
		}
		next++
	}
}

func TestMessagesWithTheirLengthOverWebSocket(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	for _, c := range []struct {
		name, query string
		greeted     bool
	}{
		{"new", tracked + greeted, true},
		{"back", tracked + "&X-Atmosphere-tracking-id=8a7f3b52-3f0e-4c53-9d8e-0d1f8e0c5a11&X-atmo-protocol=true", false},
		{"protocol off", tracked, false},
	} {
		s := e.socket(t, "alpha", "subsId=socket"+c.query)
		e.add("alpha", 1)
		messages := 1
		if c.greeted {
			messages = 2
		}
		for i := range messages {
			_, text, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(c.name, err)
			}
			msg, err := sizedMessage(bufio.NewReader(strings.NewReader(string(text))))
			if err != nil || c.greeted && i == 0 != greetingForm.MatchString(msg) || i == messages-1 && !strings.HasPrefix(msg, `{"Interaction"`) {
				t.Errorf("%s: message %d is %q, %v", c.name, i, text, err)
			}
		}
		s.Close()
	}
}

// The framework's clients say that they leave by one more request, and some tools ask for
// the head alone. Neither is a connection that takes over.
func TestRequestsThatSubscribeToNothing(t *testing.T) {
	e := serve(t, numbered(), stream.Options{})
	held := e.plain(t, "alpha", "subsId=a")
	for method, path := range map[string]string{
		"GET":  "/api/sapi/atmosphere/subscribe/TenantUpdates-alpha-a?X-Atmosphere-Transport=close&X-Atmosphere-tracking-id=0",
		"HEAD": updates + "tenantId=alpha&subsId=a",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		resp, err := e.request(ctx, method, path, "alpha")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		cancel()
		if err != nil || resp.StatusCode != 200 || len(b) > 0 {
			t.Errorf("%s %s: %d %q, %v", method, path, resp.StatusCode, b, err)
		}
	}
	if n := e.feed.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
	e.add("alpha", 1)
	need(t, held, 1, 1)
}
