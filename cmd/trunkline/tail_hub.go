package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/feed/hub/tail"
)

func newTailHubCmd() *cobra.Command {
	f := &tailHubFlags{}
	cmd := &cobra.Command{
		Use:   "hub ENTITY:EVENT[,EVENT...] ...",
		Short: "Subscribe to events of users, queues and call lists at the hub",
		Long: `Subscribe to events of the hub feed, as a client of Enreach's RTE does, and print the data of one message a line. ENTITY is the
GUID of a user, a queue or a call list, EVENT one of its events; * is all of them. When it is cut, it asks for a new token,
connects again and subscribes again.

The user's secret is read from the file of --secret-file or from TRUNKLINE_SECRET.`,
		Example: `  trunkline tail hub --user anna 'c9eeb030-ff4b-ea11-ac9c-00155d4fdcf3:QueueStatus'
  trunkline tail hub --user anna --count 10 'aa9730c4-ce86-e611-80c9-00505689257e:*'`,
		RunE: f.run,
	}
	f.client.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.o.User, "user", os.Getenv("TRUNKLINE_USER"), "who signs in: login, id or GUID (or TRUNKLINE_USER)")
	flags.StringVar(&f.secretFile, "secret-file", "", "file with the user's secret (or TRUNKLINE_SECRET)")
	flags.BoolVar(&f.o.Whole, "whole", false, "print whole messages, with their subscription")
	endFlags(cmd, "messages", &f.o.Count, &f.o.Duration, &f.o.Patience)
	return cmd
}

type tailHubFlags struct {
	client     clientFlags
	secretFile string
	o          tail.Options
}

func (f *tailHubFlags) run(cmd *cobra.Command, args []string) error {
	o := f.o
	for _, a := range args {
		entity, events, ok := strings.Cut(a, ":")
		if !ok || events == "" {
			return usage(fmt.Errorf("%q is not ENTITY:EVENT", a))
		}
		for name := range strings.SplitSeq(events, ",") {
			o.Subscriptions = append(o.Subscriptions, tail.Subscription{EntityID: entity, EventName: name})
		}
	}
	var err error
	if o.Secret, err = secretOf(f.secretFile, "TRUNKLINE_SECRET"); err != nil {
		return err
	}
	if len(o.Subscriptions) == 0 || o.User == "" || o.Secret == "" {
		return usage(errors.New("it needs --user, the user's secret, and something to subscribe to"))
	}
	server, client, err := f.client.feed()
	if err != nil {
		return err
	}
	o.URL, o.HTTP, o.Out = server.URL, client, cmd.OutOrStdout()
	o.Reconnect = sayCut(cmd)
	o.Refused = func(s tail.Subscription, message string) {
		fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: %s of %s: %s\n", s.EventName, s.EntityID, message)
	}
	res, err := tail.Run(cmd.Context(), o)
	fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: %d messages of %d subscriptions, %d times reconnected\n", res.Messages, res.Subscribed, res.Reconnects)
	return err
}
