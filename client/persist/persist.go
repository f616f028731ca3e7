// Package persist keeps the sample clients of the feeds connected: it connects again when
// a connection is cut, and tells that from an end for good.
//
// [Run] calls a function that serves one connection, until it gives [ErrEnough], an error
// made by [Final], or a [RefusedError]. [DialError] and [CloseError] tell refusals from
// cuts, by the status of a handshake and by the number in a close frame.
package persist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"

	"trunkline/problem"
	"trunkline/ws"
)

// Pauses between attempts to come back, doubled each time and varied by half.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// ErrEnough ends a connection of which no more is wanted.
var ErrEnough = errors.New("enough")

// RefusedError says that the server will not serve this request, now or later.
type RefusedError struct {
	Status int          // of the answer to the handshake, 0 when it was closed later
	Code   ws.CloseCode // of the close frame, 0 when the handshake was refused
	Reason string
}

func (e *RefusedError) Error() string {
	switch {
	case e.Status != 0:
		return fmt.Sprintf("the server answers %d: %s", e.Status, e.Reason)
	case e.Code == 0:
		return "the server closed the connection: " + e.Reason
	}
	return fmt.Sprintf("the server closed the connection with %s: %s", e.Code, e.Reason)
}

// finalError is no reason to come back.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// Final marks an error that coming back does not mend.
func Final(err error) error { return finalError{err} }

// Options say how long to try.
type Options struct {
	Duration  time.Duration                        // end after so long; 0: no such end
	Patience  time.Duration                        // give up coming back after so long; 0: never
	Reconnect func(err error, pause time.Duration) // is told of each cut; may be nil
}

// Run connects again and again and gives how often it came back. connect says whether
// anything was heard: then the pauses begin anew.
func Run(ctx context.Context, o Options, connect func(context.Context) (heard bool, err error)) (again int, err error) {
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	began, wait := time.Now(), time.Duration(0)
	for {
		heard, err := connect(ctx)
		if heard {
			began, wait = time.Now(), 0
		}
		var refused *RefusedError
		var final finalError
		switch {
		case errors.Is(err, ErrEnough), ctx.Err() != nil:
			return again, nil
		case errors.As(err, &final):
			return again, final.error
		case errors.As(err, &refused):
			return again, err
		case o.Patience > 0 && time.Since(began) > o.Patience:
			return again, fmt.Errorf("no connection for %v: %w", o.Patience, err)
		}
		wait = min(max(wait*2, firstPause), lastPause)
		pause := wait/2 + rand.N(wait)
		again++
		if o.Reconnect != nil {
			o.Reconnect(err, pause)
		}
		select {
		case <-ctx.Done():
			return again, nil
		case <-time.After(pause):
		}
	}
}

// DialError tells refusals for good from those that pass.
func DialError(resp *http.Response, err error) error {
	if resp == nil || resp.StatusCode < 400 || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout {
		return err
	}
	reason := http.StatusText(resp.StatusCode)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), problem.ContentType) {
		var doc struct{ Title, Detail string }
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if json.Unmarshal(body, &doc) == nil && doc.Title != "" {
			reason = strings.TrimSuffix(doc.Title+": "+doc.Detail, ": ")
		} else if title := gjson.GetBytes(body, "title").Str; title != "" { // the library keeps only the beginning of a body
			reason = title
		}
	}
	return &RefusedError{Status: resp.StatusCode, Reason: reason}
}

// CloseError tells ends for good from cuts.
func CloseError(err error) error {
	var ce websocket.CloseError
	if errors.As(err, &ce) && !ws.CloseCode(ce.Code).Reconnect() {
		return &RefusedError{Code: ws.CloseCode(ce.Code), Reason: ce.Reason}
	}
	return err
}
