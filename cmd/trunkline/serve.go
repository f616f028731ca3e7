package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/server"
)

func newServeCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve [-c FILE]",
		Short: "Run the server until SIGINT or SIGTERM",
		Long: `Run the server until SIGINT or SIGTERM, which end it in order: readiness goes first, requests in flight finish, the
log is closed. Without a file the defaults and the environment count. Logs go to standard error.

SIGHUP has the file read again: attached sources that are new in it begin, those that are gone end, those that are
described in another way begin anew. When anything is wrong with the file, nothing is changed. All else takes effect
with a restart; certificates and secrets of sources are read again by themselves.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadConfig(cmd, file)
			if err != nil {
				return err
			}
			slog.SetDefault(server.Logger(cmd.ErrOrStderr(), loaded.Observability))
			again := make(chan os.Signal, 1)
			signal.Notify(again, syscall.SIGHUP)
			defer signal.Stop(again)
			return server.Run(cmd.Context(), loaded.Config, func(s *server.Server) { go reload(cmd.Context(), s, file, again) })
		},
	}
	configFlag(cmd, &file)
	return cmd
}

// reload has the server take over the sources of the file whenever it is told to, until ctx ends.
func reload(ctx context.Context, s *server.Server, file string, again <-chan os.Signal) {
	for {
		select {
		case <-again:
		case <-ctx.Done():
			return
		}
		loaded, err := config.Load(file, os.Environ())
		if err == nil {
			err = s.Reload(loaded.Config)
		}
		if err != nil {
			slog.Error("the configuration was not taken over, all goes on as before", "error", err)
		}
	}
}
