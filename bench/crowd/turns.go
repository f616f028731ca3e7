package crowd

import (
	"fmt"
	"slices"
	"strings"
)

// Median is that of the figures of several turns.
func Median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// List prints the figures of all turns.
func List(v []float64) string {
	var parts []string
	for _, f := range v {
		parts = append(parts, fmt.Sprintf("%.2f", f))
	}
	return strings.Join(parts, " ")
}
