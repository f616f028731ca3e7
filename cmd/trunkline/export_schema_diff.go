package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"trunkline/feed/export/schema"
)

func newExportSchemaDiffCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD [NEW]",
		Short: "Say what is different in a newer schema document",
		Long: `Say what is different in a newer schema document (an export_docs.yaml), or in the tables of this program when NEW is
left out. A line that begins with ! tells of a change for which whoever loads the table must do something.

Exit codes: 0 nothing that breaks; 3 something that breaks.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage(fmt.Errorf("%s needs one or two schema documents", cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			older, err := readDocs(args[0])
			if err != nil {
				return err
			}
			newer := schema.Docs()
			if len(args) == 2 {
				if newer, err = readDocs(args[1]); err != nil {
					return err
				}
			}
			breaking := 0
			for _, c := range schema.Diff(older, newer) {
				fmt.Fprintln(cmd.OutOrStdout(), c)
				if c.Breaking {
					breaking++
				}
			}
			if breaking > 0 {
				return found(fmt.Errorf("%d changes break what loads the tables", breaking))
			}
			return nil
		},
	}
}

func readDocs(file string) (schema.Document, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return schema.Document{}, usage(err)
	}
	d, err := schema.ParseDocs(raw)
	if errors.Is(err, schema.ErrDocs) {
		err = usage(fmt.Errorf("%s: %w", file, err))
	}
	return d, err
}
