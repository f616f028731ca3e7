package wait_test

import (
	"testing"

	"trunkline/floor/wait"
)

func TestEachMethodSaysWhatItsFormulaSays(t *testing.T) {
	var e wait.Estimator
	line := wait.Line{Waiting: 3, Head: 40_000, Now: 100_000, Working: 4}
	for m, why := range map[wait.Method]string{
		wait.QueueLength: wait.TooFewContacts, wait.LastToEnterService: wait.TooFewAnswers, wait.HeadOfLine: "", wait.ExponentialMean: wait.TooFewAnswers,
	} {
		if _, got := e.Estimate(m, line); got != why {
			t.Errorf("%s knows nothing: %q, want %q", m, got, why)
		}
	}
	told := e.Tell(line)
	for i, waited := range []int64{4000, 8000, 0, 16_000, 20_000} {
		e.Answered(&told, waited)
		e.Handled(int64(100_000 + 20_000*i))
	}
	// ((((1000·3+8000)/4 …): 1000, 2750, 2062, 5546, 9159
	for m, want := range map[wait.Method]int64{
		wait.QueueLength: 4 * 140_000 / 4, wait.LastToEnterService: 20_000, wait.HeadOfLine: 60_000, wait.ExponentialMean: 9159,
	} {
		if got, why := e.Estimate(m, line); got != want || why != "" {
			t.Errorf("%s says %d %q, want %d", m, got, why, want)
		}
	}
	if got, why := e.Estimate(wait.QueueLength, wait.Line{Waiting: 1, Working: 5, Idle: 2}); got != 0 || why != "" {
		t.Errorf("with a free agent for each: %d %q", got, why)
	}
	if _, why := e.Estimate(wait.QueueLength, wait.Line{Waiting: 1}); why != wait.NoAgents {
		t.Errorf("without agents: %q", why)
	}
	if got, why := e.Estimate(wait.HeadOfLine, wait.Line{}); got != 0 || why != "" {
		t.Errorf("nobody waits: %d %q", got, why)
	}
	// Only the head of the line had said anything: 60 s, against 4, 8, 0, 16 and 20.
	x := e.Errors[wait.HeadOfLine]
	if x.Count != 5 || x.Absolute != 252_000 || x.Bias != 252_000 || x.Mean() != 50_400 || e.Errors[wait.QueueLength].Count != 0 {
		t.Errorf("measured %+v", e.Errors)
	}
	e.NewDay()
	if e.Errors[wait.HeadOfLine].Count != 0 || e.Answers != 5 {
		t.Error("a new day forgets the wrong things")
	}
}

func TestNames(t *testing.T) {
	for m := range wait.Methods {
		if got, ok := wait.Named(m.String()); !ok || got != m {
			t.Errorf("%s is not found", m)
		}
	}
	if _, ok := wait.Named("crystal_ball"); ok {
		t.Error("a method of no name is found")
	}
}
