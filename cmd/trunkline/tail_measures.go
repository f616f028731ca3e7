package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"trunkline/feed/measures/tail"
)

func newTailMeasuresCmd() *cobra.Command {
	f := &tailMeasuresFlags{}
	cmd := &cobra.Command{
		Use:   "measures",
		Short: "Follow the measures of agents, queues or channels",
		Long: `Follow what is counted since midnight, as a client of Avaya's Analytics Realtime Data API does: get a token, make a subscription,
connect, and print the snapshot and then what changes, one message a line. When it is cut, it connects again and gets a new
snapshot. At the end it deletes its subscription.

The client's secret is read from the file of --secret-file or from TRUNKLINE_SECRET. A token of an outside issuer, given as other
commands take theirs, stands in for client and secret.`,
		Example: `  trunkline tail measures --account EZCLTR --client wallboard
  trunkline tail measures --account EZCLTR --client wallboard --producer Agent_itd --agents a1,a2 --only agentState,timeInState --short`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.client.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.o.Account, "account", os.Getenv("TRUNKLINE_ACCOUNT"), "the account (or TRUNKLINE_ACCOUNT)")
	flags.StringVar(&f.o.Client, "client", os.Getenv("TRUNKLINE_CLIENT"), "the client's id (or TRUNKLINE_CLIENT)")
	flags.StringVar(&f.secretFile, "secret-file", "", "file with the client's secret (or TRUNKLINE_SECRET)")
	flags.StringVar(&f.o.Producer, "producer", "Queue_itd", "the measure producer: Agent_itd, AgentByQueue_itd, AgentByChannel_itd, Queue_itd or QueueByChannel_itd")
	flags.StringVar(&f.agents, "agents", "", "ids of agents, separated by commas (none: all)")
	flags.StringVar(&f.queues, "queues", "", "ids of queues, separated by commas (none: all)")
	flags.StringVar(&f.channels, "channels", "", "channels, separated by commas (none: all)")
	flags.StringVar(&f.only, "only", "", "measures, separated by commas (none: all)")
	flags.BoolVar(&f.o.Measures, "short", false, "print keys and measures alone")
	flags.BoolVar(&f.o.LiveOnly, "live-only", false, "do not print snapshots")
	endFlags(cmd, "lines", &f.o.Count, &f.o.Duration, &f.o.Patience)
	return cmd
}

type tailMeasuresFlags struct {
	client                         clientFlags
	secretFile                     string
	agents, queues, channels, only string
	o                              tail.Options
}

func (f *tailMeasuresFlags) run(cmd *cobra.Command) error {
	o := f.o
	server, client, err := f.client.feed()
	if err != nil {
		return err
	}
	if o.Secret, err = secretOf(f.secretFile, "TRUNKLINE_SECRET"); err != nil {
		return err
	}
	if o.Client == "" {
		o.Token = server.Token
	}
	if o.Account == "" || o.Token == "" && (o.Client == "" || o.Secret == "") {
		return usage(errors.New("it needs --account, and --client with the client's secret, or a token of an outside issuer"))
	}
	o.Extensions = map[string]string{}
	for name, list := range map[string]string{"agentId": f.agents, "queueId": f.queues, "channelId": f.channels, "measures": f.only} {
		if list != "" {
			o.Extensions[name] = list
		}
	}
	o.URL, o.HTTP, o.Out, o.Reconnect = server.URL, client, cmd.OutOrStdout(), sayCut(cmd)
	res, err := tail.Run(cmd.Context(), o)
	fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: %d keys; %d messages of snapshots, %d live, %d keys left, %d times reconnected\n",
		res.Keys, res.Initial, res.Live, res.Deleted, res.Reconnects)
	var refused *tail.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return usage(err)
	}
	return err
}
