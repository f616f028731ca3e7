package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/feed/export/bucket"
	"trunkline/feed/export/encode"
	"trunkline/feed/export/handover"
)

func newExportCredentialsCmd() *cobra.Command {
	var c handover.Credentials
	var secretFile, to, out, put, endpoint, region, profile string
	var pathStyle bool
	cmd := &cobra.Command{
		Use:   "credentials --id ID --bucket BUCKET --to KEYFILE",
		Short: "Encrypt the credentials of a bucket to a customer",
		Long: `Write the credentials with which a customer reads its bucket as one line, id, secret, bucket and sub-folder separated by
tabs, encrypted to the customer's OpenPGP public key. Use a pair of credentials for each environment. The secret comes from
--secret-file or TRUNKLINE_EXPORT_SECRET. With --put the file goes into a bucket, and a link is printed that ends after 24 hours.`,
		Args: noArgs,
		Example: `  trunkline export credentials --id AKIA… --secret-file secret --bucket asapp-prod-acme-exports-us-east-1 --to acme.asc --out acme.asc.gpg
  trunkline export credentials --id AKIA… --secret-file secret --bucket asapp-prod-acme-exports-us-east-1 --to acme.asc --put s3://handover`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (out == "") == (put == "") {
				return usage(errors.New("exactly one of --out and --put is needed"))
			}
			c.Secret = os.Getenv("TRUNKLINE_EXPORT_SECRET")
			if secretFile != "" {
				raw, err := os.ReadFile(secretFile)
				if err != nil {
					return usage(fmt.Errorf("read the secret: %w", err))
				}
				c.Secret = strings.TrimSpace(string(raw))
			}
			raw, err := os.ReadFile(to)
			if err != nil {
				return usage(fmt.Errorf("read the customer's key: %w", err))
			}
			keys, err := encode.PublicKey(raw, time.Now())
			if err != nil {
				return usage(fmt.Errorf("%s: %w", to, err))
			}
			encrypted, err := handover.Encrypt(c, keys)
			if err != nil {
				return usage(err)
			}
			if out != "" {
				return os.WriteFile(out, encrypted, 0o600)
			}
			u, err := url.Parse(put)
			if err != nil || u.Scheme != "s3" || u.Host == "" {
				return usage(fmt.Errorf("--put %q is not a bucket, as in s3://handover", put))
			}
			s, err := bucket.OpenS3(cmd.Context(), bucket.S3Options{Bucket: u.Host, Prefix: u.Path, Region: region, Endpoint: endpoint, PathStyle: pathStyle, Profile: profile})
			if err != nil {
				return err
			}
			link, key, err := handover.Put(cmd.Context(), s, encrypted)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s is in %s; the link ends after 24 hours. Remove the file once the customer has it.\n", key, put)
			fmt.Fprintln(cmd.OutOrStdout(), link)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.ID, "id", "", "the id of the key")
	flags.StringVar(&secretFile, "secret-file", "", "file with its secret (or TRUNKLINE_EXPORT_SECRET)")
	flags.StringVar(&c.Bucket, "bucket", "", "the bucket that it reads")
	flags.StringVar(&c.Folder, "folder", "", "its folder of the bucket, if it has one")
	flags.StringVar(&to, "to", "", "file with the customer's OpenPGP public key")
	flags.StringVar(&out, "out", "", "file to write")
	flags.StringVar(&put, "put", "", "bucket to put the file into, as s3://BUCKET[/FOLDER]; its credentials are those that the AWS SDK finds")
	flags.StringVar(&endpoint, "endpoint", "", "address of a store that is not AWS")
	flags.StringVar(&region, "region", "us-east-1", "region of the bucket that the file goes into")
	flags.StringVar(&profile, "profile", "", "profile of the AWS configuration files")
	flags.BoolVar(&pathStyle, "path-style", false, "put the bucket's name into the path")
	for _, name := range []string{"id", "bucket", "to"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}
