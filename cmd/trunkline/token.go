package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/auth"
	"trunkline/client"
	"trunkline/config"
	"trunkline/eventlog"
	"trunkline/server"
)

// tokens is what manages tokens: a running server, or its store while none runs.
type tokens interface {
	Issue(ctx context.Context, want auth.Token) (auth.Token, string, error)
	List(ctx context.Context, tenant string) ([]auth.Token, error)
	Rotate(ctx context.Context, id string) (auth.Token, string, error)
	Revoke(ctx context.Context, id string) error
}

func newTokenCmd() *cobra.Command {
	cmd := group("token", "Make, list, rotate and revoke tokens",
		newTokenCreateCmd(), newTokenListCmd(), newTokenRotateCmd(), newTokenRevokeCmd(), newTokenGenerateCmd())
	cmd.Long = `Make, list, rotate and revoke tokens: of a running server with --url and an admin token, or in its store with -c or
--data while no server runs, which is how the first token is made. Give the admin token in
--token-file or TRUNKLINE_TOKEN, and it stands neither in the process list nor in the shell's history.`
	return cmd
}

// tokenFlags say whose tokens are meant.
type tokenFlags struct {
	clientFlags
	storeFlags
	json bool
}

func (f *tokenFlags) add(cmd *cobra.Command) {
	f.clientFlags.add(cmd)
	f.storeFlags.add(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("url", "config")
	cmd.MarkFlagsMutuallyExclusive("url", "data")
}

// with calls fn with what manages the tokens.
func (f *tokenFlags) with(cmd *cobra.Command, fn func(ctx context.Context, t tokens) error) (err error) {
	ctx := cmd.Context()
	if f.file == "" && f.data == "" {
		c, err := f.client()
		if err != nil {
			return err
		}
		return fn(ctx, client.Tokens{Client: c})
	}
	cfg, err := f.config(cmd)
	if err != nil {
		return err
	}
	store, err := server.OpenOffline(ctx, cfg)
	if errors.Is(err, eventlog.ErrInUse) {
		return fmt.Errorf("%w: ask the running server with --url", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(ctx)) }()
	return fn(ctx, store)
}

func (f *tokenFlags) print(w io.Writer, t auth.Token, secret string) error {
	if f.json {
		return json.NewEncoder(w).Encode(auth.Issued{Token: t, Secret: secret})
	}
	_, err := fmt.Fprintln(w, secret)
	return err
}

func newTokenCreateCmd() *cobra.Command {
	var f tokenFlags
	var want auth.Token
	var scopes []string
	var expires string
	cmd := &cobra.Command{
		Use:   "create --tenant ID --scopes SCOPE,…",
		Short: "Make a token and print its text, which is shown this once",
		Args:  noArgs,
		Example: `  trunkline token create -c trunkline.yaml --tenant '*' --scopes admin         # the first one, before the server starts
  trunkline token create --url http://127.0.0.1:8090 --tenant acmecorp01 --scopes ingest,read --name "the PBX"
  trunkline token create --token-file admin.token --tenant acmecorp01 --scopes read --expires 90d --name "a trial"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, word := range scopes {
				s, err := auth.ParseScope(word)
				if err != nil {
					return usage(err)
				}
				want.Scopes = append(want.Scopes, s)
			}
			var err error
			if want.Expires, err = parseExpires(expires, time.Now()); err != nil {
				return usage(err)
			}
			return f.with(cmd, func(ctx context.Context, t tokens) error {
				tok, secret, err := t.Issue(ctx, want)
				if err != nil {
					return err
				}
				return f.print(cmd.OutOrStdout(), tok, secret)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&want.Tenant, "tenant", "", "whose token it is; '*' is the operator")
	cmd.Flags().StringSliceVar(&scopes, "scopes", nil, "what it allows: ingest, read, stream, admin")
	cmd.Flags().StringVar(&want.Name, "name", "", "what it is for")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: after a time (90d, 12h), at the end of a day (2027-03-31, UTC) or at a moment (2027-03-31T18:00:00Z); default never")
	return cmd
}

// parseExpires reads when a token ends: a time from now on, a day or a moment.
func parseExpires(s string, now time.Time) (time.Time, error) {
	if d, err := config.ParseDuration(s); err == nil {
		if d == 0 {
			return time.Time{}, fmt.Errorf("--expires: a token that ends at once is of no use")
		}
		return now.UTC().Add(d.Std()), nil
	}
	at, err := auth.ParseExpires(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("--expires: %w, nor a time such as 90d or 12h", err)
	}
	return at, nil
}

func newTokenListCmd() *cobra.Command {
	var f tokenFlags
	var tenant string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens, without their texts, which nobody knows any more",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd, func(ctx context.Context, t tokens) error {
				list, err := t.List(ctx, tenant)
				if err != nil {
					return err
				}
				if f.json {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(list)
				}
				return printTokens(cmd.OutOrStdout(), list)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "of this tenant only")
	return cmd
}

func printTokens(w io.Writer, list []auth.Token) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "ID\tTENANT\tSCOPES\tCREATED\tEXPIRES\tNAME")
	for _, t := range list {
		words := make([]string, len(t.Scopes))
		for i, s := range t.Scopes {
			words[i] = string(s)
		}
		created := t.Created.Format(time.DateTime)
		if t.Static {
			created = "in the configuration"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Tenant, strings.Join(words, ","), created, expires(t), t.Name)
	}
	return out.Flush()
}

func expires(t auth.Token) string {
	switch {
	case t.Expires.IsZero():
		return "never"
	case t.Expired(time.Now()):
		return t.Expires.UTC().Format(time.DateTime) + ", it is over"
	}
	return t.Expires.UTC().Format(time.DateTime)
}

func newTokenRotateCmd() *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Replace the secret of a token and print its new text; connections made with the old one are closed, and its time, if it has one, begins anew",
		Args:  oneArg("token id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, t tokens) error {
				tok, secret, err := t.Rotate(ctx, args[0])
				if err != nil {
					return err
				}
				return f.print(cmd.OutOrStdout(), tok, secret)
			})
		},
	}
	f.add(cmd)
	return cmd
}

func newTokenRevokeCmd() *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Remove a token; connections made with it are closed within a second",
		Args:  oneArg("token id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, t tokens) error { return t.Revoke(ctx, args[0]) })
		},
	}
	f.add(cmd)
	return cmd
}

func newTokenGenerateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "generate ID",
		Short: "Make up a token for the configuration: print its text and the hash for tokens[].hash",
		Args:  oneArg("token id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := auth.CheckID(args[0]); err != nil {
				return usage(err)
			}
			secret := auth.NewSecret(args[0])
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", secret, auth.HashOf(secret))
			return err
		},
	}
}
