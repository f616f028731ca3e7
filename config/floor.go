package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Floor is the live floor.
type Floor struct {
	ServiceLevel    Duration `yaml:"service_level" default:"20s" min:"1s" max:"24h" doc:"The wait within which an answer counts as in time, for queues whose own configuration has none."`
	ShortAbandon    Duration `yaml:"short_abandon" default:"5s" min:"1ms" max:"1h" doc:"Who gives up waiting within this time counts as a short abandon, for queues whose own configuration has none."`
	Wrapups         []string `yaml:"wrapups" example:"support=30s" doc:"Wrap-up times after a contact, as queue=duration, for queues whose source tells of no wrap-up and whose own configuration has none. Other queues have no wrap-up then."`
	ServiceLevels   []string `yaml:"service_levels" example:"support=30s" doc:"The same for single queues, as queue=duration. What a queue's own configuration says comes first."`
	WaitMethod      string   `yaml:"wait_method" default:"queue_length" oneof:"queue_length,last_to_enter_service,head_of_line,exponential_mean" doc:"The method of estimating by which a queue's cap on the estimated wait is judged. All four are shown, each with its measured error."`
	Intervals       []string `yaml:"intervals" example:"acmecorp01" doc:"Tenants for which the 15-minute rows for workforce management are kept; * for all. They cost memory for each agent and queue."`
	IntervalGrace   Duration `yaml:"interval_grace" default:"5m" min:"1s" max:"1h" doc:"How long after its end a slice of 15 minutes is published. What comes later restates it."`
	IntervalKeep    Duration `yaml:"interval_keep" default:"2h" min:"15m" max:"48h" doc:"How long after its end late facts restate a slice. What comes later still is counted and left out."`
	KeepEnded       Duration `yaml:"keep_ended" default:"15m" min:"1m" max:"24h" doc:"How long an interaction stays in the state after its end, for what follows it: wrap-up, recordings, surveys."`
	MaxSilence      Duration `yaml:"max_silence" default:"168h" min:"1m" max:"8760h" doc:"An open interaction of which nothing was heard for so long is given up and counted as lost."`
	SourceSilence   Duration `yaml:"source_silence" default:"0s" min:"1s" max:"168h" doc:"A source that has said source.up without a silence_ms of its own, and then says nothing for so long, is down (source.down, silence). 0s: its silence means nothing."`
	MaxInteractions int      `yaml:"max_interactions" default:"200000" min:"100" max:"5000000" doc:"Open interactions of one tenant, some 2 KB of memory each, twice: where facts are enriched and where the state is read. Beyond it the one heard of longest ago is given up."`
	MaxEnded        int      `yaml:"max_ended" default:"50000" min:"100" max:"5000000" doc:"Ended interactions of one tenant that are kept; the oldest go first."`
	MaxAgents       int      `yaml:"max_agents" default:"200000" min:"10" max:"5000000" doc:"Agents of one tenant; further ones share one entry named ~."`
	MaxQueues       int      `yaml:"max_queues" default:"20000" min:"10" max:"1000000" doc:"Queues of one tenant; further ones share one entry named ~."`
}

// WrapupLimits gives the wrap-up times by queue. The configuration has been checked: what is not an entry is left out.
func (f Floor) WrapupLimits() map[string]time.Duration { return byQueue(f.Wrapups, "wrap-up time") }

// ServiceLevelOf gives the thresholds of single queues, as WrapupLimits does the wrap-up times.
func (f Floor) ServiceLevelOf() map[string]time.Duration {
	return byQueue(f.ServiceLevels, "service level")
}

// KeepsIntervals says whether a tenant's 15-minute rows are kept.
func (f Floor) KeepsIntervals(tenant string) bool {
	return slices.Contains(f.Intervals, tenant) || slices.Contains(f.Intervals, "*")
}

func byQueue(entries []string, what string) map[string]time.Duration {
	if len(entries) == 0 {
		return nil
	}
	out := make(map[string]time.Duration, len(entries))
	for _, entry := range entries {
		if queue, d, err := ofQueue(entry, what); err == nil {
			out[queue] = d
		}
	}
	return out
}

// ofQueue reads an entry queue=duration.
func ofQueue(entry, what string) (queue string, d time.Duration, err error) {
	at := strings.LastIndexByte(entry, '=')
	if at < 1 {
		return "", 0, errors.New("an entry is queue=duration, as in support=30s")
	}
	v, err := ParseDuration(strings.TrimSpace(entry[at+1:]))
	if err != nil {
		return "", 0, err
	}
	if v.Std() < time.Second || v.Std() > 24*time.Hour {
		return "", 0, fmt.Errorf("the %s %s is not accepted: 1s to 24h", what, v)
	}
	return strings.TrimSpace(entry[:at]), v.Std(), nil
}

// floor checks what a tag cannot say of the floor.
func (l *loader) floor(f *Floor) {
	l.byQueue("floor.wrapups", "wrap-up time", f.Wrapups)
	l.byQueue("floor.service_levels", "service level", f.ServiceLevels)
	if f.IntervalKeep < f.IntervalGrace {
		l.refuse("floor.interval_keep", "%s is not accepted: at least floor.interval_grace, %s", f.IntervalKeep, f.IntervalGrace)
	}
}

func (l *loader) byQueue(path, what string, entries []string) {
	known := map[string]bool{}
	for _, entry := range entries {
		queue, _, err := ofQueue(entry, what)
		switch {
		case err != nil:
			l.refuse(path, "%q: %v", entry, err)
		case known[queue]:
			l.refuse(path, "the queue %q is named twice", queue)
		}
		known[queue] = true
	}
}
