package sim

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
)

// random draws everything that chance decides. One seed gives one sequence on
// every machine: the generator is PCG and the transformations use the
// arithmetic of math alone.
type random struct{ *rand.Rand }

func newRandom(seed, stream uint64) random {
	return random{rand.New(rand.NewPCG(seed, stream))}
}

// chance is true with probability p.
func (r random) chance(p float64) bool { return p > 0 && r.Float64() < p }

// between draws a whole number of milliseconds evenly from [lo, hi].
func (r random) between(lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + r.Int64N(hi-lo+1)
}

// lognormal draws a duration with the given median, in milliseconds, and the
// shape sigma. Talk, hold and wrap-up times have this form: most are near the
// median, a few are very long. The draw is cut at twenty medians so that no
// call lasts for days.
func (r random) lognormal(median int64, sigma float64) int64 {
	x := float64(median) * math.Exp(sigma*r.NormFloat64())
	return int64(math.Min(x, 20*float64(median))) + 1
}

// weibull draws a duration with the given scale, in milliseconds, and shape.
// A shape below one describes callers of whom many give up at once and the
// rest grow patient, a shape above one callers who give up after a certain time.
func (r random) weibull(scale int64, shape float64) int64 {
	return int64(float64(scale)*math.Pow(r.ExpFloat64(), 1/shape)) + 1
}

// pick draws one element of a list that is not empty.
func pick[T any](r random, list []T) T { return list[r.IntN(len(list))] }

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// token draws n characters of base62.
func (r random) token(dst []byte, n int) []byte {
	for n > 0 {
		bits := r.Uint64()
		for i := 0; i < 10 && n > 0; i++ { // ten characters use 60 of the 64 bits
			dst = append(dst, base62[bits%62])
			bits /= 62
			n--
		}
	}
	return dst
}

// uuid draws a version 4 UUID.
func (r random) uuid() string { return formatUUID(r.Uint64(), r.Uint64(), 4) }

// formatUUID writes 128 bits as a UUID of the given version and variant 1.
func formatUUID(hi, lo uint64, version uint64) string {
	return string(appendUUIDLow(appendUUIDHigh(make([]byte, 0, 36), hi, version), lo))
}

// appendUUIDHigh appends the first half of a UUID, which says its version.
func appendUUIDHigh(dst []byte, hi, version uint64) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], hi&^0xf000|version<<12)
	dst = hex.AppendEncode(dst, raw[:4])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, raw[4:6])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, raw[6:])
	return append(dst, '-')
}

// appendUUIDLow appends the second half, which says its variant.
func appendUUIDLow(dst []byte, lo uint64) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], lo&^(3<<62)|2<<62)
	dst = hex.AppendEncode(dst, raw[:2])
	dst = append(dst, '-')
	return hex.AppendEncode(dst, raw[2:])
}

// scramble62 maps 62-bit numbers onto 62-bit numbers one to one, so that a
// counter becomes an id that looks drawn and never repeats: odd multiplications
// and shifts to the right are both invertible.
func scramble62(x uint64) uint64 {
	const mask = 1<<62 - 1
	x = x * 0x9e3779b97f4a7c15 & mask
	x ^= x >> 29
	x = x * 0xbf58476d1ce4e5b9 & mask
	x ^= x >> 31
	return x
}

// mix64 is the finalizer of SplitMix64: every bit of the input moves every bit
// of the output.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
