package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrRefused is what an error wraps when the server will not take the events
// however often they are sent.
var ErrRefused = errors.New("the server refuses the events")

// ErrGaveUp is what an error wraps when the server did not answer, or not now,
// for too long.
var ErrGaveUp = errors.New("gave up")

// answer is what the server says to an accepted batch.
type answer struct {
	Accepted   int    `json:"accepted"`
	Duplicates int    `json:"duplicates"`
	Conflicts  int    `json:"conflicts"`
	Cursor     string `json:"cursor"`
	Durability string `json:"durability"`
}

// sender posts batches.
type sender struct {
	url     string
	token   string
	client  *http.Client
	patient time.Duration // how long a batch is repeated
	retried func(wait time.Duration, why string)
}

// answerLimit bounds what is read of an answer.
const answerLimit = 1 << 20

// send posts lines until the server has taken them. A batch that is too large
// for the server is halved. The ids stay the same, so that a repeated batch is
// taken once.
func (s *sender) send(ctx context.Context, lines [][]byte) (answer, error) {
	var body bytes.Buffer
	for _, l := range lines {
		body.Write(l)
		body.WriteByte('\n')
	}
	start := time.Now()
	for wait := 100 * time.Millisecond; ; wait = min(wait*2, 5*time.Second) {
		a, status, after, err := s.post(ctx, body.Bytes())
		switch {
		case err == nil:
			return a, nil
		case ctx.Err() != nil:
			return a, ctx.Err()
		case status == http.StatusRequestEntityTooLarge && len(lines) > 1:
			first, err := s.send(ctx, lines[:len(lines)/2])
			if err != nil {
				return first, err
			}
			second, err := s.send(ctx, lines[len(lines)/2:])
			second.Accepted += first.Accepted
			second.Duplicates += first.Duplicates
			second.Conflicts += first.Conflicts
			return second, err
		case !again(status):
			return a, err
		}
		pause := wait/2 + rand.N(wait/2+1)
		if after > 0 {
			pause = min(after, time.Minute)
		}
		if time.Since(start)+pause > s.patient {
			return a, fmt.Errorf("%w after %v: %w", ErrGaveUp, time.Since(start).Round(time.Millisecond), err)
		}
		s.retried(pause, err.Error())
		if err := sleep(ctx, pause); err != nil {
			return a, err
		}
	}
}

// again tells which answers are worth another try; 0 is none at all.
func again(status int) bool {
	switch status {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// post sends one request. The status is 0 when there was no answer.
func (s *sender) post(ctx context.Context, body []byte) (a answer, status int, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return a, http.StatusBadRequest, 0, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Accept", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return a, 0, 0, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if res.StatusCode/100 != 2 {
		return a, res.StatusCode, retryAfter(res.Header.Get("Retry-After")), refusal(res, data)
	}
	if err != nil {
		return a, 0, 0, fmt.Errorf("reading the answer: %w", err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, res.StatusCode, 0, fmt.Errorf("%w: an answer that is no JSON: %w", ErrRefused, err)
	}
	return a, res.StatusCode, 0, nil
}

// refusal makes an error of an answer, with what its problem document says.
func refusal(res *http.Response, data []byte) error {
	var p struct {
		Title    string `json:"title"`
		Detail   string `json:"detail"`
		Problems []struct {
			Index  int    `json:"index"`
			Field  string `json:"field"`
			Reason string `json:"reason"`
		} `json:"problems"`
	}
	text := res.Status
	if json.Unmarshal(data, &p) == nil {
		for _, part := range []string{p.Title, p.Detail} {
			if part != "" && !strings.Contains(text, part) {
				text += ": " + part
			}
		}
		if len(p.Problems) > 0 {
			text += fmt.Sprintf(" (event %d of the batch, %s: %s)", p.Problems[0].Index, p.Problems[0].Field, p.Problems[0].Reason)
		}
	}
	return fmt.Errorf("%w: %s", ErrRefused, text)
}

// retryAfter reads the header in either form, seconds or a date.
func retryAfter(h string) time.Duration {
	if sec, err := strconv.Atoi(h); err == nil {
		return max(time.Duration(min(sec, 3600))*time.Second, 0)
	}
	if at, err := http.ParseTime(h); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
