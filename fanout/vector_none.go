//go:build !unix

package fanout

import "errors"

// canVector says whether descriptors can be written directly here.
const canVector = false

func readSocket(uintptr, []byte) (n int, again bool, err error) {
	return 0, false, errors.ErrUnsupported
}

// vector is not used where descriptors cannot be written directly: there every
// connection is written through net.Conn.
type vector struct{ bytes, sent int }

func (v *vector) fill(*Conn)       {}
func (v *vector) write(uintptr)    {}
func (v *vector) wouldBlock() bool { return true }
func (v *vector) err() error       { return errors.ErrUnsupported }
func (v *vector) reset()           {}
