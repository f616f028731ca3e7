package bucket_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/bucket/buckettest"
)

func TestDirectory(t *testing.T) {
	buckettest.Run(t, buckettest.Options{Large: 6 << 20}, func(t *testing.T) bucket.Store {
		s, err := bucket.OpenDirectory(filepath.Join(t.TempDir(), "exports"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestMemory(t *testing.T) {
	buckettest.Run(t, buckettest.Options{Large: 1 << 20}, func(*testing.T) bucket.Store { return buckettest.NewMemory() })
}

// fake starts a server of S3 in this process, with one bucket.
func fake(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	back := s3mem.New()
	if err := back.CreateBucket("exports"); err != nil {
		t.Fatal(err)
	}
	h := gofakes3.New(back).Server()
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func options(url string) bucket.S3Options {
	return bucket.S3Options{Bucket: "exports", Endpoint: url, PathStyle: true, KeyID: "id", Secret: "secret-of-the-test", PartBytes: 5 << 20}
}

func openS3(t *testing.T, o bucket.S3Options) *bucket.S3 {
	t.Helper()
	s, err := bucket.OpenS3(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestS3(t *testing.T) {
	for name, prefix := range map[string]string{"whole": "", "folder": "acme/prod"} {
		t.Run(name, func(t *testing.T) {
			// The server in this process ignores conditions when it completes an upload.
			buckettest.Run(t, buckettest.Options{Large: 17<<20 + 7, LooseCompletion: true}, func(t *testing.T) bucket.Store {
				o := options(fake(t, nil))
				o.Prefix = prefix
				return openS3(t, o)
			})
		})
	}
}

// TestS3OnARealServer asks a server that honours all conditions.
func TestS3OnARealServer(t *testing.T) {
	buckettest.Run(t, buckettest.Options{Large: 17<<20 + 7}, func(t *testing.T) bucket.Store { return openS3(t, buckettest.Versity(t)) })
}

func TestS3AsksForEncryptionAndSaysWhatIsWritten(t *testing.T) {
	var seen atomic.Int32
	url := fake(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				if r.Header.Get("X-Amz-Server-Side-Encryption") != "AES256" || r.Header.Get("If-None-Match") != "*" {
					t.Errorf("%v", r.Header)
				}
				seen.Add(1)
			}
			h.ServeHTTP(w, r)
		})
	})
	s := openS3(t, options(url))
	if made, err := s.Create(t.Context(), "a", buckettest.Body([]byte("x"))); err != nil || !made {
		t.Fatal(made, err)
	}
	if seen.Load() != 1 {
		t.Error("nothing was written")
	}
}

func TestS3TriesAgainOnAConflict(t *testing.T) {
	var puts atomic.Int32
	url := fake(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && puts.Add(1) < 3 {
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, `<Error><Code>ConditionalRequestConflict</Code></Error>`)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	if made, err := openS3(t, options(url)).Create(t.Context(), "a", buckettest.Body([]byte("x"))); err != nil || !made {
		t.Fatal(made, err)
	}
}

func TestS3LinksToItsFiles(t *testing.T) {
	s := openS3(t, options(fake(t, nil)))
	if _, err := s.Create(t.Context(), "a/b", buckettest.Body([]byte("hello"))); err != nil {
		t.Fatal(err)
	}
	link, err := s.Presign(t.Context(), "a/b", time.Minute)
	if err != nil || strings.Contains(link, "secret-of-the-test") || !strings.Contains(link, "X-Amz-Expires=60") {
		t.Fatal(link, err)
	}
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "hello" {
		t.Errorf("%s: %s", res.Status, b)
	}
}

func TestS3ErrorsTellNoSecret(t *testing.T) {
	url := fake(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	})
	s := openS3(t, options(url))
	_, err := s.Create(t.Context(), "a", buckettest.Body([]byte("x")))
	if err == nil || strings.Contains(err.Error(), "secret-of-the-test") {
		t.Errorf("%v", err)
	}
	if _, err := s.Stat(t.Context(), "a"); err == nil || errors.Is(err, bucket.ErrAbsent) || !strings.Contains(err.Error(), "s3:ListBucket") {
		t.Errorf("%v", err)
	}
	if err := s.Replace(t.Context(), "a", "tag", buckettest.Body(nil)); err == nil || errors.Is(err, bucket.ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestWrongOptionsOfS3AreRefused(t *testing.T) {
	for name, o := range map[string]bucket.S3Options{
		"no bucket":         {},
		"half a key":        {Bucket: "b", KeyID: "x"},
		"no certificates":   {Bucket: "b", KeyID: "x", Secret: "y", CA: []byte("nothing")},
		"a prefix outwards": {Bucket: "b", KeyID: "x", Secret: "y", Prefix: "../x"},
	} {
		if _, err := bucket.OpenS3(t.Context(), o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWhatACrashLeavesIsNotListed(t *testing.T) {
	root := t.TempDir()
	s, err := bucket.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "a/b", buckettest.Body([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "a", ".writing-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.List(t.Context(), "", func(bucket.Object) error { n++; return nil }); err != nil || n != 1 {
		t.Fatalf("%d files, %v", n, err)
	}
}
