package asterisk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
)

// position is how far a file was read. A file is known by its beginning, which
// neither a rename nor a copy changes.
type position struct {
	Head   string `json:"head"` // SHA-256 of the first HeadLen bytes
	Len    int64  `json:"head_len"`
	Offset int64  `json:"offset"`
}

// headMax is how many bytes a file is known by.
const headMax = 1024

// know takes the beginning of the file, as far as it was read.
func (p *position) know(f *os.File) {
	want := min(p.Offset, headMax)
	if want <= p.Len {
		return
	}
	if head, ok := headOf(f, want); ok {
		p.Head, p.Len = head, want
	}
}

// matches tells whether a file begins as the one that was read did.
func (p *position) matches(f *os.File) bool {
	head, ok := headOf(f, p.Len)
	return ok && (p.Len == 0 || head == p.Head)
}

func headOf(f *os.File, n int64) (string, bool) {
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil && n > 0 {
		return "", false
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), true
}

// endOf is the position behind the last whole line of a file.
func endOf(f *os.File) (position, error) {
	info, err := f.Stat()
	if err != nil {
		return position{}, err
	}
	back := min(info.Size(), maxQueueLogLine)
	b := make([]byte, back)
	if _, err := f.ReadAt(b, info.Size()-back); err != nil && back > 0 {
		return position{}, err
	}
	p := position{Offset: info.Size() - back + int64(bytes.LastIndexByte(b, '\n')+1)}
	p.know(f)
	return p, nil
}
