package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/demo"
	"trunkline/server"
)

func newDemoCmd() *cobra.Command {
	var o demo.Options
	var speed string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server with a simulated contact centre in it",
		Long: `Run a server with an embedded log and a simulated contact centre, and print how to look at it.

Without --data everything is in a temporary directory and gone at the end. With it the log, the credentials and the
people of the centre stay, and the next run goes on with new ids. SIGINT and SIGTERM end it in order.`,
		Example: `  trunkline demo
  trunkline demo --json --agents 200 --speed 10 --duration 1m
  trunkline demo --data ./demo-data`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Speed, err = demo.ParseSpeed(speed); err != nil {
				return usage(err)
			}
			o.Out = cmd.OutOrStdout()
			slog.SetDefault(server.Logger(cmd.ErrOrStderr(), config.Observability{LogLevel: "warn", LogFormat: "text"}))
			if err = demo.Run(cmd.Context(), o); errors.Is(err, demo.ErrOptions) {
				return usage(err)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Addr, "addr", "127.0.0.1:8090", "host and port to listen on; port 0 takes a free one")
	flags.IntVar(&o.Agents, "agents", 25, "agents of the centre, 5 to 10000; 0 simulates nothing")
	flags.Uint64Var(&o.Seed, "seed", 1, "another seed is another centre with another day")
	flags.StringVar(&speed, "speed", "1", `how many times faster than the clock, or "max" for as fast as the log takes it`)
	flags.StringVar(&o.Data, "data", "", "directory that keeps the log and the credentials (none: a temporary one)")
	flags.DurationVar(&o.Duration, "duration", 0, "end by itself after this time (0: never)")
	flags.BoolVar(&o.JSON, "json", false, "print one line of JSON with the URL and the credentials once ready, nothing else")
	_ = cmd.MarkFlagDirname("data") // for completion only
	return cmd
}
