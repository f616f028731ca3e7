// Command trunkline is the event hub of a contact centre and the tools around it.
//
// Each subcommand stands in a file of its own and only turns flags into a call of the package that does the work.
// A new one is one file with a func newXCmd() *cobra.Command and one line in newRootCmd.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
