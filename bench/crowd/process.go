//go:build linux

package crowd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Process is the client process, seen from the server.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// Start runs this program again, with -connect and the address, which is to call
// Serve then.
func Start(addr string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(self, "-connect", addr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the client process: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the client process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the client process: %w", err)
	}
	return &Process{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}, nil
}

// maxOrder bounds every step of a run.
const maxOrder = 3 * time.Minute

// Do sends an order and waits until it is carried out.
func (p *Process) Do(o Order) (Answer, error) {
	var a Answer
	stop := time.AfterFunc(maxOrder, func() { _ = p.cmd.Process.Kill() })
	defer stop.Stop()
	if err := p.enc.Encode(o); err != nil {
		return a, fmt.Errorf("ordering %s: %w", o.Op, err)
	}
	if err := p.dec.Decode(&a); err != nil {
		return a, fmt.Errorf("waiting for %s: %w", o.Op, err)
	}
	if a.Error != "" {
		return a, errors.New("the client process: " + a.Error)
	}
	return a, nil
}

// Stop ends the process.
func (p *Process) Stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
