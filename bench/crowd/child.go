//go:build linux

package crowd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Child is this program, run a second time. The two speak JSON lines over its standard
// input and output; what it says is an object, of which error, where it is there, says
// that it failed.
type Child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// Spawn runs this program again with arguments.
func Spawn(args ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	c := &Child{cmd: exec.Command(self, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting a second process: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a second process: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a second process: %w", err)
	}
	c.enc, c.dec = json.NewEncoder(c.in), json.NewDecoder(out)
	return c, nil
}

// Tell says something to the process.
func (c *Child) Tell(v any) error {
	if err := c.enc.Encode(v); err != nil {
		return fmt.Errorf("telling the second process: %w", err)
	}
	return nil
}

// Hear waits for what the process says next.
func (c *Child) Hear(v any) error {
	var said json.RawMessage
	if err := c.dec.Decode(&said); err != nil {
		return fmt.Errorf("waiting for the second process: %w", err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(said, &failed); err != nil {
		return fmt.Errorf("the second process said %s: %w", said, err)
	}
	if failed.Error != "" {
		return errors.New("the second process: " + failed.Error)
	}
	return json.Unmarshal(said, v)
}

// Kill ends the process at once.
func (c *Child) Kill() { _ = c.cmd.Process.Kill() }

// Stop ends the process by the end of its input.
func (c *Child) Stop() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}
