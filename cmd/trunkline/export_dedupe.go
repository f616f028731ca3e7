package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/feed/export/schema"
)

func newExportDedupeCmd() *cobra.Command {
	var from, ordering string
	cmd := &cobra.Command{
		Use:   "dedupe-sql TABLE",
		Short: "Print the query that reads a table without duplicates",
		Long: `Print the query, in standard SQL, that reads a table without duplicates: of the rows with one key the latest. What it
reads must have the keys of the paths (dt, hr, mi) as columns, as tables over partitioned files have.

  duckdb -c "$(trunkline export dedupe-sql convos_metrics --from \
    "read_json('exports/convos_metrics/version=1/format=jsonl/*/*/*.jsonl.gz', hive_partitioning = true)")"`,
		Args: oneArg("table"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := exportTable(args[0])
			if err != nil {
				return err
			}
			o, err := schema.ParseOrdering(ordering)
			if err != nil {
				return usage(fmt.Errorf("--ordering: %w", err))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s;\n", schema.DedupeSQL(t, schema.Query{From: from, Ordering: o}))
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "what stands behind FROM: a table, or a function that reads files (default: the table's name)")
	cmd.Flags().StringVar(&ordering, "ordering", "logical", "how the latest is found: logical (the logical time, then the window) or guide (the columns of the vendor's guide, then the window)")
	return cmd
}
