// Command export measures how fast windows of the export feed are encoded, on one
// core: rows and megabytes a second of JSON Lines with gzip and of Parquet, beside
// bare gzip of the same JSON, which is the limit; and what memory a large window needs.
// Seconds are those of the processor, so that others on the machine do not matter.
//
//	go run ./bench/export [-rows N] [-gigabytes N]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"

	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

func main() {
	rows := flag.Int("rows", 300_000, "rows of each measurement")
	gigabytes := flag.Float64("gigabytes", 10, "JSON of the large window; 0 leaves it out")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	if err := run(*rows, *gigabytes); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rows int, gigabytes float64) error {
	dir, err := os.MkdirTemp("", "bench-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("| table | what | rows/s | MB/s of JSON | of bare gzip | bytes a row on disk |\n|---|---|---|---|---|---|\n")
	for _, name := range []string{"convos_metrics", "utterances", "events"} {
		t, ok := schema.Find(name)
		if !ok {
			return fmt.Errorf("there is no table %s", name)
		}
		if err := measure(dir, t, rows); err != nil {
			return err
		}
	}
	if gigabytes <= 0 {
		return nil
	}
	return large(dir, gigabytes)
}

// spent is the processor's time so far.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// makeRow makes a row with values as varied as real ones are.
func makeRow(t *schema.Table, r schema.Row, i int) {
	for n, c := range t.Columns {
		mix := uint64(i)*0x9e3779b97f4a7c15 + uint64(n)*0xbf58476d1ce4e5b9
		mix ^= mix >> 29
		switch {
		case c.Null:
			r[n] = schema.Value{}
		case c.Kind == schema.Integer:
			r[n] = schema.Int(int64(mix % 100_000))
		case c.Kind == schema.Float:
			r[n] = schema.Real(float64(mix%1_000_000) / 1000)
		case c.Kind == schema.Boolean:
			r[n] = schema.Truth(mix&1 == 1)
		case c.Kind == schema.Timestamp:
			r[n] = schema.Millis(1_772_000_000_000 + int64(i)*37)
		case strings.EqualFold(c.SQL, "text"):
			r[n] = schema.Text(`{"specversion":"1.0","id":"` + strconv.FormatUint(mix, 36) + `","source":"/pbx/1","type":"interaction.queued","data":{"interaction":"` + strconv.Itoa(i/5) + `","media":"phone","queue":"support","priority":` + strconv.Itoa(i%10) + `}}`)
		case n%3 == 0:
			r[n] = schema.Text("queue " + strconv.FormatUint(mix%20, 10))
		default:
			r[n] = schema.Text(strconv.FormatUint(mix, 36))
		}
	}
}

// feedRows hands rows on.
func feedRows(t *schema.Table, rows int) func(add func(schema.Row) error) error {
	return func(add func(schema.Row) error) error {
		r := make(schema.Row, len(t.Columns))
		for i := range rows {
			makeRow(t, r, i)
			if err := add(r); err != nil {
				return err
			}
		}
		return nil
	}
}

func measure(dir string, t *schema.Table, rows int) error {
	// What making the rows costs is not the encoder's.
	began := spent()
	if err := feedRows(t, rows)(func(schema.Row) error { return nil }); err != nil {
		return err
	}
	making := spent() - began
	var text []byte
	_ = feedRows(t, rows)(func(r schema.Row) error {
		text = append(t.AppendJSON(text, r), '\n')
		return nil
	})
	bare, size, err := zip(dir, text)
	if err != nil {
		return err
	}
	mb := float64(len(text)) / 1e6
	print1 := func(what string, took time.Duration, bytes int64) {
		fmt.Printf("| %s | %s | %.0f | %.0f | %.2f | %.1f |\n", t.Name, what, float64(rows)/took.Seconds(), mb/took.Seconds(), bare.Seconds()/took.Seconds(), float64(bytes)/float64(rows))
	}
	print1("bare gzip of the same JSON", bare, size)
	for _, f := range []struct {
		what string
		o    encode.Options
	}{{"jsonl.gz", encode.Options{Format: layout.JSONL, Gzip: true}}, {"parquet", encode.Options{Format: layout.Parquet}}, {"jsonl", encode.Options{Format: layout.JSONL}}} {
		runtime.GC()
		began := spent()
		files, err := encode.Write(context.Background(), dir, t, f.o, feedRows(t, rows))
		if err != nil {
			return err
		}
		took := spent() - began - making
		bytes := int64(0)
		for _, file := range files {
			bytes += file.Bytes
		}
		encode.Remove(files)
		print1(f.what, took, bytes)
	}
	return nil
}

// zip compresses to a file, as the exports do.
func zip(dir string, text []byte) (time.Duration, int64, error) {
	f, err := os.CreateTemp(dir, "bare-")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	began := spent()
	z, err := gzip.NewWriterLevel(f, 5)
	if err == nil {
		_, err = z.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	took := spent() - began
	i, serr := f.Stat()
	if err == nil {
		err = serr
	}
	if err != nil {
		return 0, 0, err
	}
	return took, i.Size(), nil
}

// large writes one window of many gigabytes, and prints what memory it took as it
// grew.
func large(dir string, gigabytes float64) error {
	t, _ := schema.Find("events")
	var line []byte
	r := make(schema.Row, len(t.Columns))
	makeRow(t, r, 1)
	line = t.AppendJSON(line, r)
	rows := int(gigabytes * 1e9 / float64(len(line)))
	debugSize := func() float64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapInuse+m.StackInuse) / 1e6
	}
	for _, format := range []string{layout.JSONL, layout.Parquet} {
		runtime.GC()
		began := time.Now()
		first, most, n := 0.0, 0.0, 0
		files, err := encode.Write(context.Background(), dir, t, encode.Options{Format: format, Gzip: true}, func(add func(schema.Row) error) error {
			return feedRows(t, rows)(func(r schema.Row) error {
				if n++; n%(rows/100+1) == 0 {
					now := debugSize()
					if most = max(most, now); n <= rows/10 {
						first = most
					}
				}
				return add(r)
			})
		})
		if err != nil {
			return err
		}
		fmt.Printf("\n%s: a window of %.1f GB of JSON (%d rows) in %d files, %.0f s; the heap had at most %.0f MB in the first tenth and %.0f MB at any time\n",
			format, gigabytes, rows, len(files), time.Since(began).Seconds(), first, most)
		encode.Remove(files)
	}
	return nil
}
