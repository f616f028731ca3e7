package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/client"
	"trunkline/config"
)

// configFlag adds -c.
func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "configuration file (none: defaults and environment)")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml") // for completion only
}

// loadConfig reads the configuration and says its warnings.
func loadConfig(cmd *cobra.Command, file string) (*config.Loaded, error) {
	loaded, err := config.Load(file, os.Environ())
	var invalid *config.InvalidError
	if errors.As(err, &invalid) && len(invalid.Issues) > 1 {
		return nil, usage(fmt.Errorf("the configuration has %d faults:\n%w", len(invalid.Issues), err))
	}
	if err != nil {
		return nil, usage(err)
	}
	for _, w := range loaded.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "trunkline: warning: %s\n", w)
	}
	return loaded, nil
}

// storeFlags name a store without a server.
type storeFlags struct{ file, data string }

func (f *storeFlags) add(cmd *cobra.Command) {
	configFlag(cmd, &f.file)
	cmd.Flags().StringVar(&f.data, "data", "", "data directory, in place of the configuration's log.dir")
	_ = cmd.MarkFlagDirname("data") // for completion only
}

// config is the configuration with the data directory of the flags. A directory that is not there is no empty store
// but a slip of the pen.
func (f *storeFlags) config(cmd *cobra.Command) (config.Config, error) {
	loaded, err := loadConfig(cmd, f.file)
	if err != nil {
		return config.Config{}, err
	}
	if f.data != "" {
		if _, err := os.Stat(f.data); err != nil {
			return config.Config{}, usage(fmt.Errorf("the data directory: %w", err))
		}
		loaded.Log.Dir, loaded.Log.URL = f.data, ""
	}
	return loaded.Config, nil
}

// clientFlags name a running server and who asks.
type clientFlags struct{ url, token, tokenFile, ca, cert, key string }

func (f *clientFlags) add(cmd *cobra.Command) {
	url := os.Getenv("TRUNKLINE_URL")
	if url == "" {
		url = "http://127.0.0.1:8090"
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", url, "the running server (or TRUNKLINE_URL)")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token (or TRUNKLINE_TOKEN)")
	flags.StringVar(&f.token, "token", "", "the token itself; other users of the machine can see it")
	flags.StringVar(&f.ca, "ca", os.Getenv("TRUNKLINE_CA"), "file with the server's certificate authority, PEM (or TRUNKLINE_CA)")
	flags.StringVar(&f.cert, "cert", "", "file with a client certificate, PEM")
	flags.StringVar(&f.key, "key", "", "file with its key, PEM")
	cmd.MarkFlagsMutuallyExclusive("token", "token-file")
	cmd.MarkFlagsRequiredTogether("cert", "key")
}

// options resolves the flags and the environment.
func (f *clientFlags) options() (client.Options, error) {
	o := client.Options{URL: f.url, Token: f.token, CA: f.ca, Cert: f.cert, Key: f.key}
	switch {
	case f.tokenFile != "":
		b, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return o, usage(fmt.Errorf("read the token: %w", err))
		}
		o.Token = strings.TrimSpace(string(b))
	case o.Token == "":
		o.Token = os.Getenv("TRUNKLINE_TOKEN")
	}
	return o, nil
}

// feed gives the server that the flags name, for a client of one of its feeds.
func (f *clientFlags) feed() (client.Options, *http.Client, error) {
	o, err := f.options()
	if err != nil {
		return o, nil, err
	}
	conf, err := o.TLS()
	if err != nil {
		return o, nil, usage(err)
	}
	if !strings.HasPrefix(o.URL, "http://") && !strings.HasPrefix(o.URL, "https://") {
		return o, nil, usage(fmt.Errorf("%q is not the URL of a server, as in http://127.0.0.1:8090", o.URL))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = conf
	return o, &http.Client{Transport: transport}, nil
}

// client gives the server that the flags name.
func (f *clientFlags) client() (*client.Client, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	c, err := client.New(o)
	if err != nil {
		return nil, usage(err)
	}
	return c, nil
}
