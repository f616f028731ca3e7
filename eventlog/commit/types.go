package commit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"sync"
	"time"
)

// Kind says what a commit is for.
type Kind uint8

// The kinds of commit. Only events have sections.
const (
	Events      Kind = 1 // sections of tenants' events
	Claim       Kind = 2 // a writer takes the shard over
	Tick        Kind = 3 // time passed while nothing happened
	FoldVersion Kind = 4 // the meaning of the fold changes from here on
)

func (k Kind) String() string {
	switch k {
	case Events:
		return "events"
	case Claim:
		return "claim"
	case Tick:
		return "tick"
	case FoldVersion:
		return "fold version"
	}
	return "unknown kind"
}

// Hash is the head of a commit's SHA-256.
type Hash [16]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText gave.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return fmt.Errorf("hash %q has not %d bytes", b, len(h))
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return fmt.Errorf("read hash: %w", err)
	}
	return nil
}

// Owner is the id of a claim: a random number drawn by each writer when it
// takes a shard.
type Owner [16]byte

func (o Owner) String() string { return hex.EncodeToString(o[:]) }

// Epoch names one unbroken numbering of a tenant's events. Sequences of
// different epochs cannot be compared.
type Epoch [8]byte

func (e Epoch) String() string { return hex.EncodeToString(e[:]) }

// MarshalText gives the epoch in hexadecimal.
func (e Epoch) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText gave.
func (e *Epoch) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(e) {
		return fmt.Errorf("epoch %q has not %d bytes", b, len(e))
	}
	if _, err := hex.Decode(e[:], b); err != nil {
		return fmt.Errorf("read epoch: %w", err)
	}
	return nil
}

// ForTenant gives the epoch that a tenant gets when it first appears under a
// shard's epoch.
func (e Epoch) ForTenant(tenant string) Epoch {
	h := sha256.New()
	h.Write(e[:])
	h.Write([]byte(tenant))
	var out Epoch
	copy(out[:], h.Sum(nil))
	return out
}

// Identity is one event's entry in the identity column: 12 bytes that name the
// event, 4 that check its body.
type Identity [16]byte

// Key is the part of an identity that names the event.
type Key [12]byte

// Key gives the part that names the event.
func (id *Identity) Key() Key { return Key(id[:12]) }

// Body gives the checksum of the event's raw bytes.
func (id *Identity) Body() uint32 {
	return uint32(id[12]) | uint32(id[13])<<8 | uint32(id[14])<<16 | uint32(id[15])<<24
}

// Identify computes the identity of an event.
func Identify(tenant, source, id string, raw []byte) Identity {
	var buf [256]byte
	b := append(buf[:0], tenant...)
	b = append(b, 0)
	b = append(b, source...)
	b = append(b, 0)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	var out Identity
	copy(out[:12], sum[:12])
	c := crc32.Checksum(raw, castagnoli)
	out[12], out[13], out[14], out[15] = byte(c), byte(c>>8), byte(c>>16), byte(c>>24)
	return out
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is one event as the log holds it.
type Record struct {
	Seq      uint64    // the tenant's number of the event: 1, 2, 3 … without gaps
	Received time.Time // when it was appended (UTC, milliseconds); never goes back
	Derived  bool      // written by the log's own fold, not by a source
	Raw      []byte    // the CloudEvent as it came
	Context  []byte    // what the fold knew about it, a JSON object, or nil
}

// Section is one tenant's part of a commit: consecutive records.
type Section struct {
	Tenant string
	Epoch  Epoch
	First  uint64 // sequence of the first record
	Count  int

	received time.Time
	ids      []byte // the identity column
	block    []byte // S2 block of the records
	size     int    // length of the records before compression

	once    sync.Once
	records []Record
	err     error
}

// Last is the sequence of the section's last record.
func (s *Section) Last() uint64 { return s.First + uint64(s.Count) - 1 }

// Size is the length of the records before compression, in bytes.
func (s *Section) Size() int { return s.size }

// Identity gives the i-th entry of the identity column.
func (s *Section) Identity(i int) Identity { return Identity(s.ids[i*16 : i*16+16]) }

// Identities gives the whole identity column, 16 bytes an event.
func (s *Section) Identities() []byte { return s.ids }

// Commit is one parsed message of the log.
type Commit struct {
	Kind     Kind
	Shard    uint32
	Sequence uint64 // the stream sequence that its writer expected for it
	Received time.Time
	Owner    Owner
	Epoch    Epoch // of the shard
	Prev     Hash
	Hash     Hash
	Note     []byte // JSON, in claims and fold versions
	Sections []*Section
	Size     int // bytes of the message
}

// Find gives the section of a tenant, or nil.
func (c *Commit) Find(tenant string) *Section {
	for _, s := range c.Sections {
		if s.Tenant == tenant {
			return s
		}
	}
	return nil
}

// Events is the number of events in all sections.
func (c *Commit) Events() int {
	n := 0
	for _, s := range c.Sections {
		n += s.Count
	}
	return n
}
