// Command versitygw serves one directory as S3, with the S3 interface and the
// file-system backend of VersityGW and none of its other parts. Tests run against
// it: it honours the conditions of a write as S3 does. It is a module of its own so
// that nothing of it gets into the server's.
//
//	versitygw ADDRESS DIRECTORY
//
// Each directory in DIRECTORY is a bucket of the region us-east-1; VERSITYGW_ACCESS and
// VERSITYGW_SECRET are the only account. Where the file system has no extended
// attributes, what is known of the objects is kept in a directory beside DIRECTORY.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: versitygw ADDRESS DIRECTORY")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "versitygw:", err)
		os.Exit(1)
	}
}

func serve(addr, dir string) error {
	root := auth.Account{Access: os.Getenv("VERSITYGW_ACCESS"), Secret: os.Getenv("VERSITYGW_SECRET"), Role: auth.RoleAdmin}
	if root.Access == "" || root.Secret == "" {
		return fmt.Errorf("VERSITYGW_ACCESS and VERSITYGW_SECRET are not set")
	}
	var opts posix.PosixOpts
	var attributes meta.MetadataStorer = meta.XattrMeta{}
	if err := (meta.XattrMeta{}).Test(dir); err != nil {
		opts.SideCarDir = filepath.Join(filepath.Dir(dir), "meta-of-"+filepath.Base(dir))
		if err := os.MkdirAll(opts.SideCarDir, 0o700); err != nil {
			return err
		}
		sidecar, err := meta.NewSideCar(opts.SideCarDir)
		if err != nil {
			return fmt.Errorf("keep metadata in %s: %w", opts.SideCarDir, err)
		}
		attributes = sidecar
	}
	backend, err := posix.New(dir, attributes, opts)
	if err != nil {
		return fmt.Errorf("serve %s: %w", dir, err)
	}
	const most = 1000 // requests, and connections, at once
	srv, err := s3api.New(backend, middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret}, "us-east-1",
		auth.NewIAMServiceSingle(root), nil, nil, nil, nil,
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithConcurrencyLimiter(most, most), s3api.WithMpMaxParts(10_000))
	if err != nil {
		return err
	}
	return srv.ServeMultiPort([]string{addr})
}
