package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Exports is the export feed.
type Exports struct {
	Dir          string        `yaml:"dir" default:"" doc:"Directory for rows of windows that are open and for checkpoints. Empty: exports beside the log's directory, ./exports with a log of an outside NATS."`
	WFM          []string      `yaml:"wfm" example:"acmecorp01" doc:"Tenants that have the tables queue_wfm and queue_membership_wfm, '*' for all. Their 15-minute rows must be kept: floor.intervals."`
	SpoolBytes   Size          `yaml:"spool_bytes" default:"4GiB" min:"1MiB" max:"64TiB" doc:"Rows that may wait on disk for one destination. When more would, the destination misses the oldest windows; a back-fill brings them later."`
	Checkpoint   Duration      `yaml:"checkpoint" default:"10s" min:"100ms" max:"1h" doc:"How often at most a checkpoint is written while the log is caught up with; it is written where a quarter of an hour ends."`
	LinkLife     Duration      `yaml:"link_life" default:"5m" min:"10s" max:"1h" doc:"How long a link of the download API is good."`
	Destinations []Destination `yaml:"destinations" doc:"Where windows go. Any number for each tenant; they do not wait for each other. A destination that is new gets all windows that the log still has."`
}

// Destination is a bucket of the export feed.
type Destination struct {
	ID         string   `yaml:"id" example:"warehouse" doc:"1 to 64 lower-case letters, digits, '-' and '_'; one of a kind in its tenant."`
	Tenant     string   `yaml:"tenant" example:"acmecorp01" doc:"Whose tables go there."`
	Directory  string   `yaml:"directory" example:"/var/lib/trunkline/exports/acmecorp01" doc:"A local directory. Give this or a bucket."`
	Bucket     string   `yaml:"bucket" example:"asapp-prod-acme-exports-us-east-1" doc:"A bucket of S3 or of a store that speaks its protocol."`
	Prefix     string   `yaml:"prefix" example:"acme" doc:"Folder of the bucket. Empty: its root."`
	Region     string   `yaml:"region" default:"us-east-1" doc:"The bucket's region."`
	Endpoint   string   `yaml:"endpoint" example:"https://s3.example.com" doc:"Address of a store that is not AWS."`
	PathStyle  bool     `yaml:"path_style" default:"false" doc:"Put the bucket's name into the path instead of the host's name."`
	CA         string   `yaml:"ca" doc:"File with the authorities of the endpoint, PEM. Empty: those of this machine."`
	KeyID      string   `yaml:"key_id" doc:"Id of a static key, with secret_env or secret_file. Empty: the profile, or what the AWS SDK finds: the environment, a web identity, the machine's IAM role."`
	SecretEnv  string   `yaml:"secret_env" example:"EXPORT_SECRET" doc:"Environment variable that holds the key's secret."`
	SecretFile string   `yaml:"secret_file" example:"/etc/trunkline/export.secret" doc:"File that holds it."`
	Profile    string   `yaml:"profile" doc:"Profile of the AWS configuration files."`
	Role       string   `yaml:"role" example:"arn:aws:iam::123456789012:role/exports" doc:"Role that is taken on for writing."`
	ExternalID string   `yaml:"external_id" doc:"What the owner of the role asks for."`
	Encryption string   `yaml:"encryption" default:"AES256" oneof:"AES256,aws:kms,none" doc:"Encryption at rest that is asked of the server."`
	PartBytes  Size     `yaml:"part_bytes" default:"16MiB" min:"5MiB" max:"1GiB" doc:"From which size on files are uploaded in parts of it."`
	Feeds      []string `yaml:"feeds" example:"events, convos_metrics" doc:"Tables that go there. Empty: all."`
	Formats    []string `yaml:"formats" default:"jsonl" oneof:"jsonl,parquet" doc:"jsonl, parquet."`
	Gzip       bool     `yaml:"gzip" default:"true" doc:"Compress JSON Lines with gzip."`
	Manifest   bool     `yaml:"manifest" default:"false" doc:"Write a _manifest.json beside the files: rows, bytes, SHA-256, first and last cursor."`
	SplitBytes Size     `yaml:"split_bytes" default:"256MiB" min:"1MiB" max:"64GiB" doc:"From which size on a file is followed by another one."`
	PublicKey  string   `yaml:"public_key" doc:"File with the customer's OpenPGP public key, to which files are encrypted. Empty: they are not."`
	Download   bool     `yaml:"download" default:"false" doc:"The File Exporter's calls show this destination of the tenant. Where none says so they show the first."`
	Parallel   int      `yaml:"parallel" default:"4" min:"1" max:"64" doc:"Windows that are delivered at the same time."`
}

// place names where a destination writes: windows of two would be taken for each other's there.
func (d *Destination) place() string {
	if d.Directory != "" {
		return filepath.Clean(d.Directory)
	}
	return d.Endpoint + " " + d.Bucket + "/" + strings.Trim(d.Prefix, "/")
}

// HasWFM says whether a tenant has the tables for workforce management.
func (e Exports) HasWFM(tenant string) bool {
	return slices.Contains(e.WFM, tenant) || slices.Contains(e.WFM, "*")
}

var exportID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// exports checks what only makes sense together. Which tables there are is checked where they are written.
func (l *loader) exports(c *Config) {
	tenants := c.tenantIDs()
	for _, t := range c.Exports.WFM {
		if t != "*" && !slices.Contains(tenants, t) {
			l.refuse("exports.wfm", "there is no tenant %q in the configuration", t)
		} else if !c.Floor.KeepsIntervals(t) {
			l.refuse("exports.wfm", "the 15-minute rows of %q are not kept: name it in floor.intervals", t)
		}
	}
	seen, places, shown := map[[2]string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range c.Exports.Destinations {
		d, path := &c.Exports.Destinations[i], fmt.Sprintf("exports.destinations[%d]", i)
		l.tenantOf(d.Tenant, path, tenants)
		if !exportID.MatchString(d.ID) {
			l.refuse(path+".id", "%q is not accepted: 1 to 64 lower-case letters, digits, '-' and '_'", d.ID)
		}
		if key := [2]string{d.Tenant, d.ID}; seen[key] {
			l.refuse(path+".id", "the id %q is used twice", d.ID)
		} else {
			seen[key] = true
		}
		if d.Download && shown[d.Tenant] {
			l.refuse(path+".download", "another destination of %q is shown by the download API already", d.Tenant)
		}
		shown[d.Tenant] = shown[d.Tenant] || d.Download
		if (d.Directory == "") == (d.Bucket == "") {
			l.refuse(path+".directory", "exactly one of directory and bucket is needed")
		}
		if place := d.place(); places[place] {
			l.refuse(path, "another destination writes to the same place: each needs a directory, bucket or prefix of its own")
		} else {
			places[place] = true
		}
		if (d.KeyID == "") != (d.SecretEnv == "" && d.SecretFile == "") || d.SecretEnv != "" && d.SecretFile != "" {
			l.refuse(path+".key_id", "a static key needs key_id and exactly one of secret_env and secret_file")
		}
		if d.Endpoint != "" {
			if u, err := url.Parse(d.Endpoint); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				l.refuse(path+".endpoint", "%q is not accepted: an address, as in https://s3.example.com", d.Endpoint)
			}
		}
	}
}
