// Package jsonhttp reads and writes the JSON bodies of administrative requests: small, strict in, never cached out.
// The hot paths (ingest, history, feeds) have codecs of their own.
package jsonhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"trunkline/problem"
)

// MaxBody bounds the body of a request, in bytes.
const MaxBody = 64 << 10

// Read decodes the body of r: one JSON value of at most MaxBody bytes without unknown members.
func Read(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		// The package's own words name Go types, which mean nothing to who has sent the body.
		var typ *json.UnmarshalTypeError
		switch {
		case errors.As(err, &typ) && typ.Field != "":
			return fmt.Errorf("read the JSON body: %s: %s is not accepted here", typ.Field, typ.Value)
		case errors.As(err, &typ):
			return fmt.Errorf("read the JSON body: it must be an object, not %s", typ.Value)
		case errors.Is(err, io.EOF):
			return errors.New("read the JSON body: there is none")
		}
		return fmt.Errorf("read the JSON body: %w", err)
	}
	var big *http.MaxBytesError
	switch _, err := d.Token(); {
	case errors.As(err, &big):
		return fmt.Errorf("read the JSON body: %w", err)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read the JSON body: something follows the value")
	}
	return nil
}

// Write answers with v.
func Write(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // fails when the client is gone
}

// Invalid answers a request that cannot be understood or not be done: 413 when it was too big, otherwise 422.
func Invalid(w http.ResponseWriter, err error) {
	status := http.StatusUnprocessableEntity
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		status = http.StatusRequestEntityTooLarge
	}
	problem.Write(w, problem.Detail{Status: status, Type: "invalid-request", Title: "The request is not valid", Detail: err.Error()})
}
