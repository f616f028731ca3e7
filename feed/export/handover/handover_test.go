package handover_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/handover"
)

var mine = handover.Credentials{ID: "AKIA123", Secret: "s3cr3t/+", Bucket: "asapp-prod-acme-exports-us-east-1", Folder: "/acme/"}

func decrypt(t *testing.T, b []byte, key *openpgp.Entity) string {
	t.Helper()
	block, err := armor.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	m, err := openpgp.ReadMessage(block.Body, openpgp.EntityList{key}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(m.UnverifiedBody)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheCustomerGetsItsCredentialsByALink(t *testing.T) {
	key, err := openpgp.NewEntity("Acme", "", "acme@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := handover.Encrypt(mine, openpgp.EntityList{key})
	if err != nil || bytes.Contains(b, []byte(mine.Secret)) {
		t.Fatalf("%s %v", b, err)
	}
	back := s3mem.New()
	if err := back.CreateBucket("handover"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(back).Server())
	t.Cleanup(srv.Close)
	s, err := bucket.OpenS3(t.Context(), bucket.S3Options{Bucket: "handover", Endpoint: srv.URL, PathStyle: true, KeyID: "id", Secret: "of-the-bucket"})
	if err != nil {
		t.Fatal(err)
	}
	link, file, err := handover.Put(t.Context(), s, b)
	if err != nil || !strings.Contains(link, "X-Amz-Expires=86400") || strings.Contains(link, "of-the-bucket") || !strings.Contains(link, file) {
		t.Fatal(link, file, err)
	}
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, _ := io.ReadAll(res.Body)
	if text := decrypt(t, got, key); text != "AKIA123\ts3cr3t/+\tasapp-prod-acme-exports-us-east-1\tacme\n" {
		t.Errorf("%q", text)
	}
}

func TestWhatIsNotWholeIsNotHandedOver(t *testing.T) {
	key, err := openpgp.NewEntity("Acme", "", "acme@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(c *handover.Credentials){
		"no id": func(c *handover.Credentials) { c.ID = "" }, "no secret": func(c *handover.Credentials) { c.Secret = "" },
		"no bucket": func(c *handover.Credentials) { c.Bucket = "" }, "a tab": func(c *handover.Credentials) { c.Secret = "a\tb" },
	} {
		c := mine
		change(&c)
		if _, err := handover.Encrypt(c, openpgp.EntityList{key}); !errors.Is(err, handover.ErrCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := handover.Encrypt(mine, nil); !errors.Is(err, handover.ErrCredentials) {
		t.Errorf("without a key: %v", err)
	}
}
