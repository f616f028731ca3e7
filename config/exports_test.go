package config_test

import (
	"strings"
	"testing"

	"trunkline/config"
)

func TestExportsOfTheConfiguration(t *testing.T) {
	l, err := config.Parse("t.yaml", []byte(tenants+`
floor: {intervals: [acme]}
exports:
  wfm: [acme]
  destinations:
    - {id: here, tenant: acme, directory: /tmp/x, formats: [jsonl, parquet], gzip: false}
    - {id: there, tenant: acme, bucket: b, download: true, key_id: k, secret_env: S, endpoint: 'https://s3.example.com', path_style: true}
    - {id: here, tenant: globex, directory: /tmp/y}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	e := l.Config.Exports
	if len(e.Destinations) != 3 || e.Destinations[0].Gzip || !e.Destinations[1].Gzip || e.Destinations[0].Download || !e.Destinations[1].Download || e.Destinations[1].Encryption != "AES256" || !e.HasWFM("acme") || e.HasWFM("globex") {
		t.Errorf("%+v", e)
	}
}

func TestWrongExportsAreRefused(t *testing.T) {
	for want, text := range map[string]string{
		"destinations[0].tenant":                          "destinations: [{id: a, tenant: none, directory: x}]",
		"destinations[0].id":                              "destinations: [{id: A b, tenant: acme, directory: x}]",
		"the id \"a\" is used twice":                      "destinations: [{id: a, tenant: acme, directory: x}, {id: a, tenant: acme, directory: y}]",
		"exactly one of directory":                        "destinations: [{id: a, tenant: acme}]",
		"of directory and bucket":                         "destinations: [{id: a, tenant: acme, directory: x, bucket: b}]",
		"a static key needs":                              "destinations: [{id: a, tenant: acme, bucket: b, key_id: k}]",
		"exactly one of secret_env":                       "destinations: [{id: a, tenant: acme, bucket: b, key_id: k, secret_env: S, secret_file: f}]",
		"as in https://s3.example.com":                    "destinations: [{id: a, tenant: acme, bucket: b, endpoint: s3.example.com}]",
		"writes to the same place":                        "destinations: [{id: a, tenant: acme, directory: x}, {id: b, tenant: globex, directory: x/}]",
		"a directory, bucket or prefix of its own":        "destinations: [{id: a, tenant: acme, bucket: x, prefix: p}, {id: b, tenant: globex, bucket: x, prefix: /p/}]",
		"is shown by the download API already":            "destinations: [{id: a, tenant: acme, directory: x, download: true}, {id: b, tenant: acme, directory: y, download: true}]",
		"there is no tenant \"nobody\"":                   "wfm: [nobody]",
		"name it in floor.intervals":                      "wfm: [acme]",
		"one of jsonl, parquet":                           "destinations: [{id: a, tenant: acme, directory: x, formats: [csv]}]",
		"did you mean exports.destinations[0].directory?": "destinations: [{id: a, tenant: acme, directry: x}]",
		"exports.destinations[0].parallel":                "destinations: [{id: a, tenant: acme, directory: x, parallel: 0}]",
	} {
		_, err := config.Parse("t.yaml", []byte(tenants+"exports:\n  "+text+"\n"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", text, err, want)
		}
	}
}
