package main

import "github.com/spf13/cobra"

func newExportCmd() *cobra.Command {
	return group("export", "The tables of the export feed", newExportSchemaCmd(), newExportDedupeCmd())
}

func newExportSchemaCmd() *cobra.Command {
	return group("schema", "Print the tables with their columns, or what changed in them", newExportSchemaShowCmd(), newExportSchemaDiffCmd())
}
