package problem_test

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"testing"

	"trunkline/problem"
)

func TestWrite(t *testing.T) {
	for _, tc := range []struct {
		name   string
		in     problem.Detail
		status int
		want   map[string]any
	}{
		{"everything", problem.Detail{Status: 422, Type: "invalid-event", Title: "Invalid", Detail: "one of 3", Instance: "/x/1",
			Extensions: map[string]any{"index": 2}}, 422,
			map[string]any{"type": "urn:trunkline:problem:invalid-event", "title": "Invalid", "status": 422.0, "detail": "one of 3", "instance": "/x/1", "index": 2.0}},
		{"defaults", problem.Detail{Status: 404}, 404,
			map[string]any{"type": "about:blank", "title": "Not Found", "status": 404.0}},
		{"no status", problem.Detail{}, 500,
			map[string]any{"type": "about:blank", "title": "Internal Server Error", "status": 500.0}},
		{"status without a text", problem.Detail{Status: 799}, 799,
			map[string]any{"type": "about:blank", "title": "Problem", "status": 799.0}},
		{"an absolute type stays", problem.Detail{Status: 400, Type: "https://example.com/p"}, 400,
			map[string]any{"type": "https://example.com/p", "title": "Bad Request", "status": 400.0}},
		{"extensions do not replace members", problem.Detail{Status: 400,
			Extensions: map[string]any{"status": 200, "type": "x", "title": "y", "detail": "z", "instance": "i", "n": "kept"}}, 400,
			map[string]any{"type": "about:blank", "title": "Bad Request", "status": 400.0, "n": "kept"}},
		{"an extension that cannot be encoded is left out", problem.Detail{Status: 400, Extensions: map[string]any{"f": func() {}}}, 400,
			map[string]any{"type": "about:blank", "title": "Bad Request", "status": 400.0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			problem.Write(rec, tc.in)
			if rec.Code != tc.status {
				t.Errorf("status %d, want %d", rec.Code, tc.status)
			}
			if got := rec.Header().Get("Content-Type"); got != problem.ContentType {
				t.Errorf("content type %q", got)
			}
			var got map[string]any
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatalf("body %q: %v", rec.Body, err)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got  %v\nwant %v", got, tc.want)
			}
		})
	}
}
