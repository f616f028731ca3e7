// Package nearest finds what somebody probably meant by a word that is not known: a key, a flag, a command.
package nearest

import "strings"

// Of gives the candidate closest to word, when one is close enough to be worth naming: at most a third of the longer
// word has to change (at least one letter may). Swapped neighbours count as one change; case and the difference
// between '-' and '_' do not count. Of equally close candidates the first is taken. Where none is close, the one that has the same
// beginning is.
func Of(word string, candidates []string) (string, bool) {
	best, found, least := "", false, 0
	word = fold(word)
	for _, c := range candidates {
		d := distance(word, fold(c))
		if allowed := max(1, max(len(word), len(c))/3); d > allowed || d >= min(len(word), len(c)) && d > 0 {
			continue
		}
		if !found || d < least {
			best, found, least = c, true, d
		}
	}
	if !found {
		return beginning(word, candidates)
	}
	return best, found
}

// beginning gives the candidate that word begins with, or that begins with word, if one of them alone does: "address"
// for "addr". Two letters say too little.
func beginning(word string, candidates []string) (best string, found bool) {
	for _, c := range candidates {
		f := fold(c)
		if min(len(word), len(f)) < 3 || !strings.HasPrefix(word, f) && !strings.HasPrefix(f, word) {
			continue
		}
		if found {
			return "", false
		}
		best, found = c, true
	}
	return best, found
}

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance counts the insertions, deletions, substitutions and swaps of neighbours between a and b.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
