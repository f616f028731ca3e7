// Package layout names what stands where in a bucket of exports, in the layout that
// customers of ASAPP's batch exports load already:
//
//	FEED/version=V/format=F/dt=YYYY-MM-DD/hr=HH/mi=MM/FEED.F[.NN][.gz][.enc]
//
// hr and mi are there where the feed's windows are shorter than a day and an hour. A
// [Window] is one partition: the time, UTC, in which the log received what is in it.
// [Path], [File] and [BucketName] write names; [ParsePath] and [ParseFile] read
// them.
package layout

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Names of the files beside the data.
const (
	SuccessFile  = "_SUCCESS"       // empty: the partition is complete
	ManifestFile = "_manifest.json" // what is in it, where a destination wants that
	// DocsFile is the schema document, written each day into the root of the bucket.
	DocsFile = "export_docs.yaml"
)

// The formats.
const (
	JSONL   = "jsonl"   // JSON Lines, which every consumer takes
	Parquet = "parquet" // typed columns
)

// ErrPath says that a path is not one of the layout.
var ErrPath = errors.New("not the path of an export")

// Window is one partition: from Start, UTC, for Length: 15 minutes, an hour or a day.
type Window struct {
	Start  time.Time
	Length time.Duration
}

// Lengths of windows.
const (
	Quarter = 15 * time.Minute
	Hourly  = time.Hour
	Daily   = 24 * time.Hour
)

// WindowAt is the window of a length that t is in.
func WindowAt(t time.Time, length time.Duration) Window {
	return Window{t.UTC().Truncate(length), length}
}

// End is the first moment behind the window.
func (w Window) End() time.Time { return w.Start.Add(w.Length) }

// Next is the window behind w.
func (w Window) Next() Window { return Window{w.End(), w.Length} }

// Interval is the part of a path that names the window within its day, as in
// hr=09/mi=15; "" for a whole day.
func (w Window) Interval() string {
	switch {
	case w.Length < Hourly:
		return w.Start.UTC().Format("hr=15/mi=04")
	case w.Length < Daily:
		return w.Start.UTC().Format("hr=15")
	}
	return ""
}

// Date is the day of the window, as in 2026-03-02.
func (w Window) Date() string { return w.Start.UTC().Format(time.DateOnly) }

// String names the window as its path does.
func (w Window) String() string {
	s := "dt=" + w.Date()
	if i := w.Interval(); i != "" {
		s += "/" + i
	}
	return s
}

// Path is the folder of a partition, without a slash at its end.
func Path(feed, version, format string, w Window) string {
	return fmt.Sprintf("%s/version=%s/format=%s/%s", feed, version, format, w)
}

// MaxSplits is how many files a partition has at most: the sequence has two digits.
const MaxSplits = 100

// File is the name of a file in a partition, taken apart.
type File struct {
	Feed, Format string
	Split        int  // its place where the partition is split, from 0; below 0 where it is not
	Gzip         bool // compressed
	Encrypted    bool // OpenPGP
}

// String is FEED.FORMAT, with .NN, .gz and .enc behind it where they apply.
func (f File) String() string {
	name := f.Feed + "." + f.Format
	if f.Split >= 0 {
		name += fmt.Sprintf(".%02d", f.Split)
	}
	if f.Gzip {
		name += ".gz"
	}
	if f.Encrypted {
		name += ".enc"
	}
	return name
}

var fileName = regexp.MustCompile(`^([a-z][a-z0-9_]*)\.(jsonl|parquet)(?:\.(\d\d))?(\.gz)?(\.enc)?$`)

// ParseFile reads what [File.String] wrote.
func ParseFile(name string) (File, error) {
	m := fileName.FindStringSubmatch(name)
	if m == nil {
		return File{}, fmt.Errorf("%w: a file named %q; it is FEED.jsonl or FEED.parquet, then .NN, .gz and .enc where they apply", ErrPath, name)
	}
	f := File{Feed: m[1], Format: m[2], Split: -1, Gzip: m[4] != "", Encrypted: m[5] != ""}
	if m[3] != "" {
		f.Split, _ = strconv.Atoi(m[3])
	}
	return f, nil
}

// Partition is a path that was read.
type Partition struct {
	Feed, Version, Format string
	Window                Window
	File                  string // empty: the folder
}

// Folder is the path of the partition without a file.
func (p Partition) Folder() string { return Path(p.Feed, p.Version, p.Format, p.Window) }

var partitionPath = regexp.MustCompile(`^([a-z][a-z0-9_]*)/version=([0-9A-Za-z][0-9A-Za-z.]*)/format=([a-z0-9]+)/dt=(\d{4}-\d\d-\d\d)(?:/hr=(\d\d)(?:/mi=(\d\d))?)?(?:/([^/=]+))?$`)

// ParsePath reads what [Path] wrote, with or without a file behind it.
func ParsePath(path string) (Partition, error) {
	m := partitionPath.FindStringSubmatch(path)
	if m == nil {
		return Partition{}, fmt.Errorf("%w: %q; it is FEED/version=V/format=F/dt=YYYY-MM-DD, and hr=HH and mi=MM for shorter windows", ErrPath, path)
	}
	p := Partition{Feed: m[1], Version: m[2], Format: m[3], File: m[7], Window: Window{Length: Daily}}
	text, form := m[4], "2006-01-02"
	if m[5] != "" {
		text, form, p.Window.Length = text+" "+m[5], form+" 15", Hourly
	}
	if m[6] != "" {
		text, form, p.Window.Length = text+":"+m[6], form+":04", Quarter
	}
	at, err := time.Parse(form, text)
	if err != nil || !at.Equal(at.Truncate(p.Window.Length)) {
		return Partition{}, fmt.Errorf("%w: %q names no window: days, hours, and minutes 00, 15, 30 and 45 do", ErrPath, path)
	}
	p.Window.Start = at
	return p, nil
}

// BucketName is asapp-ENV-COMPANY-exports-REGION with another first word: how ASAPP
// names buckets. The company loses its spaces, and all become lower case.
func BucketName(prefix, env, company, region string) string {
	return strings.ToLower(strings.Join([]string{prefix, env, strings.Join(strings.Fields(company), ""), "exports", region}, "-"))
}
