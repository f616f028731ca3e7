package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/auth"
	"trunkline/config"
	"trunkline/control"
	"trunkline/internal/devcert"
	"trunkline/server"
)

// stored is everything that lies in a directory, one file after the other, but for the file of keys.
func stored(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == config.KeyFileName {
			return err
		}
		raw, err := os.ReadFile(path)
		all = append(append(all, d.Name()...), raw...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSecretsAreStoredSealed makes a webhook with everything that is secret in it, looks for it on the disk, and takes keys
// away and changes them between starts.
func TestSecretsAreStoredSealed(t *testing.T) {
	c := settings(t)
	key := filepath.Join(c.Log.Dir, config.KeyFileName)
	ca, err := devcert.Authority("test", devcert.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client(devcert.Terms{}, "us")
	if err != nil {
		t.Fatal(err)
	}
	const header, signing = "hunter2-hunter2-hunter2", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	hook, err := json.Marshal(map[string]any{"id": "crm", "url": "https://192.0.2.1/", "headers": map[string]string{"X-Key": header}, "signing_secret": signing,
		"client_cert": string(client.Cert), "client_key": string(client.Key)})
	if err != nil {
		t.Fatal(err)
	}
	var admin string
	// run starts the server, looks for the webhook, and stops it.
	run := func(makes bool, status int) {
		t.Helper()
		s, err := server.Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if makes {
			if _, admin, err = s.Tokens().Create(t.Context(), "acme", []auth.Scope{auth.Admin}, ""); err != nil {
				t.Fatal(err)
			}
			if status, _, body := call(t, s.URL(), "POST", "/v1/webhooks", string(hook), admin, nil); status != 201 {
				t.Errorf("make the webhook: %d %s", status, body)
			}
		}
		got, _, body := call(t, s.URL(), "GET", "/v1/webhooks/crm", "", admin, nil)
		if got != status {
			t.Errorf("the webhook: %d %s, want %d", got, body, status)
		}
		for _, secret := range []string{header, signing, "PRIVATE"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s is shown", secret)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	refused := func(says string) {
		t.Helper()
		s, err := server.Start(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want an error with %q", err, says)
		}
		if err == nil {
			_ = s.Close()
		}
	}
	run(true, 200)
	disk := stored(t, c.Log.Dir)
	if !bytes.Contains(disk, []byte("webhooks.d.acme.crm")) {
		t.Error("the webhook is not where it was looked for")
	}
	for _, secret := range []string{header, signing[8:], "PRIVATE KEY", string(client.Key[40:80])} {
		if bytes.Contains(disk, []byte(secret)) {
			t.Errorf("%q lies on the disk", secret)
		}
	}
	first, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	refused("there is no file with keys: ")
	if _, err := os.Stat(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of keys was made: %v", err)
	}
	// The keys from elsewhere: the new one alone is too little, both are enough, and then the new one is.
	other := filepath.Join(t.TempDir(), "keys")
	if err := control.MakeKeyFile(other); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	c.Secrets.KeyFile = other
	refused(control.ErrKey.Error())
	if err := os.WriteFile(other, append(bytes.Clone(second), first...), 0o600); err != nil {
		t.Fatal(err)
	}
	run(false, 200)
	if err := os.WriteFile(other, second, 0o600); err != nil {
		t.Fatal(err)
	}
	run(false, 200)
	c.Secrets.KeyFile, c.Secrets.KeyEnv = "", "TRUNKLINE_TEST_KEYS"
	refused("TRUNKLINE_TEST_KEYS is empty")
	t.Setenv("TRUNKLINE_TEST_KEYS", string(first))
	refused("secrets.discard")
	c.Secrets.Discard = true
	run(false, 404)
}
