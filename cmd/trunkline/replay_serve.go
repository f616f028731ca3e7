package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"trunkline/replay"
	"trunkline/replay/asesl"
	"trunkline/replay/aspbx"
)

// serveCaptureFlags are those of a capture that is served as the telephony
// system it was taken from.
type serveCaptureFlags struct {
	pbx, esl             bool
	listen, user, secret string
	wait                 time.Duration
}

func (f *serveCaptureFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.pbx, "as-pbx", false, "serve a capture of an Asterisk manager connection as the PBX would")
	flags.BoolVar(&f.esl, "as-esl", false, "serve a capture of a FreeSWITCH's event socket as FreeSWITCH would")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "address to serve a capture at")
	flags.StringVar(&f.user, "user", "trunkline", "user who may log in to a capture that is served (an event socket has none)")
	flags.StringVar(&f.secret, "secret", "trunkline", "secret of that user, or password of the event socket")
	flags.DurationVar(&f.wait, "wait", time.Hour, "how long a capture that is served waits for a client to begin")
}

func (f *serveCaptureFlags) any() bool { return f.pbx || f.esl }

// servedCapture is a capture that plays for whoever is connected.
type servedCapture interface {
	Serve(l net.Listener) error
	Play(ctx context.Context) error
}

// serveCapture serves the capture in file once.
func (f *replayFlags) serveCapture(cmd *cobra.Command, file string) error {
	if f.serve.pbx && f.serve.esl {
		return usage(errors.New("--as-pbx and --as-esl exclude each other"))
	}
	speed := 1.0
	if cmd.Flags().Changed("speed") {
		var err error
		if speed, err = parseSpeed(f.speed); err != nil {
			return err
		}
	}
	var reads []replay.Read
	if f.timing != "" {
		var err error
		if reads, err = readTiming(f.timing); err != nil {
			return usage(err)
		}
	}
	opened, err := os.Open(file)
	if err != nil {
		return usage(fmt.Errorf("open the capture: %w", err))
	}
	defer opened.Close()
	in, err := replay.Plain(opened)
	if err != nil {
		return usage(err)
	}
	c, err := f.load(in, reads, speed)
	if err != nil {
		return usage(err)
	}
	return serveListening(cmd, f.serve.listen, c)
}

func (f *replayFlags) load(in io.Reader, reads []replay.Read, speed float64) (servedCapture, error) {
	if f.serve.esl {
		return asesl.Load(in, reads, asesl.Options{Password: f.serve.secret, Speed: speed, Patience: f.serve.wait})
	}
	return aspbx.Load(in, reads, aspbx.Options{
		User: f.serve.user, Secret: f.serve.secret, Speed: speed, Patience: f.serve.wait,
	})
}

// serveListening prints the address and serves until the capture is over.
func serveListening(cmd *cobra.Command, addr string, c servedCapture) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), l.Addr())
	served := make(chan error, 1)
	go func() { served <- c.Serve(l) }()
	err = c.Play(cmd.Context())
	l.Close()
	if served := <-served; err == nil {
		err = served
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func parseSpeed(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	speed, err := strconv.ParseFloat(s, 64)
	if err != nil || !(speed >= 0 && speed <= 1e6) {
		return 0, usage(fmt.Errorf(`--speed %q must be a number from 0 to 1000000, or "max"`, s))
	}
	return speed, nil
}
