package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"trunkline/server"
)

func newServeCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve [-c FILE]",
		Short: "Run the server until SIGINT or SIGTERM",
		Long: `Run the server until SIGINT or SIGTERM, which end it in order: readiness goes first, requests in flight finish, the
log is closed. Without a file the defaults and the environment count. Logs go to standard error.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadConfig(cmd, file)
			if err != nil {
				return err
			}
			slog.SetDefault(server.Logger(cmd.ErrOrStderr(), loaded.Observability))
			return server.Run(cmd.Context(), loaded.Config, nil)
		},
	}
	configFlag(cmd, &file)
	return cmd
}
