package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"trunkline/feed/export/schema"
	"trunkline/nearest"
)

func newExportSchemaShowCmd() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show [TABLE]",
		Short: "Print the schema document, or one table",
		Long: `Print the schema document of all tables (the export_docs.yaml of the bucket), or the columns of one table.
--format markdown prints the reference for people.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Errorf("%s takes one table, not %q too", cmd.CommandPath(), args[1]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			switch {
			case !slices.Contains([]string{"yaml", "markdown"}, format):
				return usage(fmt.Errorf("--format %s: there are yaml and markdown", format))
			case len(args) == 0 && format == "markdown":
				return schema.WriteMarkdown(w)
			case len(args) == 0:
				return schema.WriteDocs(w)
			}
			t, err := exportTable(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s, version %s: %s\n", t.Name, t.Version, t.Description)
			if t.Empty != "" {
				fmt.Fprintf(w, "stays empty: %s\n", t.Empty)
			}
			fmt.Fprintf(w, "key: %s\n", strings.Join(t.Key, ", "))
			if order := schema.ByLogical.Columns(t); len(order) > 0 {
				fmt.Fprintf(w, "latest by: %s\n", strings.Join(order, ", "))
			}
			out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			for _, c := range t.Columns {
				fmt.Fprintf(out, "%s\t%s\t%s\n", c.Name, c.SQL, c.Description)
			}
			return out.Flush()
		},
	}
	cmd.Flags().StringVar(&format, "format", "yaml", "of all tables: yaml or markdown")
	return cmd
}

// exportTable gives the table of a name, or an error that names the nearest.
func exportTable(name string) (*schema.Table, error) {
	t, ok := schema.Find(name)
	if ok {
		return t, nil
	}
	var names []string
	for _, t := range schema.Tables() {
		names = append(names, t.Name)
	}
	if near, ok := nearest.Of(name, names); ok {
		return nil, usage(fmt.Errorf("there is no table %q, did you mean %s?", name, near))
	}
	return nil, usage(fmt.Errorf("there is no table %q; there are %s", name, strings.Join(names, ", ")))
}
