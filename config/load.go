package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"trunkline/nearest"
)

const envPrefix = "TRUNKLINE_"

// elsewhere lists variables that begin like ours and are read by others: the client commands and the tests.
var elsewhere = []string{"TRUNKLINE_URL", "TRUNKLINE_TOKEN", "TRUNKLINE_CA", "TRUNKLINE_REQUIRE_ALL", "TRUNKLINE_LONG"}

// Loaded is a configuration and where it came from.
type Loaded struct {
	Config
	// File is the file that was read, empty when none was.
	File string
	// Warnings are complaints that do not keep the server from starting: unknown TRUNKLINE_ variables. They are no
	// errors because orchestrators set such variables on their own (TRUNKLINE_PORT for a service of that name).
	Warnings []string

	origins map[string]string // of each path that was set: file:line:column, or the variable
}

// Issue is one complaint.
type Issue struct {
	Where  string // file:line:column, or the environment variable
	Key    string // path of the setting, empty when the file as a whole is meant
	Reason string
}

// Error implements error.
func (i Issue) Error() string {
	var parts []string
	for _, p := range []string{i.Where, i.Key, i.Reason} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// InvalidError is everything that is wrong with a configuration.
type InvalidError struct{ Issues []Issue }

// Error implements error: one issue per line.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Issues))
	for i, issue := range e.Issues {
		lines[i] = issue.Error()
	}
	return strings.Join(lines, "\n")
}

// Default is the configuration when nothing is set.
func Default() Config {
	var c Config
	setDefaults(reflect.ValueOf(&c).Elem())
	return c
}

// Load reads the file, none when it is empty, and the environment (os.Environ).
func Load(file string, environ []string) (*Loaded, error) {
	if file == "" {
		return Parse("", nil, environ)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(file, data, environ)
}

// Parse is Load on the bytes of a file.
func Parse(file string, data []byte, environ []string) (*Loaded, error) {
	l := &loader{
		loaded: &Loaded{Config: Default(), File: file, origins: map[string]string{}},
		file:   file,
	}
	root := reflect.ValueOf(&l.loaded.Config).Elem()
	l.readFile(data, root)
	l.readEnviron(environ, root)
	l.validate(root)
	if len(l.issues) > 0 {
		return nil, &InvalidError{l.issues}
	}
	return l.loaded, nil
}

type loader struct {
	loaded *Loaded
	file   string
	issues []Issue
}

func (l *loader) complain(where, key, format string, args ...any) {
	l.issues = append(l.issues, Issue{Where: where, Key: key, Reason: fmt.Sprintf(format, args...)})
}

// set takes the text of a setting and remembers where it stood.
func (l *loader) set(f field, text, where string) {
	l.loaded.origins[f.path] = where
	if err := f.set(text); err != nil {
		shown := field{tag: f.tag, value: reflect.ValueOf(text)}.shown()
		l.complain(where, f.path, "%q is %v%s", shown, err, acceptedSuffix(f))
	}
}

func acceptedSuffix(f field) string {
	if a := f.accepted(); a != "" {
		return "; accepted: " + a
	}
	return ""
}

// readEnviron takes the variables that begin with TRUNKLINE_.
func (l *loader) readEnviron(environ []string, root reflect.Value) {
	settings := map[string]field{}
	walk(root, "", func(f field) {
		if !f.section() && !f.list() {
			settings[f.env()] = f
		}
	})
	known := make([]string, 0, len(settings))
	for name := range settings {
		known = append(known, strings.TrimPrefix(name, envPrefix))
	}
	slices.Sort(known)
	ours := slices.Clone(elsewhere)
	for _, t := range l.loaded.Tokens {
		ours = append(ours, t.SecretEnv)
	}
	ours = append(ours, l.loaded.Sources.secretEnvs()...)
	ours = append(ours, l.loaded.Secrets.KeyEnv)
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(ours, name) {
			continue
		}
		f, ok := settings[name]
		if !ok {
			l.loaded.Warnings = append(l.loaded.Warnings, unknownVariable(name, known))
			continue
		}
		l.set(f, value, "environment variable "+name)
	}
}

// unknownVariable names the nearest known one; the prefix, which all share, does not make them near.
func unknownVariable(name string, known []string) string {
	s := "unknown environment variable " + name
	if near, ok := nearest.Of(strings.TrimPrefix(name, envPrefix), known); ok {
		s += ", did you mean " + envPrefix + near + "?"
	}
	return s
}

// Setting is one setting as it was loaded.
type Setting struct {
	Path, Value string // secrets are hidden
	Origin      string // file:line:column, the environment variable, or "default"
	Changed     bool   // the value is not the default
}

// Settings lists all settings that are not lists of sections, with the secret ones hidden.
func (l *Loaded) Settings() []Setting {
	var out []Setting
	walk(reflect.ValueOf(&l.Config).Elem(), "", func(f field) {
		if f.section() || f.list() {
			return
		}
		origin := l.origins[f.path]
		if origin == "" {
			origin = "default"
		}
		out = append(out, Setting{f.path, f.shown(), origin, f.text() != f.tag.Get("default")})
	})
	return out
}
