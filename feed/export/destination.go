package export

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/encode"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// Destination is a bucket to which a tenant's windows go.
type Destination struct {
	ID     string // one of a kind in its tenant: lower-case letters, digits, '-' and '_'
	Tenant string
	Kind   string // directory or s3, to be shown
	Place  string // where it is, to be shown; no secrets
	Store  bucket.Store
	// Feeds are the tables that go there; none: all.
	Feeds   []string
	Formats []string // jsonl by default
	Gzip    bool
	// Manifest writes a _manifest.json beside the files.
	Manifest   bool
	SplitBytes int64
	// Recipients are whom the files are encrypted to; none: they are not encrypted.
	Recipients openpgp.EntityList
	// Download has the download API show this one of the tenant's destinations.
	Download bool
	// Parallel is how many windows are delivered at the same time, 4 by default.
	Parallel int
}

var destinationID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// check completes a destination.
func (d *Destination) check() error {
	if !destinationID.MatchString(d.ID) {
		return fmt.Errorf("the id %q is not accepted: 1 to 64 lower-case letters, digits, '-' and '_'", d.ID)
	}
	if d.Tenant == "" || d.Store == nil {
		return errors.New("a destination needs a tenant and a bucket")
	}
	for _, f := range d.Feeds {
		if _, ok := schema.Find(f); !ok {
			return fmt.Errorf("%s: there is no feed %q", d.ID, f)
		}
	}
	if len(d.Formats) == 0 {
		d.Formats = []string{layout.JSONL}
	}
	for _, f := range d.Formats {
		if f != layout.JSONL && f != layout.Parquet {
			return fmt.Errorf("%s: there is no format %q: jsonl and parquet", d.ID, f)
		}
	}
	if d.SplitBytes <= 0 {
		d.SplitBytes = encode.DefaultSplit
	}
	if d.Parallel <= 0 {
		d.Parallel = 4
	}
	return nil
}

func (d *Destination) key() string { return d.Tenant + "/" + d.ID }

// takes says whether a table goes to the destination. wfm: the tenant has the tables
// that must be asked for.
func (d *Destination) takes(t *schema.Table, wfm bool) bool {
	return (wfm || !t.OptIn) && (len(d.Feeds) == 0 || slices.Contains(d.Feeds, t.Name))
}

func (d *Destination) encoding(format string) encode.Options {
	return encode.Options{Format: format, Gzip: d.Gzip, SplitBytes: d.SplitBytes, Recipients: d.Recipients}
}

// signature names what windows a destination gets: where it changes, the log is read
// again for those that it has not got.
func (d *Destination) signature() string {
	feeds, formats := slices.Sorted(slices.Values(d.Feeds)), slices.Sorted(slices.Values(d.Formats))
	return strings.Join([]string{d.key(), d.Place, strings.Join(feeds, ","), strings.Join(formats, ",")}, " ")
}
