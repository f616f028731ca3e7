package pull

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"trunkline/feed/export/layout"
)

// FileExporter is a source behind the calls of a File Exporter.
type FileExporter struct {
	base       string
	id, secret string
	http       *http.Client
}

var _ Source = (*FileExporter)(nil)

// OpenFileExporter makes a source of a File Exporter at base, as in
// https://api.asapp.com, with the credentials that go into asapp-api-id and
// asapp-api-secret. client may be nil.
func OpenFileExporter(base, id, secret string, client *http.Client) (*FileExporter, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is not the address of a File Exporter, as in https://api.asapp.com", base)
	}
	if id == "" || secret == "" {
		return nil, errors.New("a File Exporter needs an id and a secret")
	}
	if client == nil {
		client = http.DefaultClient
	}
	return &FileExporter{strings.TrimSuffix(base, "/") + "/fileexporter/v1/static/", id, secret, client}, nil
}

// where names a place in the exporter, level by level.
type where struct {
	Feed     string `json:"feed,omitempty"`
	Version  string `json:"version,omitempty"`
	Format   string `json:"format,omitempty"`
	Date     string `json:"date,omitempty"`
	Interval string `json:"interval,omitempty"`
	FileName string `json:"fileName,omitempty"`
}

// listing is the answer of a call: one of the members is there.
type listing struct {
	Feeds, Versions, Formats, Dates, Intervals, Files []string
	URL                                               string
}

// maxListing bounds the answer of a call, in bytes.
const maxListing = 16 << 20

// Pauses of the vendor's advice: after 429, and after a failure of the server.
var (
	crowded = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	failing = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}
)

// errNothing is what a call says that finds nothing.
var errNothing = errors.New("there is nothing")

// call makes one of the calls, again where the vendor advises that.
func (x *FileExporter) call(ctx context.Context, name string, q where) (listing, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return listing{}, err
	}
	for n := 0; ; n++ {
		out, status, err := x.once(ctx, name, body)
		pauses := failing
		if status == http.StatusTooManyRequests {
			pauses = crowded
		}
		if err == nil || n == len(pauses) || status > 0 && status < 500 && status != http.StatusTooManyRequests {
			return out, err
		}
		select {
		case <-ctx.Done():
			return listing{}, ctx.Err()
		case <-time.After(pauses[n]):
		}
	}
}

func (x *FileExporter) once(ctx context.Context, name string, body []byte) (out listing, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.base+name, bytes.NewReader(body))
	if err != nil {
		return out, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("asapp-api-id", x.id)
	req.Header.Set("asapp-api-secret", x.secret)
	resp, err := x.http.Do(req)
	if err != nil {
		return out, 0, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxListing))
	if err != nil {
		return out, 0, fmt.Errorf("%s: %w", name, err)
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct {
			Error struct{ RequestID, Code, Message string }
		}
		_ = json.Unmarshal(raw, &refused) // what is no such document says nothing
		if resp.StatusCode == http.StatusNotFound {
			return out, resp.StatusCode, fmt.Errorf("%s: %w: %s", name, errNothing, refused.Error.Message)
		}
		return out, resp.StatusCode, fmt.Errorf("%s: the File Exporter answers %d %s (request %s)", name, resp.StatusCode, refused.Error.Message, refused.Error.RequestID)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, resp.StatusCode, fmt.Errorf("%s: the answer: %w", name, err)
	}
	return out, resp.StatusCode, nil
}

// Feeds implements Source.
func (x *FileExporter) Feeds(ctx context.Context) ([]string, error) {
	l, err := x.call(ctx, "listfeeds", where{})
	return l.Feeds, err
}

// Docs implements Source: a File Exporter has no schema document.
func (x *FileExporter) Docs(context.Context) ([]byte, error) { return nil, nil }

// bare takes the name of a level off a name: both spellings are in use.
func bare(s, level string) string { return strings.TrimPrefix(s, level+"=") }

// Complete implements Source. What a File Exporter lists is complete.
func (x *FileExporter) Complete(ctx context.Context, feed string, taken func(folder string) bool) ([]Part, error) {
	var parts []Part
	versions, err := x.call(ctx, "listfeedversions", where{Feed: feed})
	if err != nil {
		return nil, err
	}
	for _, version := range versions.Versions {
		q := where{Feed: feed, Version: version, Format: layout.JSONL}
		formats, err := x.call(ctx, "listfeedformats", where{Feed: feed, Version: version})
		if err != nil {
			return nil, err
		}
		for _, f := range formats.Formats {
			if bare(f, "format") == layout.JSONL {
				q.Format = f
			}
		}
		dates, err := x.call(ctx, "listfeeddates", q)
		if err != nil {
			return nil, err
		}
		for _, date := range dates.Dates {
			q.Date = date
			more, err := x.date(ctx, q, taken)
			if err != nil {
				return nil, err
			}
			parts = append(parts, more...)
		}
	}
	sortParts(parts)
	return parts, nil
}

// date lists the partitions of a day.
func (x *FileExporter) date(ctx context.Context, q where, taken func(string) bool) (parts []Part, err error) {
	list, err := x.call(ctx, "listfeedintervals", q)
	if errors.Is(err, errNothing) { // of that day nothing is complete yet
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	intervals := list.Intervals
	if len(intervals) == 0 {
		intervals = []string{""}
	}
	for _, interval := range intervals {
		q.Interval = interval
		folder := q.Feed + "/version=" + bare(q.Version, "version") + "/format=" + bare(q.Format, "format") + "/dt=" + bare(q.Date, "dt")
		if interval != "" {
			folder += "/" + interval
		}
		p, err := layout.ParsePath(folder)
		if err != nil {
			return nil, err
		}
		if taken(p.Folder()) {
			continue
		}
		files, err := x.call(ctx, "listfeedfiles", q)
		if err != nil {
			return nil, err
		}
		part := Part{Partition: p}
		for _, name := range files.Files {
			if name == layout.SuccessFile || name == layout.ManifestFile {
				continue
			}
			at := q
			at.FileName = name
			key, err := json.Marshal(at)
			if err != nil {
				return nil, err
			}
			part.Files = append(part.Files, Remote{Name: name, Key: string(key), Size: -1})
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// Open implements Source: the key names the file, and the exporter gives a link to it.
func (x *FileExporter) Open(ctx context.Context, key string, from int64) (io.ReadCloser, error) {
	var q where
	if err := json.Unmarshal([]byte(key), &q); err != nil {
		return nil, err
	}
	l, err := x.call(ctx, "getfeedfile", q)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL, nil)
	if err != nil {
		return nil, errors.New("getfeedfile: the answer has no link") // the link itself is a secret
	}
	if from > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	resp, err := x.http.Do(req)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("fetch %s: %w", q.FileName, err)
	}
	switch {
	case resp.StatusCode == http.StatusPartialContent, resp.StatusCode == http.StatusOK && from == 0:
		return resp.Body, nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable: // it has no more
		_ = resp.Body.Close()
		return io.NopCloser(strings.NewReader("")), nil
	case resp.StatusCode == http.StatusOK: // it knows no ranges: what is here already is skipped
		if _, err := io.CopyN(io.Discard, resp.Body, from); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
		return resp.Body, nil
	}
	_ = resp.Body.Close()
	return nil, fmt.Errorf("fetch %s: the link answers %d", q.FileName, resp.StatusCode)
}
