package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/replay"
)

func newReplayCmd() *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay --format ami|queue_log|esl|ndjson FILE",
		Short: "Play a capture or a file of events into a running server",
		Long: `Play a recording into a running server: a capture of an Asterisk manager connection (ami), Asterisk's queue_log, or
a capture of a FreeSWITCH's event socket (esl), which are translated on the way, or a file with one CloudEvent a line
(ndjson). FILE may be compressed with gzip; - is standard input.

Ids and times stay those of the recording, so that a second replay gives only duplicates. With --now everything is
moved to begin now, and is new every time. Requests are repeated under the same ids while the server is busy or away.

With --summary nothing is sent: what became of the visits to queues, and how the agents were left, is printed as one
JSON object. With --as-pbx or --as-esl a capture is served as the PBX or FreeSWITCH itself would, for
programs that connect to a manager port or an event socket.`,
		Example: `  trunkline replay --format ami --timing ami-capture.timing.jsonl --speed 10 ami-capture.txt
  trunkline replay --format ami --print ami-capture.txt > facts.ndjson
  trunkline replay --format ndjson facts.ndjson
  trunkline replay --format queue_log --summary /var/log/asterisk/queue_log
  trunkline replay --as-pbx --timing ami-capture.timing.jsonl --speed 4 --listen 127.0.0.1:5038 ami-capture.txt
  trunkline replay --as-esl --timing esl-capture.timing.jsonl --secret ClueCon --listen 127.0.0.1:8021 esl-capture.txt`,
		Args: oneArg("file"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.client.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "what the file is: "+strings.Join(replay.Formats(), " or "))
	flags.StringVar(&f.timing, "timing", "", "record of the reads of a capture, JSON lines {t, off, n}")
	flags.StringVar(&f.speed, "speed", "max", `how many times faster than it happened; 1 is as it happened, "max" as fast as the server takes it`)
	flags.BoolVar(&f.now, "now", false, "move all times so that the recording begins now")
	flags.BoolVar(&f.summary, "summary", false, "print the outcomes of the queues and the state of the agents as JSON instead of sending events")
	flags.StringToStringVar(&f.agents, "agent", nil, "interface of a member whom a queue_log names, such as Alice=PJSIP/1001; may be repeated")
	f.serve.add(cmd)
	flags.BoolVar(&f.print, "print", false, "print the events as NDJSON instead of sending them")
	flags.StringVar(&f.pbx, "pbx", "", "name of the PBX, for a capture that does not name it")
	flags.StringVar(&f.tenant, "tenant", "", "tenant to write into translated events (none: the token's)")
	flags.IntVar(&f.batch, "batch", 256, "events in one request")
	flags.DurationVar(&f.patience, "patience", 2*time.Minute, "how long a request is repeated before giving up")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(replay.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type replayFlags struct {
	client                             clientFlags
	format, timing, speed, pbx, tenant string
	now, print, summary                bool
	agents                             map[string]string
	serve                              serveCaptureFlags
	batch                              int
	patience                           time.Duration
}

func (f *replayFlags) run(cmd *cobra.Command, file string) error {
	o := replay.Options{
		Format: replay.Format(f.format), Now: f.now, PBX: f.pbx, Tenant: f.tenant, Batch: f.batch, Patience: f.patience,
		Agents: f.agents,
	}
	if f.serve.any() {
		return f.serveCapture(cmd, file)
	}
	if f.format == "" {
		return usage(fmt.Errorf("--format is missing, one of %s", strings.Join(replay.Formats(), ", ")))
	}
	var err error
	if o.Speed, err = parseSpeed(f.speed); err != nil {
		return err
	}
	if f.timing != "" {
		reads, err := readTiming(f.timing)
		if err != nil {
			return usage(err)
		}
		o.Timing = reads
	}
	switch {
	case f.summary:
		o.Outcomes = replay.NewOutcomes()
	case f.print:
		o.Print = cmd.OutOrStdout()
	default:
		c, err := f.client.options()
		if err != nil {
			return err
		}
		tls, err := c.TLS()
		if err != nil {
			return usage(err)
		}
		o.URL, o.Token = c.URL, c.Token
		o.Client = &http.Client{
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: tls, IdleConnTimeout: time.Minute},
			Timeout:   time.Minute,
		}
		defer o.Client.CloseIdleConnections()
	}

	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return usage(fmt.Errorf("open the recording: %w", err))
		}
		defer opened.Close()
		if info, err := opened.Stat(); err == nil && info.Mode().IsRegular() {
			o.Size = info.Size()
		}
		in = opened
	}
	stderr := cmd.ErrOrStderr()
	bar := replay.NewBar(stderr, isTerminal(stderr))
	o.Progress = bar.Update
	sum, err := replay.Run(cmd.Context(), in, o)
	bar.Done()
	if errors.Is(err, replay.ErrOptions) {
		return usage(err)
	}
	if err != nil {
		if sum.Sent > 0 {
			_ = sum.Write(stderr)
		}
		return fmt.Errorf("replay: %w", err)
	}
	out := cmd.OutOrStdout()
	if f.summary {
		if sum.Faults > 0 {
			fmt.Fprintf(stderr, "trunkline: %d places of the recording could not be read, the first: %v\n", sum.Faults, sum.FirstFault)
		}
		return o.Outcomes.WriteJSON(out)
	}
	if f.print {
		out = stderr
	}
	return sum.Write(out)
}

func readTiming(name string) ([]replay.Read, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the timing file: %w", err)
	}
	defer file.Close()
	in, err := replay.Plain(file)
	if err != nil {
		return nil, err
	}
	return replay.ReadTiming(in)
}

// isTerminal tells whether w is a screen on which a line can be drawn anew.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
