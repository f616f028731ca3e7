package main

import "github.com/spf13/cobra"

func newExportCmd() *cobra.Command {
	return group("export", "The export feed: its tables, back-fills and credentials", newExportSchemaCmd(), newExportDedupeCmd(),
		newExportBackfillCmd(), newExportRerunCmd(), newExportCredentialsCmd())
}

func newExportSchemaCmd() *cobra.Command {
	return group("schema", "Print the tables with their columns, or what changed in them", newExportSchemaShowCmd(), newExportSchemaDiffCmd())
}
