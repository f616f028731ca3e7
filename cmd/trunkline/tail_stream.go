package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"trunkline/feed/stream/tail"
)

func newTailStreamCmd() *cobra.Command {
	f := &tailStreamFlags{}
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "Subscribe to the tenant stream",
		Long: `Subscribe to the tenant stream, as a client of the 8x8 Streaming API does, and print one event a line. It comes back with
the same subscription when it is cut: what the server sends again is not printed again.

The token needs the scope stream; the subscription's name is where the server keeps the place, also between runs.`,
		Example: `  trunkline tail stream --tenant acmecorp01 --subscription wfm
  trunkline tail stream --tenant acmecorp01 --output NEWLINE_XML --types AgentStatusChange`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.client.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.o.Tenant, "tenant", "", "the tenant, as the token's")
	flags.StringVar(&f.o.Subscription, "subscription", "tail", "name of the subscription")
	flags.StringVar(&f.o.Output, "output", "JSON", "JSON, XML, NEWLINE_JSON or NEWLINE_XML")
	flags.StringVar(&f.o.Types, "types", "", "names of events, separated by commas (none: all)")
	flags.StringVar(&f.o.After, "after", "", "a cursor of the log to begin at (none: where the subscription is)")
	flags.BoolVar(&f.o.Heartbeats, "heartbeats", false, "print ClientChecks, too")
	endFlags(cmd, "events", &f.o.Count, &f.o.Duration, &f.o.Patience)
	return cmd
}

type tailStreamFlags struct {
	client clientFlags
	o      tail.Options
}

func (f *tailStreamFlags) run(cmd *cobra.Command) error {
	if f.o.Tenant == "" {
		return usage(fmt.Errorf("--tenant is needed: the stream is asked for by its name"))
	}
	server, client, err := f.client.feed()
	if err != nil {
		return err
	}
	o := f.o
	o.URL, o.Token, o.HTTP, o.Out = server.URL, server.Token, client, cmd.OutOrStdout()
	o.Reconnect = sayCut(cmd)
	res, err := tail.Run(cmd.Context(), o)
	fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: %d events, numbers %d to %d, %d gaps, %d repeats, %d times reconnected\n",
		res.Events, res.First, res.Last, res.Gaps, res.Repeats, res.Reconnects)
	var refused *tail.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return usage(err)
	}
	return err
}
