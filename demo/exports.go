package demo

import (
	"path/filepath"

	"trunkline/config"
	"trunkline/feed/export/layout"
)

// exportsIn is where the demo's tables are written to: a directory named as a bucket would be.
func exportsIn(dir string) string {
	return filepath.Join(dir, "buckets", layout.BucketName("trunkline", "demo", tenant, "us-east-1"))
}

// openExports has the server write all tables, also those for workforce management.
func openExports(dir string, cfg *config.Config) {
	cfg.Exports.WFM = []string{tenant}
	cfg.Exports.Destinations = []config.Destination{{ID: "warehouse", Tenant: tenant, Directory: exportsIn(dir), Gzip: true, Manifest: true}}
}
