package ingest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/event"
	"trunkline/internal/testenv"
	"trunkline/source/ingest"
)

// nodeProject is where the official JavaScript clients are installed by npm ci.
var nodeProject = filepath.Join("..", "..", "test", "node")

// TestTheOfficialJavaScriptClient has the npm package cloudevents send events
// in every form and read back what was taken and what our codec writes.
func TestTheOfficialJavaScriptClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Optional(t, "node is not installed, so the official JavaScript client was not tried")
	}
	if _, err := os.Stat(filepath.Join(nodeProject, "node_modules", "cloudevents")); err != nil {
		testenv.Optional(t, "run npm ci in test/node to try the official JavaScript client")
	}
	log := &memory{}
	for _, typ := range event.Types() {
		log.raw = append(log.raw, encoded(t, typ))
	}
	take := as(acme, ingest.New(log, event.Limits{}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			take.ServeHTTP(w, r)
			return
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		w.Header().Set("Content-Type", event.MediaTypeBatch)
		if _, err := w.Write([]byte("[" + strings.Join(log.raw, ",") + "]")); err != nil {
			t.Error(err)
		}
		log.raw = nil
	}))
	defer srv.Close()
	cmd := exec.CommandContext(t.Context(), node, "cloudevents.mjs", srv.URL)
	cmd.Dir = nodeProject
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
}

// encoded is an event of a type as our codec writes it, with the required
// texts and words set.
func encoded(t *testing.T, typ event.TypeInfo) string {
	t.Helper()
	v := reflect.New(reflect.TypeOf(typ.Zero)).Elem()
	require(v, typ.Shape)
	e, err := event.Encode(event.Meta{ID: typ.Type, Source: "/go", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, v.Interface().(event.Fact))
	if err != nil {
		t.Fatal(err)
	}
	return string(e.Raw)
}

func require(v reflect.Value, s *event.Shape) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if sf.Anonymous {
			require(v.Field(i), s)
			continue
		}
		for _, f := range s.Fields {
			if f.Name != sf.Tag.Get("json") { // the tag of a required field is its name alone
				continue
			}
			switch f.Shape.Kind {
			case event.KindText:
				v.Field(i).SetString("x")
			case event.KindWord:
				v.Field(i).SetString(f.Shape.Words[0].Value)
			case event.KindList:
				v.Field(i).Set(reflect.MakeSlice(sf.Type, 0, 0))
			}
		}
	}
}
