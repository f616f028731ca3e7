// Command pull measures the consumer of the export feed: how fast windows of a table
// become one set without duplicates.
//
//	go run ./bench/pull [-rows 10000000]
//
// A tenth of the rows are newer ones of keys that were there before. Beside it stands
// reading the same files, decompressing them and counting their lines: the least that a
// consumer can do.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	kgzip "github.com/klauspost/compress/gzip"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/pull"
	"trunkline/feed/export/schema"
)

func main() {
	rows := flag.Int("rows", 10_000_000, "rows that are exported")
	per := flag.Int("per-window", 250_000, "rows of a window")
	flag.Parse()
	if err := run(*rows, *per); err != nil {
		fmt.Fprintln(os.Stderr, "bench/pull:", err)
		os.Exit(1)
	}
}

const table = "utterances"

func run(rows, per int) error {
	dir, err := os.MkdirTemp("", "trunkline-pull-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	raw, err := fill(filepath.Join(dir, "bucket"), rows, per)
	if err != nil {
		return err
	}
	began := time.Now()
	lines, packed, err := count(filepath.Join(dir, "bucket"))
	if err != nil {
		return err
	}
	plain := time.Since(began)
	store, err := bucket.OpenDirectory(filepath.Join(dir, "bucket"))
	if err != nil {
		return err
	}
	p, err := pull.New(pull.Options{Source: pull.OpenBucket(store), Dir: filepath.Join(dir, "set"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	began = time.Now()
	used := cpu()
	res, err := p.Run(context.Background())
	if err != nil {
		return err
	}
	took := time.Since(began)
	used = cpu() - used
	began = time.Now()
	if _, err := p.Run(context.Background()); err != nil {
		return err
	}
	again := time.Since(began)
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	fmt.Printf("### %d rows of %s, %.1f MB compressed, %.1f MB of JSON\n\n| what | rows/s | MB of JSON a second | CPU a row |\n|---|---|---|---|\n", rows, table, float64(packed)/1e6, float64(raw)/1e6)
	fmt.Printf("| **pull, fetched, checked and without duplicates: %d rows stay** | %.0f | %.0f | %.2f µs |\n", res[0].Kept, float64(rows)/took.Seconds(), float64(raw)/1e6/took.Seconds(), float64(used.Microseconds())/float64(rows))
	fmt.Printf("| limit: decompress and count %d lines | %.0f | %.0f | |\n", lines, float64(rows)/plain.Seconds(), float64(raw)/1e6/plain.Seconds())
	fmt.Printf("\nA second run: %v. Peak memory of the whole program: %d MB.\n", again.Round(time.Millisecond), u.Maxrss/1024)
	return nil
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fill writes the windows and gives the bytes of their JSON.
func fill(dir string, rows, per int) (raw int64, err error) {
	t, _ := schema.Find(table)
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	said := strings.Repeat("what a customer says, ", 4)
	w := layout.WindowAt(at, t.Every)
	for done := 0; done < rows; w = w.Next() {
		folder := filepath.Join(dir, filepath.FromSlash(layout.Path(table, t.Version, layout.JSONL, w)))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return raw, err
		}
		f, err := os.Create(filepath.Join(folder, layout.File{Feed: table, Format: layout.JSONL, Split: -1, Gzip: true}.String()))
		if err != nil {
			return raw, err
		}
		z, _ := kgzip.NewWriterLevel(f, kgzip.BestSpeed)
		b := bufio.NewWriterSize(z, 1<<20)
		for i := 0; i < per && done < rows; i++ {
			n := done
			if done%10 == 9 && done > per {
				n = done - per // again, later
			}
			done++
			size, err := fmt.Fprintf(b, `{"created_ts":"2026-03-02T%02d:%02d:%02d.%06d+00:00","conversation_id":%d,"issue_id":%d,"company_id":7,"sequence_id":%d,"sender_id":%d,"sender_type":"customer","utterance_type":"text","utterance":"%s%d","instance_ts":"%s"}`+"\n",
				n/3600%24, n/60%60, n%60, n%1_000_000, n, n/12, n%12, n%977, said, n, w.Start.Format(time.RFC3339))
			if err != nil {
				return raw, err
			}
			raw += int64(size)
		}
		if err := b.Flush(); err != nil {
			return raw, err
		}
		if err := z.Close(); err != nil {
			return raw, err
		}
		if err := f.Close(); err != nil {
			return raw, err
		}
		if err := os.WriteFile(filepath.Join(folder, layout.SuccessFile), nil, 0o600); err != nil {
			return raw, err
		}
	}
	return raw, nil
}

// count decompresses all files and counts their lines.
func count(dir string) (lines, packed int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".gz") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if info, err := f.Stat(); err == nil {
			packed += info.Size()
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		s := bufio.NewScanner(z)
		s.Buffer(make([]byte, 64<<10), 1<<20)
		for s.Scan() {
			lines++
		}
		return s.Err()
	})
	return lines, packed, err
}
