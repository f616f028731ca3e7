package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
)

func TestExportCredentialsAreEncrypted(t *testing.T) {
	key, err := openpgp.NewEntity("Acme", "", "acme@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var pub bytes.Buffer
	if err := key.Serialize(&pub); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	public, secret, out := filepath.Join(dir, "acme.pub"), filepath.Join(dir, "secret"), filepath.Join(dir, "out")
	for path, b := range map[string][]byte{public: pub.Bytes(), secret: []byte("hidden words\n")} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) error {
		cmd := newRootCmd()
		cmd.SetArgs(append([]string{"export", "credentials", "--id", "AKIA1", "--secret-file", secret, "--bucket", "b", "--to", public}, args...))
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetErr(&bytes.Buffer{})
		return cmd.ExecuteContext(t.Context())
	}
	if err := run("--out", out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(b), "-----BEGIN PGP MESSAGE-----") || strings.Contains(string(b), "hidden") {
		t.Errorf("%s %v", b, err)
	}
	for name, args := range map[string][]string{"nowhere": nil, "two places": {"--out", out, "--put", "s3://x"}, "no bucket": {"--put", "ftp://x"}} {
		if err := run(args...); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
