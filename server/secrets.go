package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"trunkline/auth/jwt"
	"trunkline/control"
	"trunkline/feed/measures"
)

// The buckets that hold secrets besides those that name themselves.
const (
	webhooksBucket    = "webhooks"
	exportLinksBucket = "export-links"
)

// openSecrets opens the keys of stored secrets, and seals with the newest what is not yet.
func (s *Server) openSecrets(ctx context.Context) error {
	names := []string{webhooksBucket, exportLinksBucket, measures.Bucket, jwt.Bucket}
	discard := s.cfg.Secrets.Discard
	keys, err := s.cfg.SecretKeys(func(none *control.Keys) error {
		for _, name := range names {
			kv, err := s.log.KV(ctx, name)
			if err != nil {
				return err
			}
			if err := control.Seal(kv, name, none).Readable(ctx); err != nil && !(discard && errors.Is(err, control.ErrKey)) {
				return fmt.Errorf("there is no file with keys: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	s.secretKeys = keys
	for _, name := range names {
		kv, err := s.secretKV(ctx, name)
		if err != nil {
			return err
		}
		renewed, discarded, err := kv.Renew(ctx, discard)
		if err != nil {
			return fmt.Errorf("secrets: %w; give the key that is missing as well, or secrets.discard to go on without what it holds", err)
		}
		if discarded > 0 {
			slog.Warn("stored secrets that no key decrypts were removed", "bucket", name, "values", discarded)
		}
		if renewed > 0 {
			slog.Info("stored secrets were encrypted with the newest key", "bucket", name, "values", renewed)
		}
	}
	return nil
}

// secretKV opens a bucket that holds secrets. It must be among those of openSecrets.
func (s *Server) secretKV(ctx context.Context, name string) (*control.Sealed, error) {
	kv, err := s.log.KV(ctx, name)
	if err != nil {
		return nil, err
	}
	return control.Seal(kv, name, s.secretKeys), nil
}
