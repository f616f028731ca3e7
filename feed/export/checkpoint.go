package export

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/s2"

	"trunkline/eventlog"
	"trunkline/feed/export/layout"
	"trunkline/feed/export/schema"
)

// errCheckpoint says that a checkpoint cannot be used, which costs time and nothing
// else.
var errCheckpoint = errors.New("the checkpoint of the exports cannot be used")

// A checkpoint is "TLX1", the JSON of this compressed with S2, and the CRC-32C of
// both, little-endian.
const checkpointMagic = "TLX1"

// checkpoint is where a pass stood at the end of a quarter-hour.
type checkpoint struct {
	At       eventlog.Position `json:"at"`
	Next     time.Time         `json:"next"`
	Whole    time.Time         `json:"whole"`
	Version  int               `json:"fold_version"`
	Floor    []byte            `json:"floor"`
	Accounts []accountState    `json:"accounts"`
	// Destinations are all that the windows so far went to, or are kept for.
	Destinations []destinationState `json:"destinations"`
}

type accountState struct {
	Tenant   string      `json:"tenant"`
	Describe string      `json:"describe"`
	Books    []byte      `json:"books"`
	Spans    []span      `json:"spans"`
	Open     []openState `json:"open,omitempty"`
}

type openState struct {
	Table string    `json:"table"`
	Start time.Time `json:"start"`
	Kept  kept      `json:"kept"`
}

type destinationState struct {
	Signature string     `json:"signature"`
	Jobs      []jobState `json:"jobs,omitempty"`
	Missed    []Missed   `json:"missed,omitempty"`
}

type jobState struct {
	Table string    `json:"table"`
	Start time.Time `json:"start"`
	Kept  kept      `json:"kept"`
	First string    `json:"first,omitempty"`
	Last  string    `json:"last,omitempty"`
}

// checkpoint writes down where the pass stands. clean leaves out what waits for
// destinations: for when it has arrived. It gives nil where a window is open then.
func (p *pass) checkpoint(clean bool) ([]byte, error) {
	c := checkpoint{At: p.at, Next: p.next, Whole: p.whole, Version: p.version}
	var err error
	if c.Floor, err = p.fold.Snapshot(); err != nil {
		return nil, fmt.Errorf("write a checkpoint: %w", err)
	}
	for _, a := range p.accounts {
		st := accountState{Tenant: a.tenant, Describe: a.describe(), Spans: a.spans}
		if st.Books, err = a.books.Snapshot(); err != nil {
			return nil, fmt.Errorf("write a checkpoint: %w", err)
		}
		for _, t := range a.tables {
			s := a.open[t]
			if s == nil {
				continue
			}
			if clean {
				return nil, nil
			}
			if err := s.sync(); err != nil {
				return nil, fmt.Errorf("write a checkpoint: %w", err)
			}
			st.Open = append(st.Open, openState{t.Name, s.window.Start, s.kept})
		}
		c.Accounts = append(c.Accounts, st)
		for _, w := range a.workers {
			d := destinationState{Signature: w.d.signature(), Missed: w.seen.missedNow()}
			for _, j := range w.jobs() {
				if !clean {
					d.Jobs = append(d.Jobs, jobState{j.Table.Name, j.Window.Start, j.Kept, j.First, j.Last})
				}
			}
			c.Destinations = append(c.Destinations, d)
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write a checkpoint: %w", err)
	}
	b := append([]byte(checkpointMagic), s2.Encode(nil, raw)...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// restore goes on where a checkpoint was written. On an error the pass must not be
// used.
func (p *pass) restore(b []byte) error {
	end := len(b) - 4
	if end < len(checkpointMagic) || string(b[:len(checkpointMagic)]) != checkpointMagic || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return fmt.Errorf("%w: it is damaged", errCheckpoint)
	}
	raw, err := s2.Decode(nil, b[len(checkpointMagic):end])
	if err != nil {
		return fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	var c checkpoint
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	if err := p.fold.Restore(c.Floor); err != nil {
		return fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	p.follow().SetVersion(c.Version)
	p.at, p.next, p.whole = c.At, c.Next, c.Whole
	shared := map[string]*atomic.Int32{}
	for _, a := range p.accounts {
		if err := p.restoreAccount(a, &c, shared); err != nil {
			return fmt.Errorf("%w: %w", errCheckpoint, err)
		}
	}
	return nil
}

func (p *pass) restoreAccount(a *account, c *checkpoint, shared map[string]*atomic.Int32) error {
	i := slices.IndexFunc(c.Accounts, func(s accountState) bool { return s.Tenant == a.tenant })
	if i < 0 || c.Accounts[i].Describe != a.describe() {
		return fmt.Errorf("what is exported of %s has changed", a.tenant)
	}
	st := &c.Accounts[i]
	if err := a.books.Restore(st.Books, p.fold.Tenant(a.tenant)); err != nil {
		return err
	}
	a.spans = st.Spans
	for _, o := range st.Open {
		t, ok := schema.Find(o.Table)
		if !ok {
			return fmt.Errorf("there is no table %s", o.Table)
		}
		s, err := reopenSpool(p.dir, t, layout.Window{Start: o.Start, Length: t.Every}, o.Kept)
		if err != nil {
			return err
		}
		a.open[t] = s
	}
	for _, w := range a.workers {
		if err := w.restore(c, shared); err != nil {
			return err
		}
	}
	return nil
}

// restore takes up what was still to be delivered.
func (w *worker) restore(c *checkpoint, shared map[string]*atomic.Int32) error {
	i := slices.IndexFunc(c.Destinations, func(d destinationState) bool { return d.Signature == w.d.signature() })
	if i < 0 {
		return fmt.Errorf("the destination %s is new or another one", w.d.key())
	}
	w.seen.restoreMissed(c.Destinations[i].Missed)
	for _, s := range c.Destinations[i].Jobs {
		t, ok := schema.Find(s.Table)
		if s.Table == docsTable.Name {
			t, ok = docsTable, true
		}
		if !ok {
			return fmt.Errorf("there is no table %s", s.Table)
		}
		j := &job{Table: t, Window: layout.Window{Start: s.Start, Length: t.Every}, Kept: s.Kept, First: s.First, Last: s.Last}
		if s.Kept.File != "" {
			n := shared[s.Kept.File]
			if n == nil {
				n = new(atomic.Int32)
				shared[s.Kept.File] = n
			}
			n.Add(1)
			j.shared = n
		}
		w.add(j)
	}
	return nil
}

// files lists the kept rows that are still needed.
func (p *pass) files() map[string]bool {
	out := map[string]bool{}
	for _, a := range p.accounts {
		for _, s := range a.open {
			out[s.File] = true
		}
		for _, w := range a.workers {
			for _, j := range w.jobs() {
				out[j.Kept.File] = true
			}
		}
	}
	return out
}

// sweep removes kept rows that nobody needs any more.
func (p *pass) sweep() {
	needed := p.files()
	entries, _ := os.ReadDir(p.dir)
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".rows" && !needed[e.Name()] {
			_ = os.Remove(filepath.Join(p.dir, e.Name()))
		}
	}
}

// writeFile puts a file there whole or not at all.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readFile reads a file; nil where there is none.
func readFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}
