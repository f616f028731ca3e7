package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"
)

// The words of Durability.
const (
	Fsync      = "fsync"
	NoSync     = "nosync"
	Unverified = "unverified"
)

// askDurability finds out what an acknowledgement of this engine means. The
// sync setting of a cluster is each server's own and shown to the system
// account only; without one the answer is "unverified".
func (e *Engine) askDurability(ctx context.Context, s *session) string {
	if e.Embedded() {
		if e.opt.NoSync {
			return NoSync
		}
		return Fsync
	}
	if e.opt.SystemURL == "" {
		return Unverified
	}
	var opts []nats.Option
	if e.opt.SystemCreds != "" {
		opts = append(opts, nats.UserCredentials(e.opt.SystemCreds))
	}
	nc, err := nats.Connect(e.opt.SystemURL, opts...)
	if err != nil {
		e.opt.Logger.Warn("cannot ask the cluster whether it syncs before it answers", "err", err)
		return Unverified
	}
	defer nc.Close()
	want := len(s.nc.DiscoveredServers())
	sub, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		return Unverified
	}
	if err := nc.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", sub.Subject, nil); err != nil {
		return Unverified
	}
	answers, synced := 0, 0
	deadline := time.Now().Add(2 * time.Second)
	for answers < max(want, e.opt.Replicas) && ctx.Err() == nil {
		m, err := sub.NextMsg(time.Until(deadline))
		if err != nil {
			break
		}
		var jsz struct {
			Data struct {
				Config struct {
					SyncAlways bool `json:"sync_always"`
				} `json:"config"`
			} `json:"data"`
		}
		if json.Unmarshal(m.Data, &jsz) != nil {
			continue
		}
		answers++
		if jsz.Data.Config.SyncAlways {
			synced++
		}
	}
	if answers >= e.opt.Replicas && synced == answers {
		return Fsync
	}
	e.opt.Logger.Warn("the cluster does not sync before it answers", "servers", answers, "with sync_interval always", synced)
	return Unverified
}

// Free gives the bytes that are left on the disk of dir.
func Free(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// settle makes sure that what is read below dir is what the disk has. After a
// failure, of the disk or of the process, the page cache may hold data that was
// never written, and a read cannot tell it from the rest. So files are synced; one
// whose pages could not be written says so once, and from then on they count as
// clean and dropPageCache lets go of them. Without all these are, in each folder,
// the last ones that were written: the engine writes one after the other and syncs
// each write before it is acknowledged, so that no other can have something that
// was on its way. To look at the rest costs some disks milliseconds a file.
func settle(dir string, all bool) error {
	written := map[string]time.Time{}
	last := map[string]time.Time{} // by folder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (d.IsDir() || d.Type().IsRegular()) {
			var i fs.FileInfo
			if i, err = d.Info(); err == nil {
				written[path] = i.ModTime()
				if folder := filepath.Dir(path); i.ModTime().After(last[folder]) {
					last[folder] = i.ModTime()
				}
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look at what the log's engine has written: %w", err)
	}
	for path, at := range written {
		if !all && last[filepath.Dir(path)].Sub(at) > inFlight {
			continue
		}
		if err := syncPath(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sync what the log's engine has written: %w", err)
		}
		dropPageCache(path)
	}
	return nil
}

// inFlight is between the last write to a file and the first to the next, if the
// engine had both open at once.
const inFlight = time.Second

// syncPath syncs a file or a folder.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, unix.EINVAL) {
		err = nil // a folder, on a file system that has nothing to sync there
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Probe writes and syncs a small file in dir, as the log would have to.
func Probe(dir string) error {
	name := filepath.Join(dir, ".probe")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write to the log's disk: %w", err)
	}
	defer os.Remove(name)
	_, err = f.Write(make([]byte, 64<<10))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write to the log's disk: %w", err)
	}
	return nil
}
