package pull

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// state is what was taken of a feed, and where its set is.
type state struct {
	dir   string // .pull/FEED
	taken map[string]bool
	head  head
}

// head says which base and how much of the list count.
type head struct {
	Base     string `json:"base,omitempty"`     // file name; "" before the first
	Format   string `json:"format,omitempty"`   // of the set
	Ordering string `json:"ordering,omitempty"` // by which it was made
	Rows     int64  `json:"rows"`               // in the set, or handed on
	Taken    int    `json:"taken"`              // partitions
	Bytes    int64  `json:"bytes"`              // of the list
}

// What stands in a feed's directory, beside files that are being fetched.
const (
	headFile   = "state.json"
	listFile   = "taken"
	basePrefix = "base-"
	workPrefix = "merge-"
)

// openState reads what is known of a feed.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &state{dir: dir, taken: map[string]bool{}}
	raw, err := os.ReadFile(filepath.Join(dir, headFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return s, s.sweep()
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(raw, &s.head); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, headFile), err)
	}
	f, err := os.Open(filepath.Join(dir, listFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	read := int64(0)
	for lines := bufio.NewScanner(f); lines.Scan() && read < s.head.Bytes; {
		s.taken[lines.Text()] = true
		read += int64(len(lines.Text())) + 1
	}
	if len(s.taken) != s.head.Taken {
		return nil, fmt.Errorf("%s: %d partitions are listed, %d were taken", dir, len(s.taken), s.head.Taken)
	}
	return s, s.sweep()
}

// sweep removes what a run has left that was killed, but for what it has fetched.
func (s *state) sweep() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		base := strings.HasPrefix(name, basePrefix) && name != s.head.Base
		if base || strings.HasPrefix(name, workPrefix) || strings.HasPrefix(name, headFile+".") {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, name)))
		}
	}
	return err
}

// base is the path of the base, "" when there is none.
func (s *state) base() string {
	if s.head.Base == "" {
		return ""
	}
	return filepath.Join(s.dir, s.head.Base)
}

// commit makes a new base and more partitions count. What was the base before goes.
func (s *state) commit(next head, folders []string) error {
	next.Taken, next.Bytes = s.head.Taken+len(folders), s.head.Bytes
	if len(folders) > 0 {
		text := strings.Join(folders, "\n") + "\n"
		if err := s.enlist(text); err != nil {
			return err
		}
		next.Bytes += int64(len(text))
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(s.dir, headFile), append(raw, '\n')); err != nil {
		return err
	}
	if old := s.base(); old != "" && s.head.Base != next.Base {
		_ = os.Remove(old)
	}
	s.head = next
	for _, f := range folders {
		s.taken[f] = true
	}
	return nil
}

// enlist writes behind what counts of the list.
func (s *state) enlist(text string) error {
	list, err := os.OpenFile(filepath.Join(s.dir, listFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	if err := list.Truncate(s.head.Bytes); err != nil { // what an earlier run wrote and did not commit
		return err
	}
	if _, err := list.WriteAt([]byte(text), s.head.Bytes); err != nil {
		return err
	}
	return list.Sync()
}

// replace writes a file whole or not at all.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncPath(filepath.Dir(path))
}

// syncPath has a file, or the names in a directory, outlast a power cut.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
