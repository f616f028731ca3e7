package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"trunkline/nearest"
)

// The exit codes of the program.
const (
	exitFailed = 1 // something went wrong while running
	exitUsage  = 2 // the command line or the configuration is wrong; nothing was done
	exitFound  = 3 // a check ran to its end and found something wrong
)

// exitError carries the exit code of an error up to run.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as one of the command line or the configuration.
func usage(err error) error { return &exitError{exitUsage, err} }

// found marks an error as what a check found.
func found(err error) error { return &exitError{exitFound, err} }

// newRootCmd lists all subcommands.
func newRootCmd() *cobra.Command {
	root := group("trunkline", "The event hub of a contact centre",
		newServeCmd(),
		newDemoCmd(),
		newReplayCmd(),
		newTailCmd(),
		newReceiveCmd(),
		newCertsCmd(),
		newTokenCmd(),
		newExportCmd(),
		newPullCmd(),
		newConfigCmd(),
		newLogCmd(),
		newVersionCmd(),
	)
	root.Long = `Trunkline takes the events of telephony systems and vendor feeds, writes them once to a durable log,
and gives them to every consumer in the protocol it already speaks.

Exit codes: 0 done; 1 failed while running; 2 the command line or the configuration is wrong; 3 a check found
something wrong.`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
	return root
}

// run executes the command line and gives the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "trunkline: %v\n", err)
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case strings.HasPrefix(err.Error(), "if any flags in the group"): // how cobra says that flags exclude or need each other
		return exitUsage
	}
	return exitFailed
}

// group makes a command that only holds others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

func unknownCommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	hint := "see " + cmd.CommandPath() + " --help"
	if near, ok := nearest.Of(word, names); ok {
		hint = "did you mean " + cmd.CommandPath() + " " + near + "?"
	}
	return usage(fmt.Errorf("unknown command %q, %s", word, hint))
}

// flagError names the nearest flag where there is one.
func flagError(cmd *cobra.Command, err error) error {
	word, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return usage(err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near, ok := nearest.Of(word, names); ok {
		return usage(fmt.Errorf("unknown flag --%s, did you mean --%s?", word, near))
	}
	return usage(fmt.Errorf("unknown flag --%s, see %s --help", word, cmd.CommandPath()))
}

// noArgs refuses arguments with the exit code of a wrong command line.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		hint := ""
		if cmd.Flags().Lookup("config") != nil {
			hint = "; the configuration is given with -c FILE"
		}
		return usage(fmt.Errorf("%s takes no arguments, not %q%s", cmd.CommandPath(), args[0], hint))
	}
	return nil
}

// oneArg asks for exactly one argument, which the message calls what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(fmt.Errorf("%s needs exactly one %s", cmd.CommandPath(), what))
		}
		return nil
	}
}
