package event_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/binding"
	sdk "github.com/cloudevents/sdk-go/v2/event"
	sdkhttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"pgregory.net/rapid"

	"trunkline/event"
)

// The official SDK is the oracle: what Parse accepts it accepts, and reads
// equally. We differ from it on purpose in these points:
//
//   - We refuse more: invalid UTF-8, unpaired surrogates, deep nesting, names
//     given twice, numbers out of range, reserved attributes, types that are
//     neither ours nor reverse-DNS names, attribute names in upper case (the SDK
//     folds them), control characters in attributes, specversion 0.3.
//   - We accept null for an optional attribute, as the JSON format asks; the SDK
//     reads null times and schemas as malformed or empty, so the comparison
//     leaves nulls out.
//   - We accept "\/" within data_base64 (PHP writes it); the SDK does not
//     always unescape it.
//   - We keep a source as it is written; the SDK writes it anew, for instance
//     without an empty fragment, so the comparison does that with ours.
//   - In binary mode we undo quotes and percent-encoding in header values as the
//     HTTP binding asks; the SDK hands on what is in the header.
//   - In binary mode without a Content-Type we take the body as JSON.

// sameAsSDK holds an accepted event against the SDK's reading of it.
func sameAsSDK(t interface {
	Helper()
	Fatalf(string, ...any)
}, e event.Event) {
	t.Helper()
	var o sdk.Event
	if err := json.Unmarshal(e.Raw, &o); err != nil {
		t.Fatalf("the SDK does not read %s: %v", e.Raw, err)
	}
	compare(t, e, o)
}

func compare(t interface {
	Helper()
	Fatalf(string, ...any)
}, e event.Event, o sdk.Event) {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatalf("the SDK finds %s invalid: %v", e.Raw, err)
	}
	tenant, _ := o.Extensions()["tenant"].(string)
	source, err := url.Parse(e.Source)
	if err != nil {
		t.Fatalf("source of %s: %v", e.Raw, err)
	}
	if o.ID() != e.ID || o.Source() != source.String() || o.Type() != e.Type || o.Subject() != e.Subject || !o.Time().Equal(e.Time) || tenant != e.Tenant {
		t.Fatalf("the SDK reads %s as %v", e.Raw, o)
	}
	if data := e.Data(); data != nil {
		want := string(data)
		if media := o.DataMediaType(); media != "" && media != "application/json" && media != "text/json" && !strings.HasSuffix(media, "+json") {
			var text string
			if err := json.Unmarshal(data, &text); err != nil {
				t.Fatalf("data %s of type %s: %v", data, media, err)
			}
			want = text
		}
		if string(o.Data()) != want {
			t.Fatalf("the SDK reads the data of %s as %s", e.Raw, o.Data())
		}
	}
}

func TestTheSDKReadsEveryFact(t *testing.T) {
	for _, typ := range event.Types() {
		e, err := event.Encode(meta, full(typ))
		if err != nil {
			t.Fatal(err)
		}
		sameAsSDK(t, e)
	}
}

// members generates the text of an event: mostly right, at times not.
func members() *rapid.Generator[string] {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"specversion", "id", "source", "type", "subject", "time", "tenant", "datacontenttype", "dataschema", "data", "data_base64"}),
		rapid.StringMatching(`[a-z0-9]{1,12}`),
	)
	value := rapid.OneOf(
		rapid.SampledFrom([]string{`"1.0"`, `"a"`, `" x "`, `"com.example.x"`, `"/s"`, `"urn:a:b"`, `"http://[::1]:80/x?y#z"`, `"http://a:b/"`, `"a/b:c"`, `"a:b"`, `"%41"`, `"//"`, `":"`, `"ü"`, `"2026-03-01T12:00:00Z"`, `"2026-03-01T12:00:00.123456789+02:00"`, `"2026-03-01T1:00:00Z"`, `"2026-03-01T12:00:60Z"`, `"text/plain"`, `"application/json; charset=utf-8"`, `"x"`, `"AAE="`, `"AA"`, `"\u0041\ud83d\ude00"`, `{"a":[1,2,{"b":null}]}`, `[]`, `1`, `-2147483648`, `2147483648`, `1.5`, `1e3`, `true`, `""`}),
		rapid.Map(rapid.String(), func(s string) string { b, _ := json.Marshal(s); return string(b) }),
	)
	return rapid.Custom(func(t *rapid.T) string {
		list := []string{}
		for _, fixed := range [][2]string{{"specversion", `"1.0"`}, {"id", `"1"`}, {"source", `"/s"`}, {"type", `"com.example.x"`}} {
			v := fixed[1]
			if rapid.IntRange(0, 4).Draw(t, "odd") == 0 {
				v = value.Draw(t, "value")
			}
			list = append(list, `"`+fixed[0]+`":`+v)
		}
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			list = append(list, `"`+name.Draw(t, "name")+`":`+value.Draw(t, "value"))
		}
		list = rapid.Permutation(list).Draw(t, "order")
		return "{" + strings.Join(list, " , ") + "}"
	})
}

func TestWhatWeAcceptTheSDKAccepts(t *testing.T) {
	tried, accepted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		tried++
		raw := members().Draw(t, "event")
		e, err := event.Parse([]byte(raw), event.Limits{})
		if err != nil {
			return
		}
		accepted++
		sameAsSDK(t, e)
	})
	if accepted*20 < tried {
		t.Errorf("only %d of %d generated events were accepted: the test says little", accepted, tried)
	}
}

func TestBinaryModeAsTheSDKWritesIt(t *testing.T) {
	for _, c := range []struct {
		contentType string
		data        any
	}{
		{"application/json", map[string]any{"a": 1.0, "b": "ü"}},
		{"text/plain", "some text"},
		{"application/octet-stream", []byte{0, 1, 0xff}},
		{"", nil},
	} {
		o := sdk.New()
		o.SetID("a-1")
		o.SetSource("/s")
		o.SetType("com.example.x")
		o.SetSubject("plain subject")
		o.SetTime(meta.Time)
		o.SetExtension("tenant", "acme")
		o.SetExtension("count", 7)
		if c.data != nil {
			if err := o.SetData(c.contentType, c.data); err != nil {
				t.Fatal(err)
			}
		}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		if err := sdkhttp.WriteRequest(binding.WithForceBinary(t.Context()), binding.ToMessage(&o), r); err != nil {
			t.Fatal(err)
		}
		var body []byte
		if c.data != nil {
			body = o.Data()
		}
		list, err := event.FromHTTP(r.Header, body, event.Limits{})
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", c.contentType, err)
		}
		sameAsSDK(t, list[0])
		if b, ok := c.data.([]byte); ok && !strings.Contains(string(list[0].Raw), base64.StdEncoding.EncodeToString(b)) {
			t.Errorf("bytes are %s", list[0].Raw)
		}
	}
}
