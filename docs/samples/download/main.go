// Command download gets the complete windows of one feed and day through the File Exporter.
//
//	go run ./docs/samples/download -url http://127.0.0.1:8090 -feed reps -date 2026-03-02 -to DIRECTORY
//
// The credentials come from the environment: ASAPP_API_ID and ASAPP_API_SECRET. It may
// be run again at any time: windows that are there are not downloaded again, and only
// windows that are complete are listed at all.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// asked says what to download.
type asked struct {
	URL, ID, Secret                   string
	Feed, Version, Format, Date, Into string
}

func main() {
	a := asked{ID: os.Getenv("ASAPP_API_ID"), Secret: os.Getenv("ASAPP_API_SECRET")}
	flag.StringVar(&a.URL, "url", "http://127.0.0.1:8090", "the server")
	flag.StringVar(&a.Feed, "feed", "", "the feed")
	flag.StringVar(&a.Version, "version", "1", "its version")
	flag.StringVar(&a.Format, "format", "jsonl", "its format")
	flag.StringVar(&a.Date, "date", "", "the day, as 2026-03-02")
	flag.StringVar(&a.Into, "to", ".", "directory to write to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := a.download(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (a *asked) download(ctx context.Context, out io.Writer) error {
	body := map[string]string{"feed": a.Feed, "version": a.Version, "format": a.Format, "date": a.Date}
	var day struct {
		Intervals []string `json:"intervals"`
	}
	if err := a.call(ctx, "listfeedintervals", body, &day); err != nil {
		return err
	}
	if len(day.Intervals) == 0 {
		day.Intervals = []string{""} // the feed's windows are days
	}
	for _, interval := range day.Intervals {
		dir := filepath.Join(a.Into, a.Feed, "dt="+a.Date, filepath.FromSlash(interval))
		if _, err := os.Stat(filepath.Join(dir, "_SUCCESS")); err == nil {
			continue
		}
		if interval != "" {
			body["interval"] = interval
		}
		if err := a.window(ctx, body, dir); err != nil {
			return err
		}
		fmt.Fprintln(out, dir)
	}
	return nil
}

// window downloads the files of a window, and then writes its flag.
func (a *asked) window(ctx context.Context, body map[string]string, dir string) error {
	var list struct {
		Files []string `json:"files"`
	}
	if err := a.call(ctx, "listfeedfiles", body, &list); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	defer delete(body, "fileName")
	for _, name := range list.Files {
		body["fileName"] = name
		var file struct {
			URL string `json:"url"`
		}
		if err := a.call(ctx, "getfeedfile", body, &file); err != nil {
			return err
		}
		if err := save(ctx, file.URL, filepath.Join(dir, filepath.Base(name))); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "_SUCCESS"), nil, 0o640)
}

// call makes a call, again after 1, 2 and 4 seconds when there were too many.
func (a *asked) call(ctx context.Context, name string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for pause := time.Second; ; pause *= 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/fileexporter/v1/static/"+name, bytes.NewReader(raw))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("asapp-api-id", a.ID)
		req.Header.Set("asapp-api-secret", a.Secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
		res.Body.Close()
		switch {
		case err != nil:
			return err
		case res.StatusCode == http.StatusOK:
			return json.Unmarshal(answer, into)
		case res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 || pause > 4*time.Second:
			return fmt.Errorf("%s: %s: %s", name, res.Status, bytes.TrimSpace(answer))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// save writes what a link leads to into a file, whole or not at all.
func save(ctx context.Context, link, path string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("download %s: %s", filepath.Base(path), res.Status)
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	n, err := io.Copy(f, res.Body)
	if err == nil && res.ContentLength >= 0 && n != res.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
