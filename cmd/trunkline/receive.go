package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/feed/push/endpoint"
)

func newReceiveCmd() *cobra.Command {
	var o endpoint.Options
	cmd := &cobra.Command{
		Use:   "receive",
		Short: "Be a webhook endpoint and print what arrives",
		Long: `Be a webhook endpoint and print what arrives, one JSON text a line, until SIGINT or SIGTERM or --count events. With
--fail, --hang, --reset, --delay and --slow it behaves badly on purpose, to see what a sender makes of it.
'trunkline certs dev' makes certificates to try it with.`,
		Example: `  trunkline certs dev --dir ./certs
  trunkline receive --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem
  trunkline receive --addr 127.0.0.1:9443 --fail 0.2 --delay 50ms --quiet`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out = cmd.OutOrStdout()
			o.Ready = func(url string) { fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: listening at %s\n", url) }
			sum, err := endpoint.Run(cmd.Context(), o)
			if errors.Is(err, endpoint.ErrOptions) {
				return usage(err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: %d requests, %d events, %d repeats, %d answered badly on purpose\n", sum.Requests, sum.Events, sum.Repeats, sum.Failed)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Addr, "addr", "127.0.0.1:9443", "host and port to listen on; port 0 takes a free one")
	flags.StringVar(&o.Cert, "cert", "", "file with the certificate, PEM (none: plain HTTP)")
	flags.StringVar(&o.Key, "key", "", "file with its key, PEM")
	flags.StringVar(&o.ClientCA, "client-ca", "", "file with the authorities of client certificates, PEM: every client must show one")
	flags.Float64Var(&o.Fail, "fail", 0, "share of requests that are answered with --status, 0 to 1")
	flags.IntVar(&o.Status, "status", 500, "what they are answered with")
	flags.Float64Var(&o.Hang, "hang", 0, "share of requests that are never answered, 0 to 1")
	flags.Float64Var(&o.Reset, "reset", 0, "share of requests that are cut off, 0 to 1")
	flags.DurationVar(&o.Delay, "delay", 0, "pause before each answer")
	flags.DurationVar(&o.Slow, "slow", 0, "pause between the bytes of each answer")
	flags.Uint64Var(&o.Count, "count", 0, "end after so many different events (0: never)")
	flags.BoolVar(&o.Quiet, "quiet", false, "print no events, only what was seen at the end")
	return cmd
}
