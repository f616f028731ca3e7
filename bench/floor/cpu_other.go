//go:build !linux

package main

import "time"

var began = time.Now()

// processorTime is the time that has passed: rates are of the whole machine here.
func processorTime() time.Duration { return time.Since(began) }
