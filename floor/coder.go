package floor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// ErrSnapshot is what the errors of a snapshot that cannot be read wrap.
var ErrSnapshot = errors.New("snapshot of the floor cannot be read")

// coder writes or reads a snapshot: the same walk over the state does both, so
// that the two cannot differ. Numbers are varints, texts carry their length,
// maps are in the order of their keys, so that equal states are equal bytes.
type coder struct {
	writing bool
	b       []byte // written so far, or still to be read
	version int    // of the format that is read
	bad     string // why reading failed; stays
}

func (c *coder) fail(why string) {
	if c.bad == "" {
		c.bad = why
	}
	c.b = nil
}

func (c *coder) err() error {
	if c.bad != "" {
		return fmt.Errorf("%w: %s", ErrSnapshot, c.bad)
	}
	return nil
}

func (c *coder) u64(v *uint64) {
	if c.writing {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	x, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail("it ends too early")
		return
	}
	*v, c.b = x, c.b[n:]
}

func (c *coder) i64(v *int64) {
	if c.writing {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	x, n := binary.Varint(c.b)
	if n <= 0 {
		c.fail("it ends too early")
		return
	}
	*v, c.b = x, c.b[n:]
}

// num codes a number of any integer type.
func num[T ~int | ~int32 | ~int64 | ~uint8 | ~uint64](c *coder, v *T) {
	x := int64(*v)
	c.i64(&x)
	if *v = T(x); int64(*v) != x {
		c.fail("a number is too large")
		*v = 0
	}
}

func (c *coder) float(v *float64) {
	x := math.Float64bits(*v)
	c.u64(&x)
	*v = math.Float64frombits(x)
}

func (c *coder) flag(v *bool) {
	x := uint64(0)
	if *v {
		x = 1
	}
	c.u64(&x)
	*v = x == 1
}

// length codes how many items follow. An item takes a byte at least, so that a
// damaged length cannot make a reader allocate more than the snapshot's size.
func (c *coder) length(n int) int {
	x := uint64(n)
	c.u64(&x)
	if !c.writing && x > uint64(len(c.b)) {
		c.fail("a length is too large")
		return 0
	}
	return int(x)
}

// str codes a text of any string type.
func str[T ~string](c *coder, v *T) {
	n := c.length(len(*v))
	if c.writing {
		c.b = append(c.b, *v...)
		return
	}
	if c.bad == "" {
		*v, c.b = T(c.b[:n]), c.b[n:]
	}
}

func (c *coder) bytes(v *[]byte) {
	n := c.length(len(*v))
	if c.writing {
		c.b = append(c.b, *v...)
		return
	}
	if c.bad == "" && n > 0 {
		*v, c.b = slices.Clone(c.b[:n]), c.b[n:]
	}
}

// list codes a slice.
func list[T any](c *coder, s *[]T, item func(*T)) {
	n := c.length(len(*s))
	if !c.writing {
		if n == 0 {
			return
		}
		*s = make([]T, 0, min(n, 1024))
		for range n {
			var v T
			if item(&v); c.bad != "" {
				return
			}
			*s = append(*s, v)
		}
		return
	}
	for i := range *s {
		item(&(*s)[i])
	}
}

func (c *coder) strings(s *[]string) { list(c, s, func(v *string) { str(c, v) }) }

// numbers codes a map of texts to numbers.
func numbers[T ~int | ~int32 | ~int64](c *coder, m *map[string]T) {
	n := c.length(len(*m))
	if c.writing {
		for _, k := range slices.Sorted(maps.Keys(*m)) {
			v := (*m)[k]
			str(c, &k)
			num(c, &v)
		}
		return
	}
	if n > 0 {
		*m = make(map[string]T, min(n, 64))
	}
	for range n {
		var k string
		var v T
		str(c, &k)
		if num(c, &v); c.bad != "" {
			return
		}
		(*m)[strings.Clone(k)] = v
	}
}

// entities codes a map of entities in the order of their ids.
func entities[T any](c *coder, m map[string]*T, id func(*T) string, item func(*T)) {
	n := c.length(len(m))
	if c.writing {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			item(m[k])
		}
		return
	}
	for range n {
		v := new(T)
		if item(v); c.bad != "" {
			return
		}
		if _, ok := m[id(v)]; ok {
			c.fail("an id is there twice")
			return
		}
		m[id(v)] = v
	}
}
