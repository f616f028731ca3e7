package server

import (
	"errors"
	"fmt"

	"trunkline/config"
	"trunkline/feed/hub"
	"trunkline/feed/hub/signalr"
)

// Check says what is wrong with a configuration that only those can say who use it: the
// package config knows no feed. Nothing is opened.
func Check(cfg *config.Config) error {
	var wrong []error
	for i, a := range alertsOf(&cfg.Hub) {
		if err := hub.CheckAlert(a); err != nil {
			wrong = append(wrong, fmt.Errorf("hub.alerts[%d]: %w", i, err))
		}
	}
	if err := signalr.CheckOrigins(cfg.Hub.Origins); err != nil {
		wrong = append(wrong, fmt.Errorf("hub.origins: %w", err))
	}
	return errors.Join(wrong...)
}
