package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/control"
	"trunkline/feed/export"
	"trunkline/feed/export/bucket"
	"trunkline/feed/export/download"
	"trunkline/feed/export/encode"
)

// openExports opens the export feed with the destinations of the configuration.
func (s *Server) openExports(ctx context.Context) error {
	c := s.cfg.Exports
	o := export.Options{Dir: c.Dir, Floor: s.floors.settings, WFM: c.HasWFM, SpoolBytes: int64(c.SpoolBytes), Checkpoint: c.Checkpoint.Std(), Node: s.cfg.Log.Node}
	if o.Dir == "" {
		if o.Dir = "exports"; s.cfg.Log.URL == "" {
			o.Dir = filepath.Join(s.cfg.Log.Dir, "exports")
		}
	}
	for i := range c.Destinations {
		d, err := exportDestination(ctx, &c.Destinations[i])
		if err != nil {
			return fmt.Errorf("exports.destinations: %s: %w", c.Destinations[i].ID, err)
		}
		o.Destinations = append(o.Destinations, d)
	}
	if len(o.Destinations) > 0 {
		if err := s.exportState(ctx, &o); err != nil {
			return err
		}
	}
	feed, err := export.Open(s.log, o)
	if err != nil {
		return err
	}
	s.export = feed
	s.onClose(feed.Close)
	s.metrics.registry.MustRegister(newExportCollector(feed.Destinations))
	key, err := s.downloadKey(ctx)
	if err != nil {
		return err
	}
	s.download = download.New(download.Options{Store: feed.Store, Authenticate: s.tokens.Authenticate, Known: s.Tenants().Known,
		Attempts: &auth.Attempts{Burst: s.cfg.Listen.BadTokens}, Key: key, Life: c.LinkLife.Std()})
	return nil
}

// exportState opens what the exports keep with the log.
func (s *Server) exportState(ctx context.Context, o *export.Options) (err error) {
	if o.Objects, err = s.log.OpenObjects(ctx, "exports"); err != nil {
		return err
	}
	if o.Node == "" {
		host, _ := os.Hostname()
		o.Node = host + "-" + rand.Text()
	}
	if s.cfg.Log.URL != "" { // the embedded log has one process
		o.Lease = s.cfg.Log.Lease.Std()
		o.Leases, err = s.log.KV(ctx, "export-leases")
	}
	return err
}

// downloadKey is what links are signed with: the same on every node, and after a restart.
func (s *Server) downloadKey(ctx context.Context) ([]byte, error) {
	kv, err := s.secretKV(ctx, exportLinksBucket)
	if err != nil {
		return nil, err
	}
	for {
		e, err := kv.Get(ctx, "key")
		if err == nil {
			return e.Value, nil
		}
		if !errors.Is(err, control.ErrNotFound) {
			return nil, fmt.Errorf("read the key of download links: %w", err)
		}
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		if _, err := kv.Create(ctx, "key", key); err != nil && !errors.Is(err, control.ErrExists) {
			return nil, fmt.Errorf("make the key of download links: %w", err)
		}
	}
}

// exportDestination opens the bucket of a destination.
func exportDestination(ctx context.Context, c *config.Destination) (export.Destination, error) {
	d := export.Destination{ID: c.ID, Tenant: c.Tenant, Feeds: c.Feeds, Formats: c.Formats, Gzip: c.Gzip, Manifest: c.Manifest,
		SplitBytes: int64(c.SplitBytes), Download: c.Download, Parallel: c.Parallel}
	if c.PublicKey != "" {
		raw, err := os.ReadFile(c.PublicKey)
		if err == nil {
			d.Recipients, err = encode.PublicKey(raw, time.Now())
		}
		if err != nil {
			return d, fmt.Errorf("public_key: %w", err)
		}
	}
	if c.Directory != "" {
		dir, err := bucket.OpenDirectory(c.Directory)
		d.Kind, d.Place, d.Store = "directory", c.Directory, dir
		return d, err
	}
	o := bucket.S3Options{Bucket: c.Bucket, Prefix: c.Prefix, Region: c.Region, Endpoint: c.Endpoint, PathStyle: c.PathStyle, KeyID: c.KeyID,
		Secret: os.Getenv(c.SecretEnv), Profile: c.Profile, Role: c.Role, ExternalID: c.ExternalID, Encryption: c.Encryption, PartBytes: int64(c.PartBytes)}
	for _, f := range []struct {
		path string
		into func([]byte)
	}{{c.CA, func(b []byte) { o.CA = b }}, {c.SecretFile, func(b []byte) { o.Secret = strings.TrimSpace(string(b)) }}} {
		if f.path == "" {
			continue
		}
		raw, err := os.ReadFile(f.path)
		if err != nil {
			return d, fmt.Errorf("read a file of the destination: %w", err)
		}
		f.into(raw)
	}
	if c.SecretEnv != "" && o.Secret == "" {
		return d, fmt.Errorf("secret_env: the environment has no %s", c.SecretEnv)
	}
	store, err := bucket.OpenS3(ctx, o)
	d.Kind, d.Place, d.Store = "s3", strings.TrimSuffix("s3://"+c.Bucket+"/"+c.Prefix, "/"), store
	return d, err
}

// exportCollector gives the metrics of the exports when somebody looks.
type exportCollector struct {
	views                                               func(tenant string) []export.DestinationView
	up, lag, waiting, missed, windows, rows, bytes, end *prometheus.Desc
}

func newExportCollector(views func(string) []export.DestinationView) *exportCollector {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("trunkline_export_"+name, help, append([]string{"tenant", "destination"}, more...), nil)
	}
	return &exportCollector{views: views,
		up:      desc("up", "1 while the destination takes windows, 0 while it is tried again or exported by another process."),
		lag:     desc("lag_seconds", "How long ago, by the log's time, the oldest window that waits has ended."),
		waiting: desc("waiting_windows", "Windows that are still to be delivered."),
		missed:  desc("missed_stretches", "Stretches of windows that the destination has not got."),
		windows: desc("windows_total", "Windows delivered by this process.", "feed"),
		rows:    desc("rows_total", "Rows in them.", "feed"),
		bytes:   desc("bytes_total", "Bytes of their files.", "feed"),
		end:     desc("closed_timestamp_seconds", "The log's time up to which windows were closed."),
	}
}

// Describe implements prometheus.Collector.
func (c *exportCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.lag, c.waiting, c.missed, c.windows, c.rows, c.bytes, c.end} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *exportCollector) Collect(ch chan<- prometheus.Metric) {
	for _, v := range c.views(auth.Operator) {
		gauge := func(d *prometheus.Desc, n float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, v.Tenant, v.ID)
		}
		up := 0.0
		if v.State == "up" {
			up = 1
		}
		gauge(c.up, up)
		gauge(c.lag, v.LagSeconds)
		gauge(c.waiting, float64(v.Waiting))
		gauge(c.missed, float64(len(v.Missed)))
		if !v.ClosedUpTo.IsZero() {
			gauge(c.end, float64(v.ClosedUpTo.Unix()))
		}
		for feed, f := range v.Feeds {
			count := func(d *prometheus.Desc, n int64) {
				ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), v.Tenant, v.ID, feed)
			}
			count(c.windows, f.Windows)
			count(c.rows, f.Rows)
			count(c.bytes, f.Bytes)
		}
	}
}
