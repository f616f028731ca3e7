package config

import (
	"fmt"
	"os"
	"path/filepath"

	"trunkline/control"
)

// Secrets says with which keys stored secrets are encrypted.
type Secrets struct {
	KeyFile string `yaml:"key_file" doc:"File with the keys, the newest first, one a line: 32 random bytes in base64, as 'head -c 32 /dev/urandom | base64' makes them. The first encrypts, all of them decrypt. Empty, without key_env: secrets.key in log.dir, which is made when it is not there. Nodes of a cluster (log.url) need the same keys, so there it must be given."`
	KeyEnv  string `yaml:"key_env" doc:"Environment variable that holds the keys in place of a file, with spaces or commas between them."`
	Discard bool   `yaml:"discard" default:"false" doc:"Remove at the start what none of the keys decrypts, instead of refusing to start: for a key that is lost for good."`
}

// KeyFileName is the file in log.dir whose keys are used when none are given.
const KeyFileName = "secrets.key"

// secrets checks what only makes sense together.
func (l *loader) secrets(c *Config) {
	switch s := &c.Secrets; {
	case s.KeyFile != "" && s.KeyEnv != "":
		l.refuse("secrets.key_file", "key_file and key_env are not given together")
	case c.Log.URL != "" && s.KeyFile == "" && s.KeyEnv == "":
		l.refuse("secrets.key_file", "with log.url one of key_file and key_env is needed: all nodes of a cluster share the keys")
	}
}

// SecretKeys reads the keys. sealed is asked before a file is made whether the store holds what needs older ones.
func (c *Config) SecretKeys(sealed func(*control.Keys) error) (*control.Keys, error) {
	switch s := &c.Secrets; {
	case s.KeyEnv != "":
		text := os.Getenv(s.KeyEnv)
		if text == "" {
			return nil, fmt.Errorf("secrets.key_env: the environment variable %s is empty", s.KeyEnv)
		}
		return control.ParseKeys(text, "the environment variable "+s.KeyEnv)
	case s.KeyFile != "":
		return control.ReadKeys(s.KeyFile)
	}
	return control.OpenKeyFile(filepath.Join(c.Log.Dir, KeyFileName), sealed)
}
