package server

import (
	"context"
	"log/slog"
	"time"

	"trunkline/directory"
)

// declarePause is how long the server waits before it tries again to bring about what directory files declare: the
// log may still be read, or take nothing at present.
const declarePause = 200 * time.Millisecond

// openPeople opens the directory's second part and has what files declare brought about; life is the server's.
func (s *Server) openPeople(life context.Context) error {
	declared, err := s.cfg.Declarations()
	if err != nil {
		return err
	}
	kv, err := s.log.KV(life, directory.EntitiesBucket)
	if err != nil {
		return err
	}
	if s.people, err = directory.OpenRegistry(life, kv, s.state, s.log, declared); err != nil {
		return err
	}
	ctx, end := context.WithCancel(life)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.declare(ctx)
	}()
	s.onClose(func(context.Context) error {
		end()
		<-done
		s.people.Close()
		return nil
	})
	return nil
}

// declare tries until it is done or ctx ends.
func (s *Server) declare(ctx context.Context) {
	for told := false; ctx.Err() == nil; {
		err := s.log.WaitWritable(ctx)
		if err == nil {
			err = s.people.Declare(ctx)
		}
		if err == nil {
			return
		}
		if !told && ctx.Err() == nil {
			told = true
			slog.Info("the directory files are not brought about yet", "reason", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(declarePause):
		}
	}
}
