package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"trunkline/feed/export"
)

func newExportBackfillCmd() *cobra.Command {
	return backfillCmd(false, &cobra.Command{
		Use:   "backfill DESTINATION --from TIME [--to TIME]",
		Short: "Write windows that a destination has not got",
		Long: `Ask a running server to write the windows of a stretch of time that a destination has not got, from as far back as the log
reaches, or with --source raw from the table of events that was exported to it. What is there is not touched.`,
		Example: `  trunkline export backfill warehouse --from 2026-03-02 --to 2026-03-04
  trunkline export backfill warehouse --from 2026-03-02 --source raw --feeds convos_metrics,reps`,
	})
}

func newExportRerunCmd() *cobra.Command {
	return backfillCmd(true, &cobra.Command{
		Use:   "rerun DESTINATION --from TIME [--to TIME]",
		Short: "Make windows again and compare them with what is there",
		Long: `Ask a running server to make the files of a stretch of time again. Windows that are missing are written; those that are complete
are compared with what is there and never changed.`,
		Example: `  trunkline export rerun warehouse --from 2026-03-02T09:00:00Z --to 2026-03-02T10:00:00Z --feeds events`,
	})
}

// moment reads a time or a day.
func moment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a time nor a day, as in 2026-03-02T09:00:00Z and 2026-03-02", text)
	}
	return t, nil
}

// pollEvery is how often a back-fill is looked at.
const pollEvery = 300 * time.Millisecond

// backfillCmd completes a command that has the server fill windows.
func backfillCmd(verify bool, cmd *cobra.Command) *cobra.Command {
	var f clientFlags
	var from, to, tenant string
	want := export.Backfill{Verify: verify}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(fmt.Errorf("%s takes the id of one destination", cmd.CommandPath()))
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if want.From, err = moment(from); err == nil && to != "" {
			want.To, err = moment(to)
		}
		if err != nil {
			return usage(err)
		}
		c, err := f.client()
		if err != nil {
			return err
		}
		path := "/v1/exports/destinations/" + url.PathEscape(args[0]) + "/backfill"
		if tenant != "" {
			path += "?" + url.Values{"tenant": {tenant}}.Encode()
		}
		var s export.BackfillState
		if err := c.Do(cmd.Context(), http.MethodPost, path, want, &s); err != nil {
			return err
		}
		for s.State == "running" {
			select {
			case <-cmd.Context().Done():
				return errors.New("the back-fill goes on in the server")
			case <-time.After(pollEvery):
			}
			if err := c.Do(cmd.Context(), http.MethodGet, path, nil, &s); err != nil {
				return err
			}
		}
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		if err := e.Encode(s); err != nil {
			return err
		}
		switch {
		case s.Error != "":
			return errors.New(s.Error)
		case len(s.Different) > 0:
			return fmt.Errorf("%d windows are not what the log makes", len(s.Different))
		}
		return nil
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "windows that begin at this time or day, or later")
	flags.StringVar(&to, "to", "", "and end at this one, or earlier; all that have ended without it")
	flags.StringSliceVar(&want.Feeds, "feeds", nil, "tables; all of the destination without it")
	flags.StringVar(&want.Source, "source", "log", "where the events come from: log, or raw, the exported ones")
	flags.StringVar(&tenant, "tenant", "", "whose destination it is, for the operator")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}
