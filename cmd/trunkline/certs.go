package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/internal/devcert"
)

func newCertsCmd() *cobra.Command {
	var (
		dir, client string
		hosts       []string
		terms       devcert.Terms
	)
	dev := &cobra.Command{
		Use:   "dev",
		Short: "Make a development authority with a server's and a client's certificate",
		Long: `Make an authority, a server's certificate and a client's certificate for mutual TLS on a developer's machine. They
are not for production: the key of the authority lies beside them. Files that are there are not replaced.`,
		Example: `  trunkline certs dev --dir ./certs
  trunkline certs dev --dir ./certs --host receiver.test,127.0.0.1 --client CN-of-the-sender --rsa`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if terms.Days < 1 || terms.Days > 1000 {
				return usage(fmt.Errorf("--days is 1 to 1000, not %d", terms.Days))
			}
			f, err := devcert.WriteSet(dir, client, terms, hosts...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "authority  %s %s\nserver     %s %s\nclient     %s %s\n", f.CA, f.CAKey, f.ServerCert, f.ServerKey, f.ClientCert, f.ClientKey)
			return err
		},
	}
	flags := dev.Flags()
	flags.StringVar(&dir, "dir", "./certs", "directory to write to")
	flags.StringVar(&client, "client", "trunkline", "common name of the client")
	flags.StringSliceVar(&hosts, "host", []string{"localhost", "127.0.0.1", "::1"}, "names and addresses of the server")
	flags.IntVar(&terms.Days, "days", 30, "how long they are valid")
	flags.BoolVar(&terms.RSA, "rsa", false, "RSA keys with 3072 bits, as ASAPP asks for, in place of ECDSA P-256")
	return group("certs", "Make certificates", dev)
}
