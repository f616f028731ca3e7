package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/spf13/cobra"

	"trunkline/client"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/pull"
	"trunkline/feed/export/schema"
)

func newPullCmd() *cobra.Command {
	f := &pullFlags{}
	cmd := &cobra.Command{
		Use:   "pull SOURCE",
		Short: "Take exports out of a bucket and keep one set of each table without duplicates",
		Long: `Take what is complete (has its _SUCCESS) and was not taken yet, and merge it into one set of each table without
duplicates, as the vendor's guide says. A second run does nothing. SOURCE is a local directory, s3://BUCKET/FOLDER, or the
address of a File Exporter, as in https://api.asapp.com.

Keys for S3 come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), a profile or the machine's role; those of a
File Exporter from ASAPP_API_ID and ASAPP_API_SECRET. With --deliver the feed of events is appended to a running server
instead, which drops those that it has.`,
		Example: `  trunkline pull ./exports --to ./warehouse
  trunkline pull s3://asapp-prod-acme-exports-us-east-1 --to ./warehouse --feeds convos_metrics,rep_activity --watch 5m`,
		Args: oneArg("source"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.client.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.o.Dir, "to", "", "directory in which the sets are kept")
	flags.StringSliceVar(&f.o.Feeds, "feeds", nil, "tables to take (none: all)")
	flags.StringVar(&f.o.Format, "format", "jsonl", "format of the sets: jsonl or parquet")
	flags.StringVar(&f.ordering, "ordering", "logical", "which of the rows with one key holds: logical (the logical time, then the window) or guide (the columns of the vendor's guide, then the window)")
	flags.StringVar(&f.since, "since", "", "leave out windows that begin before this day, as in 2026-03-02")
	flags.StringVar(&f.keyFile, "decrypt-key", "", "file with the OpenPGP private key that opens encrypted files; its passphrase, if any, in TRUNKLINE_PASSPHRASE")
	flags.DurationVar(&f.watch, "watch", 0, "look again after this time, until the program is stopped (0: once)")
	flags.StringVar(&f.s3.Region, "region", "", "region of the bucket")
	flags.StringVar(&f.s3.Endpoint, "endpoint", "", "address of a store that is not AWS, as in https://s3.example.com")
	flags.BoolVar(&f.s3.PathStyle, "path-style", false, "put the bucket's name into the path instead of the host's name")
	flags.StringVar(&f.s3.Profile, "profile", "", "profile of the AWS configuration files")
	flags.BoolVar(&f.deliver, "deliver", false, "append the feed of events to the server of --url instead of keeping a set of it")
	return cmd
}

type pullFlags struct {
	client                   clientFlags
	ordering, since, keyFile string
	watch                    time.Duration
	deliver                  bool
	s3                       bucket.S3Options
	o                        pull.Options
}

func (f *pullFlags) run(cmd *cobra.Command, source string) error {
	o := f.o
	var err error
	if o.Dir == "" {
		return usage(errors.New("--to is needed: the directory in which the sets are kept"))
	}
	if o.Ordering, err = schema.ParseOrdering(f.ordering); err != nil {
		return usage(fmt.Errorf("--ordering: %w", err))
	}
	if f.since != "" {
		if o.Since, err = time.Parse(time.DateOnly, f.since); err != nil {
			return usage(fmt.Errorf("--since: %q is not a day, as in 2026-03-02", f.since))
		}
	}
	if o.Keys, err = f.keys(); err != nil {
		return usage(err)
	}
	if o.Source, err = f.source(cmd.Context(), source); err != nil {
		return usage(err)
	}
	if f.deliver {
		options, err := f.client.options()
		if err != nil {
			return err
		}
		to, err := client.New(options)
		if err != nil {
			return usage(err)
		}
		o.Deliver = func(ctx context.Context, events [][]byte) error { return deliver(ctx, to, events) }
	}
	stderr := cmd.ErrOrStderr()
	bar := &pullBar{w: stderr, terminal: isTerminal(stderr)}
	o.Progress = bar.update
	p, err := pull.New(o)
	if err != nil {
		return usage(err)
	}
	if f.watch <= 0 {
		results, err := p.Run(cmd.Context())
		bar.done()
		report(cmd.OutOrStdout(), results)
		return err
	}
	p.Watch(cmd.Context(), f.watch, func(results []pull.Result, err error) {
		bar.done()
		report(cmd.OutOrStdout(), results)
		if err != nil {
			fmt.Fprintf(stderr, "trunkline: %v; it is tried again in %v\n", err, f.watch)
		}
	})
	return nil
}

// source opens what exports are taken from.
func (f *pullFlags) source(ctx context.Context, source string) (pull.Source, error) {
	u, err := url.Parse(source)
	switch {
	case err == nil && u.Scheme == "s3":
		o := f.s3
		o.Bucket, o.Prefix = u.Host, strings.Trim(u.Path, "/")
		if f.client.ca != "" {
			if o.CA, err = os.ReadFile(f.client.ca); err != nil {
				return nil, fmt.Errorf("--ca: %w", err)
			}
		}
		store, err := bucket.OpenS3(ctx, o)
		if err != nil {
			return nil, err
		}
		return pull.OpenBucket(store), nil
	case err == nil && (u.Scheme == "https" || u.Scheme == "http"):
		o, err := f.client.options()
		if err != nil {
			return nil, err
		}
		conf, err := o.TLS()
		if err != nil {
			return nil, err
		}
		hc := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf}}
		return pull.OpenFileExporter(source, os.Getenv("ASAPP_API_ID"), os.Getenv("ASAPP_API_SECRET"), hc)
	}
	if info, err := os.Stat(source); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%q is no directory, s3://BUCKET/FOLDER, or address of a File Exporter", source)
	}
	store, err := bucket.OpenDirectory(source)
	if err != nil {
		return nil, err
	}
	return pull.OpenBucket(store), nil
}

