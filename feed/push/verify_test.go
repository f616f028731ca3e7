package push_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/internal/testenv"
	"trunkline/webhook"
)

// check is the one of docs/push-feed.md, letter by letter.
func check(secret string, h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	at, err2 := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || err2 != nil || math.Abs(time.Since(time.Unix(at, 0)).Minutes()) > 5 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, got := range strings.Fields(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

// delivery is what a receiver has in its hands.
type delivery struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// deliveries are made by the feed's own signing, with two secrets during a rotation, and then changed. good says which
// are to be taken.
func deliveries(t *testing.T) (list []delivery, good []bool) {
	t.Helper()
	now := time.Now()
	fresh, old, other := webhook.NewSecret(now), webhook.NewSecret(now), webhook.NewSecret(now)
	var keys [][]byte
	for _, s := range []webhook.Secret{fresh, old} {
		key, err := s.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	const body = `{"name":"Zo\u00eb ü","event_id":"e1"}`
	add := func(ok bool, secret string, at time.Time, change func(*delivery)) {
		stamp := strconv.FormatInt(at.Unix(), 10)
		d := delivery{Secret: secret, Body: body, Headers: map[string]string{"webhook-id": "e1", "webhook-timestamp": stamp, "webhook-signature": webhook.Sign(keys, "e1", stamp, []byte(body))}}
		if change != nil {
			change(&d)
		}
		list, good = append(list, d), append(good, ok)
	}
	add(true, fresh.Key, now, nil)
	add(true, old.Key, now, nil)
	add(true, fresh.Key, now.Add(-4*time.Minute), nil)
	add(false, other.Key, now, nil)
	add(false, fresh.Key, now.Add(-6*time.Minute), nil)
	add(false, fresh.Key, now.Add(6*time.Minute), nil)
	add(false, fresh.Key, now, func(d *delivery) { d.Body += " " })
	add(false, fresh.Key, now, func(d *delivery) { d.Headers["webhook-id"] = "e2" })
	add(false, fresh.Key, now, func(d *delivery) { d.Headers["webhook-timestamp"] = "soon" })
	add(false, fresh.Key, now, func(d *delivery) { d.Headers["webhook-signature"] = "v1,ü v2, rubbish" })
	add(false, fresh.Key, now, func(d *delivery) { d.Headers = map[string]string{} })
	return list, good
}

// TestTheCodeOfTheDocumentation runs what readers copy from the page.
func TestTheCodeOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/push-feed.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, ok := strings.Cut(string(page), "\n```"+language+"\n")
		code, _, also := strings.Cut(rest, "```\n")
		if !ok || !also {
			t.Fatalf("the page has no %s", language)
		}
		return code
	}
	list, good := deliveries(t)
	in, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("go", func(t *testing.T) {
		own, err := os.ReadFile("verify_test.go")
		if err != nil || !bytes.Contains(own, []byte(block("go"))) {
			t.Errorf("what is tried is not what the page has: %v", err)
		}
		for i, d := range list {
			h := http.Header{}
			for k, v := range d.Headers {
				h.Set(k, v)
			}
			if got := check(d.Secret, h, []byte(d.Body)); got != good[i] {
				t.Errorf("%+v: %v", d, got)
			}
		}
	})
	const js = `
import { readFileSync } from "node:fs";
const list = JSON.parse(readFileSync(0));
console.log(JSON.stringify(list.map((d) => check(d.secret, d.headers, Buffer.from(d.body)))));
`
	const py = `
import json, sys
print(json.dumps([check(d["secret"], d["headers"], d["body"].encode()) for d in json.load(sys.stdin)]))
`
	for _, l := range []struct{ language, program, file, more string }{{"js", "node", "check.mjs", js}, {"python", "python3", "check.py", py}} {
		t.Run(l.language, func(t *testing.T) {
			program, err := exec.LookPath(l.program)
			if err != nil {
				testenv.Optional(t, l.program+" is not installed, so the code of the documentation was not tried")
			}
			file := filepath.Join(t.TempDir(), l.file)
			if err := os.WriteFile(file, []byte(block(l.language)+l.more), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, file)
			cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got []bool
			if err := json.Unmarshal(out, &got); err != nil || !slices.Equal(got, good) {
				t.Errorf("%v, want %v", got, good)
			}
		})
	}
}
