// Command duckdb runs one SQL statement, read from standard input, in an empty DuckDB
// database and prints the first column of every row on a line of its own. The tests
// of the export tables run the printed statements with it, over files that were
// written as exports are.
//
// It is a module of its own, because it brings DuckDB as a library in C++ along,
// which no part of Trunkline needs.
package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"os"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "duckdb: %v\n", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	statement, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the statement: %w", err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("open a database: %w", err)
	}
	defer db.Close()
	if _, err := db.Exec("SET TimeZone = 'UTC'"); err != nil {
		return fmt.Errorf("set the time zone: %w", err)
	}
	rows, err := db.Query(string(statement))
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return err
		}
		fmt.Fprintln(w, *values[0].(*any))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.Flush()
}
