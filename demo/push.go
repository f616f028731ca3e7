package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"trunkline/config"
	"trunkline/internal/devcert"
	"trunkline/source/asapp"
)

// mirror is the tenant that gets what is pushed. It is another one: what it gets is not pushed again.
const mirror = "acmecorp01-mirror"

// pushed is how the demo pushes to itself, in the JSON of the ready line.
type pushed struct {
	Receiver string `json:"receiver"`
	CA       string `json:"ca"`
	Cert     string `json:"cert"`
	Key      string `json:"key"`
}

// certificate names the demo's sender.
const certificate = "trunkline-demo"

// openPush makes the certificates of a data directory, unless they are there, and has the server receive.
func openPush(dir string, cfg *config.Config) (devcert.Files, error) {
	dir = filepath.Join(dir, "certs")
	clients := filepath.Join(dir, "clients") // written last: without it the set is not whole
	if _, err := os.Stat(clients); err != nil {
		if err := os.RemoveAll(dir); err != nil {
			return devcert.Files{}, fmt.Errorf("remove half of the demo's certificates: %w", err)
		}
	}
	files, err := devcert.WriteSet(dir, certificate, devcert.Terms{Days: 365}, "localhost", "127.0.0.1", "::1")
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return files, fmt.Errorf("make the demo's certificates: %w", err)
	}
	if err := replaceFile(clients, []byte(mirror+" CN="+certificate+"\n")); err != nil {
		return files, fmt.Errorf("write the demo's list of clients: %w", err)
	}
	cfg.Push.AllowNetworks = []string{"127.0.0.0/8", "::1/128"}
	cfg.Receiver.Addr, cfg.Receiver.Clients = "127.0.0.1:0", clients
	cfg.Receiver.Cert, cfg.Receiver.Key, cfg.Receiver.ClientCA = files.ServerCert, files.ServerKey, files.CA
	// A few milestones of each interaction, so that the demo stays light. Port 0 is the receiver's own.
	cfg.Push.Destinations = []config.PushDestination{{ID: "mirror", Tenant: tenant, URL: "https://127.0.0.1:0" + asapp.Path, Feeds: []string{"activity", "journey"},
		EventList: []string{"ISSUE_CREATED", "QUEUED", "ASSIGNED", "QUEUE_ABANDONED", "ASSIGNMENT_ENDED", "ISSUE_ENDED", "agent_activity_status_updated"},
		Retries:   5, Rate: 100, Concurrency: 4, CA: files.CA, ClientCert: files.ClientCert, ClientKey: files.ClientKey}}
	cfg.Tenants = append(cfg.Tenants, config.Tenant{ID: mirror, Name: tenantName + ", as it was received", TimeZone: "UTC"})
	return files, nil
}
