package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/source"
)

// sourceMetrics tells /metrics how the sources are. Only those of the configuration have labels of their own: their
// number is the operator's, not that of whoever sends events.
type sourceMetrics struct {
	list func() []sourceView // of all tenants

	up, lag, heard, logins, bytes, events, leftOut, faults, waiting, dropped, missed, all *prometheus.Desc
}

func newSourceMetrics() *sourceMetrics {
	one := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("trunkline_source_"+name, help, []string{"source"}, nil)
	}
	return &sourceMetrics{
		up:      one("up", "1 while an attached source gives its events."),
		lag:     one("lag_seconds", "How far the clock of an attached source, and what comes from it, is behind."),
		heard:   one("heard_timestamp_seconds", "When an attached source last said anything; 0: never."),
		logins:  one("logins_total", "How often an attached source was logged in to."),
		bytes:   one("bytes_total", "Bytes read from an attached source."),
		events:  one("events_total", "Events read from an attached source."),
		leftOut: one("left_out_total", "Of them: those of which no fact is made."),
		faults:  one("faults_total", "Places in what an attached source sent that made no sense."),
		waiting: one("facts_waiting", "Facts of an attached source that wait for the log."),
		dropped: one("facts_dropped_total", "Facts of an attached source that the log can never take."),
		missed:  one("gaps_total", "Gaps in the events of an attached source."),
		all:     prometheus.NewDesc("trunkline_sources", "Sources of all tenants, attached or not, by state.", []string{"state"}, nil),
	}
}

// Describe is part of prometheus.Collector.
func (m *sourceMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.up, m.lag, m.heard, m.logins, m.bytes, m.events, m.leftOut, m.faults, m.waiting, m.dropped, m.missed, m.all} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (m *sourceMetrics) Collect(ch chan<- prometheus.Metric) {
	counts := map[string]int{}
	for _, v := range m.list() {
		counts[v.State]++
		c := v.Connection
		if c == nil || c.State == source.StateElsewhere { // the node that is attached tells
			continue
		}
		one := func(d *prometheus.Desc, t prometheus.ValueType, value float64) {
			ch <- prometheus.MustNewConstMetric(d, t, value, v.Source)
		}
		up, heard := 0.0, 0.0
		if c.State == source.StateUp {
			up = 1
		}
		if c.HeardAt != nil {
			heard = float64(c.HeardAt.UnixMilli()) / 1000
		}
		one(m.up, prometheus.GaugeValue, up)
		one(m.lag, prometheus.GaugeValue, float64(c.LagMS)/1000)
		one(m.heard, prometheus.GaugeValue, heard)
		one(m.logins, prometheus.CounterValue, float64(c.Logins))
		one(m.bytes, prometheus.CounterValue, float64(c.Bytes))
		one(m.events, prometheus.CounterValue, float64(c.Events))
		one(m.leftOut, prometheus.CounterValue, float64(c.LeftOut.Sum()))
		one(m.faults, prometheus.CounterValue, float64(c.Faults))
		one(m.waiting, prometheus.GaugeValue, float64(c.Waiting))
		one(m.dropped, prometheus.CounterValue, float64(c.Dropped))
		one(m.missed, prometheus.CounterValue, float64(v.Gaps))
	}
	for _, state := range []string{sourceUp, sourceDown, sourceUnknown, string(source.StateConnecting), string(source.StateHeld)} {
		ch <- prometheus.MustNewConstMetric(m.all, prometheus.GaugeValue, float64(counts[state]), state)
	}
}

// sourceGauges registers what is known of the sources.
func (m *metrics) sourceGauges(list func() []sourceView) {
	c := newSourceMetrics()
	c.list = list
	m.registry.MustRegister(c)
}
