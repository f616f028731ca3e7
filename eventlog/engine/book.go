package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// readBook makes the book of a stream from what the store has.
func (e *Engine) readBook(ctx context.Context, stream string) (*book, error) {
	s, err := e.session()
	if err != nil {
		return nil, err
	}
	return s.readBook(ctx, stream)
}

func (s *session) readBook(ctx context.Context, stream string) (*book, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	str, err := s.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", stream, err)
	}
	b := &book{sums: make(map[string]entrySum), last: str.CachedInfo().State.LastSeq}
	filter := ">"
	if bucket, ok := strings.CutPrefix(stream, "OBJ_"); ok {
		filter = "$O." + bucket + ".M.>"
	}
	for next := uint64(1); next <= b.last; {
		req := fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q,"batch":%d,"max_bytes":%d}`, next, filter, batchMessages, batchBytes)
		n, err := s.readRange(ctx, stream, req, func(m *nats.Msg) error {
			seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
			if err != nil || seq < next {
				return fmt.Errorf("entry with sequence %q", m.Header.Get("Nats-Sequence"))
			}
			next = seq + 1
			key, ok := entryKey(stream, m.Header.Get("Nats-Subject"))
			if ok && !deletedEntry(stream, m) {
				b.set(key, seq, m.Data)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
	}
	return b, nil
}

// deletedEntry says whether a message only says that its key is gone.
func deletedEntry(stream string, m *nats.Msg) bool {
	if strings.HasPrefix(stream, "KV_") {
		return m.Header.Get("KV-Operation") != ""
	}
	var info struct {
		Deleted bool `json:"deleted"`
	}
	return json.Unmarshal(m.Data, &info) == nil && info.Deleted
}

// reread brings one entry of a book up to date with a change whose message the
// client library made: a deletion, an object's description.
func (e *Engine) reread(ctx context.Context, stream, subject string) func(*book) {
	return func(b *book) {
		key, _ := entryKey(stream, subject)
		b.drop(key)
		s, err := e.session()
		if err != nil {
			b.stale = true
			return
		}
		str, err := s.js.Stream(ctx, stream)
		if err != nil {
			b.stale = true
			return
		}
		b.last = str.CachedInfo().State.LastSeq
		req := fmt.Appendf(nil, `{"last_by_subj":%q}`, subject)
		m, err := s.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream, req)
		if err != nil {
			b.stale = true
			return
		}
		seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		switch {
		case m.Header.Get("Status") == "404":
		case err != nil:
			b.stale = true
		case !deletedEntry(stream, m):
			b.set(key, seq, m.Data)
		}
	}
}
