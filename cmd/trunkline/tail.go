package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/feed/live/tail"
)

func newTailCmd() *cobra.Command {
	cmd := group("tail", "Listen to a feed of a running server", newTailLiveCmd(), newTailStreamCmd(), newTailHubCmd(), newTailMeasuresCmd())
	cmd.Long = `Listen to a feed of a running server and print what comes, one JSON text a line. The client comes back by itself when it
is cut, where it was.`
	return cmd
}

// sayCut prints each cut of a client that comes back.
func sayCut(cmd *cobra.Command) func(error, time.Duration) {
	return func(err error, pause time.Duration) {
		fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: cut: %v; coming back in %v\n", err, pause.Round(time.Millisecond))
	}
}

// endFlags adds what all clients have in common: when they end, counted in what they print.
func endFlags(cmd *cobra.Command, what string, count *uint64, duration, patience *time.Duration) {
	flags := cmd.Flags()
	flags.Uint64Var(count, "count", 0, "end after so many "+what+" (0: never)")
	flags.DurationVar(duration, "duration", 0, "end after this time (0: never)")
	flags.DurationVar(patience, "patience", 2*time.Minute, "how long to try to come back before giving up")
}

// secretOf reads the secret of who signs in from a file, or gives that of the environment.
func secretOf(file, variable string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", usage(fmt.Errorf("read the secret: %w", err))
	}
	return strings.TrimSpace(string(b)), nil
}

func newTailLiveCmd() *cobra.Command {
	f := &tailFlags{}
	cmd := &cobra.Command{
		Use:   "live",
		Short: "Listen to the native live feed",
		Long: `Listen to the native live feed over a WebSocket and print one event a line. It comes back by itself behind the last
event it has printed, and ends after --count events, after --duration, or when nothing came for --idle.

With --check it looks at the sequence of every event and ends with exit code 3 when one was missing, came twice or out
of order. With --types or --subject numbers are missing rightly, so that gaps are not looked for.`,
		Example: `  trunkline tail live --types 'interaction.*'
  trunkline tail live --after oldest --idle 2s > events.ndjson
  trunkline tail live --after oldest --check --quiet --count 100000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.client.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.o.After, "after", "", `where to begin: a cursor, or "oldest" for everything that is kept (none: from now on)`)
	flags.StringVar(&f.o.Types, "types", "", "types to listen to, separated by commas; a * at the end stands for any rest")
	flags.StringVar(&f.o.Subject, "subject", "", "subject to listen to, such as interaction/4711")
	flags.StringVar(&f.o.Filter, "filter", "", "an expression in CEL that must be true of an event")
	flags.StringVar(&f.o.Consumer, "consumer", "", "name under which the server keeps the place between runs")
	flags.StringVar(&f.ack, "ack", "pong", "how a consumer acknowledges: pong, or explicit for what was printed")
	endFlags(cmd, "events", &f.o.Count, &f.o.Duration, &f.o.Patience)
	flags.DurationVar(&f.o.Idle, "idle", 0, "end when connected and nothing came for this time (0: never)")
	flags.BoolVar(&f.o.Cursors, "cursors", false, `print {"cursor":…,"event":…} in place of the event alone`)
	flags.BoolVar(&f.o.Check, "check", false, "look for gaps, repeats and disorder")
	flags.BoolVar(&f.quiet, "quiet", false, "print no events, only what was seen at the end")
	_ = cmd.RegisterFlagCompletionFunc("ack", cobra.FixedCompletions([]string{"pong", "explicit"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type tailFlags struct {
	client clientFlags
	o      tail.Options
	ack    string
	quiet  bool
}

func (f *tailFlags) run(cmd *cobra.Command) error {
	if f.ack != "pong" && f.ack != "explicit" {
		return usage(fmt.Errorf("--ack is %q, it must be pong or explicit", f.ack))
	}
	server, client, err := f.client.feed()
	if err != nil {
		return err
	}
	o := f.o
	o.URL, o.Token, o.HTTP, o.Explicit = server.URL, server.Token, client, f.ack == "explicit"
	if !f.quiet {
		o.Out = cmd.OutOrStdout()
	}
	o.Reconnect = sayCut(cmd)
	res, err := tail.Run(cmd.Context(), o)
	if f.quiet || o.Check {
		fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: %d events, %d times reconnected, cursor %s\n", res.Events, res.Reconnects, res.Cursor)
	}
	var refused *tail.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return usage(err)
	}
	if err != nil {
		return err
	}
	if !o.Check {
		return nil
	}
	if !res.Clean() {
		return found(fmt.Errorf("%d missing, %d repeated, %d out of order:\n  %s", res.Gaps, res.Repeats, res.Disorder, strings.Join(res.Findings, "\n  ")))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: sequences %d to %d: nothing missing, nothing repeated, all in order\n", res.First, res.Last)
	return nil
}
