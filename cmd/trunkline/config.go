package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/server"
)

func newConfigCmd() *cobra.Command {
	return group("config", "Print an example configuration, or check one", newConfigExampleCmd(), newConfigCheckCmd())
}

func newConfigExampleCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "example",
		Short: "Print a configuration file with every setting at its default, and what it means",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return config.WriteExample(cmd.OutOrStdout()) },
	}
}

func newConfigCheckCmd() *cobra.Command {
	var file string
	var all, strict bool
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say what is wrong with a configuration, and which settings differ from the defaults",
		Long: `Say what is wrong with a configuration file and the TRUNKLINE_ variables of the environment, and which settings
differ from the defaults. Secrets are hidden. Nothing is opened and nothing is started.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && file != "" {
				return usage(fmt.Errorf("%s takes one file", cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				file = args[0]
			}
			loaded, err := loadConfig(cmd, file)
			if err != nil {
				return err
			}
			if err := server.Check(&loaded.Config); err != nil {
				return usage(err)
			}
			if strict && len(loaded.Warnings) > 0 {
				return usage(fmt.Errorf("%d warnings, and --strict", len(loaded.Warnings)))
			}
			return printSettings(cmd.OutOrStdout(), loaded, all)
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&all, "all", false, "list the settings at their defaults too")
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return cmd
}

func printSettings(w io.Writer, loaded *config.Loaded, all bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range loaded.Settings() {
		if all || s.Changed {
			fmt.Fprintf(out, "%s\t%s\t%s\n", s.Path, s.Value, s.Origin)
		}
	}
	fmt.Fprintf(out, "the configuration is good: %d tenants, %d tokens, %d sources attached\n", len(loaded.Tenants), len(loaded.Tokens), loaded.Sources.Attached())
	return out.Flush()
}
