package directory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"trunkline/auth"
	"trunkline/control"
	"trunkline/directory"
)

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		tenant directory.Tenant
		want   string
	}{
		{directory.Tenant{ID: "a"}, ""},
		{directory.Tenant{ID: strings.Repeat("a", 64), Name: strings.Repeat("n", 200), TimeZone: "Europe/Berlin", LogBytes: 1}, ""},
		{directory.Tenant{ID: "acme-corp_01"}, ""},
		{directory.Tenant{ID: ""}, "1 to 64"},
		{directory.Tenant{ID: strings.Repeat("a", 65)}, "1 to 64"},
		{directory.Tenant{ID: "Acme"}, "'A'"},
		{directory.Tenant{ID: "*"}, "'*'"},
		{directory.Tenant{ID: "a.b"}, "'.'"},
		{directory.Tenant{ID: "a/b"}, "'/'"},
		{directory.Tenant{ID: "é"}, "lower-case"},
		{directory.Tenant{ID: "a", Name: strings.Repeat("n", 201)}, "200"},
		{directory.Tenant{ID: "a", TimeZone: "Europe/Berlinn"}, "Berlinn"},
		{directory.Tenant{ID: "a", TimeZone: "Local"}, "Local"},
		{directory.Tenant{ID: "a", LogBytes: -1}, "negative"},
	} {
		err := tc.tenant.Check()
		if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%+v: %v, want an error with %q", tc.tenant, err, tc.want)
		}
	}
	if got := (directory.Tenant{TimeZone: "Asia/Kolkata"}).Location().String(); got != "Asia/Kolkata" {
		t.Errorf("location %s", got)
	}
}

func TestTenantsOnTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		kv := control.NewMemory()
		static := []directory.Tenant{{ID: "fixed", Name: "Fixed"}}
		var nodes [2]*directory.Directory
		for i := range nodes {
			d, err := directory.Open(ctx, kv, static)
			if err != nil {
				t.Fatal(err)
			}
			nodes[i] = d
		}
		var told []string
		stop := nodes[1].Watch(func(c directory.Change) { told = append(told, fmt.Sprint(c.Tenant.ID, c.Tenant.Name, c.Gone)) })
		for i, name := range []string{"Acme", "Acme Ltd"} {
			created, err := nodes[0].Put(ctx, directory.Tenant{ID: "acme", Name: name, Static: true})
			if err != nil || created != (i == 0) {
				t.Fatalf("put %s: created %v, %v", name, created, err)
			}
			synctest.Wait()
		}
		for i, d := range nodes {
			if got, ok := d.Tenant("acme"); !ok || got.Name != "Acme Ltd" || got.Static {
				t.Errorf("node %d: %+v, %v", i, got, ok)
			}
			if got := d.Tenants(); len(got) != 2 || got[0].ID != "acme" || !got[1].Static {
				t.Errorf("node %d: %+v", i, got)
			}
		}
		if _, err := nodes[0].Put(ctx, directory.Tenant{ID: "fixed"}); !errors.Is(err, directory.ErrStatic) {
			t.Errorf("put over a static tenant: %v", err)
		}
		if err := nodes[0].Delete(ctx, "fixed"); !errors.Is(err, directory.ErrStatic) {
			t.Errorf("delete of a static tenant: %v", err)
		}
		if err := nodes[0].Delete(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		if err := nodes[0].Delete(ctx, "acme"); !errors.Is(err, directory.ErrNoTenant) {
			t.Errorf("second delete: %v", err)
		}
		synctest.Wait()
		if nodes[1].Known("acme") {
			t.Error("the other node still knows the tenant")
		}
		stop()
		if _, err := nodes[0].Put(ctx, directory.Tenant{ID: "later"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := fmt.Sprint(told), "[acmeAcmefalse acmeAcme Ltdfalse acmetrue]"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
}

func TestAPI(t *testing.T) {
	ctx := t.Context()
	dir, err := directory.Open(ctx, control.NewMemory(), []directory.Tenant{{ID: "fixed"}})
	if err != nil {
		t.Fatal(err)
	}
	var prepared []string
	mux := http.NewServeMux()
	for _, r := range directory.NewAPI(dir, func(_ context.Context, tenant string) error {
		prepared = append(prepared, tenant)
		if tenant == "stuck" {
			return errors.New("its tokens cannot be revoked")
		}
		return nil
	}).Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	for _, tc := range []struct {
		by, method, path, body string
		status                 int
		want                   string
	}{
		{"*", "PUT", "/v1/tenants/acme", `{"name":"Acme","time_zone":"Europe/Rome","log_bytes":1000}`, 201, `"time_zone":"Europe/Rome"`},
		{"*", "PUT", "/v1/tenants/acme", `{"id":"acme","name":"Acme 2","static":true}`, 200, `{"id":"acme","name":"Acme 2"}`},
		{"*", "PUT", "/v1/tenants/stuck", `{}`, 201, ""},
		{"*", "PUT", "/v1/tenants/acme", `{"id":"other"}`, 422, "other"},
		{"*", "PUT", "/v1/tenants/Acme", `{}`, 422, "lower-case"},
		{"*", "PUT", "/v1/tenants/acme", `{"timezone":"UTC"}`, 422, "timezone"},
		{"*", "PUT", "/v1/tenants/acme", `{"time_zone":"Mars/Base"}`, 422, "Mars/Base"},
		{"*", "PUT", "/v1/tenants/fixed", `{}`, 409, ""},
		{"acme", "PUT", "/v1/tenants/acme", `{}`, 403, "operator"},
		{"acme", "DELETE", "/v1/tenants/acme", ``, 403, "operator"},
		{"acme", "GET", "/v1/tenants", ``, 200, `{"tenants":[{"id":"acme","name":"Acme 2"}]}`},
		{"nobody", "GET", "/v1/tenants", ``, 200, `{"tenants":[]}`},
		{"acme", "GET", "/v1/tenants/acme", ``, 200, `Acme 2`},
		{"acme", "GET", "/v1/tenants/fixed", ``, 404, ""},
		{"*", "GET", "/v1/tenants/fixed", ``, 200, `"static":true`},
		{"*", "DELETE", "/v1/tenants/fixed", ``, 409, ""},
		{"*", "DELETE", "/v1/tenants/stuck", ``, 503, ""},
		{"*", "DELETE", "/v1/tenants/acme", ``, 204, ""},
		{"*", "DELETE", "/v1/tenants/acme", ``, 404, ""},
	} {
		r := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
		p := &auth.Principal{Tenant: tc.by, Scopes: []auth.Scope{auth.Admin}}
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, r.WithContext(auth.With(r.Context(), p)))
		if rec.Code != tc.status || !strings.Contains(rec.Body.String(), tc.want) {
			t.Errorf("%s %s by %s: %d %s, want %d with %s", tc.method, tc.path, tc.by, rec.Code, rec.Body, tc.status, tc.want)
		}
	}
	if got := fmt.Sprint(prepared); got != "[stuck acme]" || !dir.Known("stuck") {
		t.Errorf("prepared %s, stuck is known: %v", got, dir.Known("stuck"))
	}
}

func TestAccounts(t *testing.T) {
	d, err := directory.Open(t.Context(), control.NewMemory(), []directory.Tenant{{ID: "acme", Account: "EZCLTR"}, {ID: "plain"}})
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]string{"EZCLTR": "acme", "plain": "plain", "acme": "", "ezcltr": "", "": ""} {
		if got, ok := d.ByAccount(account); got.ID != want || ok != (want != "") {
			t.Errorf("%q is the account of %q, %v", account, got.ID, ok)
		}
	}
	for _, other := range []directory.Tenant{{ID: "other", Account: "EZCLTR"}, {ID: "other", Account: "plain"}} {
		if _, err := d.Put(t.Context(), other); !errors.Is(err, directory.ErrAccount) {
			t.Errorf("%+v: %v", other, err)
		}
	}
	for _, bad := range []string{"a b", "a/b", strings.Repeat("a", 65)} {
		if (directory.Tenant{ID: "x", Account: bad}).Check() == nil {
			t.Errorf("the account %q was taken", bad)
		}
	}
}
