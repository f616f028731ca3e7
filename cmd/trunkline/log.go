package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trunkline/server"
)

func newLogCmd() *cobra.Command {
	return group("log", "Look after the log", newLogVerifyCmd(), newLogRenumberCmd())
}

func newLogVerifyCmd() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "verify [-c FILE | --data DIR]",
		Short: "Read the whole log and check every hash, the chain and every number",
		Long: `Read the whole log and check the hash of each commit, the chain of the commits, the numbers of each tenant and
each record. No server may have the data directory open. Exit code 3 when something is not what was written.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := f.config(cmd)
			if err != nil {
				return err
			}
			store, err := server.OpenOffline(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, store.Close(cmd.Context())) }()
			report, err := store.Verify(cmd.Context(), nil)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d events of %d tenants in %d commits, %d bytes, read in %s\n",
				report.Events, report.Tenants, report.Commits, report.Bytes, report.Took.Round(time.Millisecond))
			for _, b := range report.Breaks {
				fmt.Fprintln(cmd.OutOrStdout(), b)
			}
			if n := len(report.Breaks); n > 0 {
				return found(fmt.Errorf("the log is damaged in %d places", n))
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the log is whole")
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func newLogRenumberCmd() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "renumber [-c FILE | --data DIR]",
		Short: "Begin a new epoch after an older copy of the log was put back",
		Long: `Begin a new epoch. Consumers may hold cursors of events that the older copy does not have; from here on such cursors
are answered with 410 and the reason, instead of meaning other events. No server may have the data directory open.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := f.config(cmd)
			if err != nil {
				return err
			}
			if err := server.Renumber(cmd.Context(), cfg); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "a new epoch has begun; consumers are told at their next request")
			return nil
		},
	}
	f.add(cmd)
	return cmd
}
