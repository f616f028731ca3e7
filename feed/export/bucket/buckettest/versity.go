package buckettest

import (
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
// options of an empty bucket of it. The program is .cache/s3server, which the test
// command builds from tools/versitygw. Where it is not, the test is left out.
func Versity(t *testing.T) bucket.S3Options {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	program := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", ".cache", "s3server")
	if _, err := os.Stat(program); err != nil {
		testenv.Optional(t, "the S3 server is not built; make s3server builds it")
	}
	data := filepath.Join(t.TempDir(), "buckets")
	if err := os.MkdirAll(filepath.Join(data, "exports"), 0o750); err != nil {
		t.Fatal(err)
	}
	const access, secret = "id", "secret-of-the-test"
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	var addr string
	// Another program may take the port before the server does.
	for try := 0; addr == ""; try++ {
		if try == 5 {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("VersityGW does not answer: %s", out)
		}
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), "VERSITYGW_ACCESS="+access, "VERSITYGW_SECRET="+secret)
		cmd.Stdout, cmd.Stderr = log, log
		addr = start(t, cmd, data)
	}
	return bucket.S3Options{Bucket: "exports", Endpoint: "http://" + addr, PathStyle: true, KeyID: access, Secret: secret, PartBytes: 5 << 20, Encryption: "none"}
}

// start runs the server on a free port and gives its address, or none where it ended
// before it answered.
func start(t *testing.T, cmd *exec.Cmd, data string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	cmd.Args = append(cmd.Args, addr, data)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return ""
		case <-time.After(20 * time.Millisecond):
		}
		if res, err := http.Get("http://" + addr); err == nil {
			_ = res.Body.Close()
			return addr
		}
	}
	return ""
}
