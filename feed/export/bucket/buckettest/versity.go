package buckettest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"trunkline/feed/export/bucket"
	"trunkline/internal/testenv"
)

// Versity starts VersityGW, a server of S3 that honours all conditions, and gives the
// options of an empty bucket of it. The program is .cache/versitygw, as `make
// versitygw` builds it in some minutes from the version that tools/versitygw pins;
// with TRUNKLINE_LONG=1 it is built here. Where it is not, the test is left out.
func Versity(t *testing.T) bucket.S3Options {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..", "..")
	program := filepath.Join(root, ".cache", "versitygw")
	if _, err := os.Stat(program); err != nil {
		if !testenv.Long() {
			t.Skip("left out: " + program + " is not there; make versitygw builds it")
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/versity/versitygw/cmd/versitygw")
		build.Dir = filepath.Join(root, "tools", "versitygw")
		if out, err := build.CombinedOutput(); err != nil {
			testenv.Optional(t, fmt.Sprintf("build VersityGW: %v: %s", err, out))
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, "exports"), 0o750); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--keep-alive", "--quiet", "--port", addr, "--access", "id", "--secret", "secret-of-the-test", "posix", data)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + addr); err == nil {
			res.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("VersityGW does not answer: %s", out)
		}
	}
	return bucket.S3Options{Bucket: "exports", Endpoint: "http://" + addr, PathStyle: true, KeyID: "id", Secret: "secret-of-the-test", PartBytes: 5 << 20, Encryption: "none"}
}