// keys reads the private key of encrypted files.
func (f *pullFlags) keys() (openpgp.EntityList, error) {
	if f.keyFile == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("--decrypt-key: %w", err)
	}
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(raw))
	if err != nil {
		list, err = openpgp.ReadKeyRing(bytes.NewReader(raw))
	}
	if err != nil {
		return nil, fmt.Errorf("--decrypt-key: %s is no OpenPGP key: %w", f.keyFile, err)
	}
	pass := []byte(os.Getenv("TRUNKLINE_PASSPHRASE"))
	for _, e := range list {
		if e.PrivateKey == nil {
			return nil, fmt.Errorf("--decrypt-key: %s holds a public key only", f.keyFile)
		}
		if err := e.DecryptPrivateKeys(pass); err != nil {
			return nil, fmt.Errorf("--decrypt-key: the passphrase in TRUNKLINE_PASSPHRASE does not open %s", f.keyFile)
		}
	}
	return list, nil
}

// deliver appends events to a server.
func deliver(ctx context.Context, to *client.Client, events [][]byte) error {
	body := bytes.Join(events, []byte{'\n'})
	resp, err := to.Open(ctx, http.MethodPost, "/v1/events", http.Header{"Content-Type": {"application/x-ndjson"}}, bytes.NewReader(body))
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}

// report says what a run did.
func report(w io.Writer, results []pull.Result) {
	for _, r := range results {
		switch {
		case r.Incident != nil:
			fmt.Fprintf(w, "%-36s as it was: %v\n", r.Feed, r.Incident)
		case r.Parts > 0 && r.Handed:
			fmt.Fprintf(w, "%-36s %d windows with %d rows handed on, %d rows in all\n", r.Feed, r.Parts, r.Rows, r.Kept)
		case r.Parts > 0:
			fmt.Fprintf(w, "%-36s %d windows with %d rows taken, %d rows in the set\n", r.Feed, r.Parts, r.Rows, r.Kept)
		}
		for _, c := range r.Changes {
			fmt.Fprintf(w, "%-36s schema: %s\n", r.Feed, c)
		}
	}
}

// pullBar shows how far a run is, on a terminal.
type pullBar struct {
	w        io.Writer
	terminal bool
	last     time.Time
	drawn    bool
}

func (b *pullBar) update(p pull.Progress) {
	if !b.terminal || time.Since(b.last) < 100*time.Millisecond {
		return
	}
	b.last, b.drawn = time.Now(), true
	const cells = 24
	full := 0
	if p.Of > 0 {
		full = int(min(float64(p.Bytes)/float64(p.Of), 1) * cells)
	}
	fmt.Fprintf(b.w, "\r\x1b[K[%s%s] %s, window %d of %d, %.1f MB", strings.Repeat("#", full), strings.Repeat(".", cells-full), p.Feed, p.Part, p.Parts, float64(p.Bytes)/1e6)
}

func (b *pullBar) done() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}
