package engine

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How long somebody may be missing who answers for a stream of a cluster, and the
// pause between two questions.
const (
	patience     = 10 * time.Second
	patientPause = 50 * time.Millisecond
)

// patiently asks again while a cluster has nobody who answers: a stream that another
// node has just made, or one whose servers have changed, is known before it is
// served. What nobody took was not done, so that a change may be repeated as well.
func (e *Engine) patiently(ctx context.Context, ask func() error) error {
	return e.repeat(ctx, patience, ask, unheard)
}

func unheard(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}

// A stream that has no leader yet leaves questions about it without an answer.
const (
	openPatience = 45 * time.Second
	openTry      = 3 * time.Second
)

// open asks for a stream or bucket, or makes it, until a cluster that is electing
// its leaders has said yes or no. It may be done twice, so no answer means another try.
func (e *Engine) open(ctx context.Context, ask func(ctx context.Context) error) error {
	if e.Embedded() {
		return ask(ctx)
	}
	return e.repeat(ctx, openPatience, func() error {
		try, cancel := context.WithTimeout(ctx, openTry)
		defer cancel()
		return ask(try)
	}, func(err error) bool {
		return unheard(err) || unled(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
	})
}

// JetStream's error codes of a cluster that is not complete at the moment.
const (
	clusterUnavailable = 10008
	clusterNoLeader    = 10009
)

func unled(err error) bool {
	var answer *jetstream.APIError
	return errors.As(err, &answer) && (answer.ErrorCode == clusterUnavailable || answer.ErrorCode == clusterNoLeader)
}

func (e *Engine) repeat(ctx context.Context, long time.Duration, ask func() error, again func(error) bool) error {
	for end := time.Now().Add(long); ; {
		err := ask()
		if err == nil || e.Embedded() || !again(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(patientPause):
		}
	}
}
