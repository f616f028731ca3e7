package asapp

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// Allow knows which client certificates belong to which tenant, from a file: one line each, the tenant and the subject,
// either in full as RFC 2253 writes it or its common name as CN=name. Lines that begin with # are comments.
type Allow struct {
	path string

	mu     sync.Mutex // guards what is below
	list   map[string]string
	stamp  time.Time
	size   int64
	looked time.Time
}

// lookEvery bounds how often the file is looked at.
const lookEvery = time.Second

// OpenAllow reads the file.
func OpenAllow(path string) (*Allow, error) {
	a := &Allow{path: path}
	if err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Allow) load() error {
	info, err := os.Stat(a.path)
	if err != nil {
		return fmt.Errorf("read the list of clients: %w", err)
	}
	raw, err := os.ReadFile(a.path)
	if err != nil {
		return fmt.Errorf("read the list of clients: %w", err)
	}
	list := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		tenant, subject, ok := strings.Cut(line, " ")
		subject = strings.TrimSpace(subject)
		if !ok || !strings.Contains(subject, "=") {
			return fmt.Errorf("%s line %d: a line is a tenant and a subject, as in: acmecorp01 CN=events.asapp.com", a.path, n)
		}
		if before, twice := list[subject]; twice && before != tenant {
			return fmt.Errorf("%s line %d: the subject %q belongs to %s already", a.path, n, subject, before)
		}
		list[subject] = tenant
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", a.path, err)
	}
	a.list, a.stamp, a.size = list, info.ModTime(), info.Size()
	return nil
}

// Tenant gives the tenant of a client, "" when it is not on the list. When the file cannot be read any more, the list
// stays as it was.
func (a *Allow) Tenant(leaf *x509.Certificate) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.looked) >= lookEvery {
		a.looked = now
		if info, err := os.Stat(a.path); err == nil && (!info.ModTime().Equal(a.stamp) || info.Size() != a.size) {
			if err := a.load(); err != nil {
				slog.Error("the list of clients of the receiver stays as it was", "error", err)
			}
		}
	}
	if tenant, ok := a.list[leaf.Subject.String()]; ok {
		return tenant
	}
	return a.list["CN="+leaf.Subject.CommonName]
}
