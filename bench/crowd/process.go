//go:build linux

package crowd

import "time"

// Process is the client process, seen from the server.
type Process struct{ *Child }

// Start runs this program again, with -connect and the address, which is to call
// Serve then.
func Start(addr string) (*Process, error) {
	c, err := Spawn("-connect", addr)
	if err != nil {
		return nil, err
	}
	return &Process{c}, nil
}

// maxOrder bounds every step of a run.
const maxOrder = 3 * time.Minute

// Do sends an order and waits until it is carried out.
func (p *Process) Do(o Order) (a Answer, err error) {
	stop := time.AfterFunc(maxOrder, p.Kill)
	defer stop.Stop()
	if err := p.Tell(o); err != nil {
		return a, err
	}
	return a, p.Hear(&a)
}
