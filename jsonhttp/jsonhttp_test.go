package jsonhttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trunkline/jsonhttp"
)

func TestRead(t *testing.T) {
	padded := func(n int) string { return `{"name":"x"}` + strings.Repeat(" ", n-len(`{"name":"x"}`)) }
	for _, tt := range []struct {
		name, body string
		status     int // 0: it is taken
		says       string
	}{
		{"a value", `{"name":"x"}`, 0, ""},
		{"as long as may be", padded(jsonhttp.MaxBody), 0, ""},
		{"longer", padded(jsonhttp.MaxBody + 1), http.StatusRequestEntityTooLarge, "too large"},
		{"nothing", "", http.StatusUnprocessableEntity, "there is none"},
		{"two values", `{"name":"x"}{}`, http.StatusUnprocessableEntity, "follows"},
		{"an unknown member", `{"nmae":"x"}`, http.StatusUnprocessableEntity, "nmae"},
		{"another type", `{"name":1}`, http.StatusUnprocessableEntity, ": number is not accepted here"},
		{"no object", `[]`, http.StatusUnprocessableEntity, "must be an object, not array"},
		{"cut off", `{"name":"x"`, http.StatusUnprocessableEntity, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			var into struct{ Name string }
			err := jsonhttp.Read(w, httptest.NewRequest("POST", "/", strings.NewReader(tt.body)), &into)
			if tt.status == 0 {
				if err != nil || into.Name != "x" {
					t.Errorf("%+v, %v", into, err)
				}
				return
			}
			if err == nil {
				t.Fatal("it was taken")
			}
			jsonhttp.Invalid(w, err)
			if body := w.Body.String(); !strings.Contains(body, tt.says) || strings.Contains(body, "Go ") {
				t.Errorf("%s, want one with %q", body, tt.says)
			}
			if w.Code != tt.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
