package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics is what the server counts. docs/operations.md explains each; a test holds the two together.
type metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	inFlight *prometheus.GaugeVec
	seconds  *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	events   *prometheus.CounterVec
	bytes    prometheus.Counter
	appends  *prometheus.CounterVec
	append   prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_http_requests_total",
			Help: "Requests that were answered, by endpoint and status."}, []string{"endpoint", "status"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trunkline_http_requests_in_flight",
			Help: "Requests that are being answered."}, []string{"endpoint"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trunkline_http_request_seconds",
			Help:    "Time to answer a request. Connections that became streams are not in it.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"endpoint"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_auth_refused_total",
			Help: "Requests refused by the gate: missing, invalid, limited (too many failures of the address), scope."}, []string{"why"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_ingest_events_total",
			Help: "Events by outcome: accepted, duplicate, conflict (same identity, other content)."}, []string{"outcome"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_ingest_bytes_total",
			Help: "Bytes of the events in appends that were acknowledged."}),
		appends: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_log_appends_total",
			Help: "Appends to the log by outcome: ok, unavailable, unknown, quota, busy, failed."}, []string{"outcome"}),
		append: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "trunkline_log_append_seconds",
			Help:    "Time of an append until its acknowledgement.",
			Buckets: []float64{.0002, .0005, .001, .002, .004, .008, .016, .032, .064, .128, .256, .512, 1, 2, 4}}),
	}
	m.registry.MustRegister(m.requests, m.inFlight, m.seconds, m.refused, m.events, m.bytes, m.appends, m.append,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// gauge registers a value that is asked for when somebody looks.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// counter registers a count that is asked for when somebody looks.
func (m *metrics) counter(name, help string, value func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
}

// endpoint gives what notes the begin of a request to a pattern, and that gives what notes its end. The pattern, not the
// path, is the label: how many there are does not depend on what clients ask for.
func (m *metrics) endpoint(pattern string) func() func(status int, took time.Duration, stream bool) {
	inFlight, seconds := m.inFlight.WithLabelValues(pattern), m.seconds.WithLabelValues(pattern)
	requests := m.requests.MustCurryWith(prometheus.Labels{"endpoint": pattern})
	return func() func(int, time.Duration, bool) {
		inFlight.Inc()
		return func(status int, took time.Duration, stream bool) {
			inFlight.Dec()
			requests.WithLabelValues(strconv.Itoa(status)).Inc()
			if !stream {
				seconds.Observe(took.Seconds())
			}
		}
	}
}

func (m *metrics) refusal(why string) { m.refused.WithLabelValues(why).Inc() }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4})
}

// names lists the metrics of our own, for the documentation test.
func (m *metrics) names() ([]string, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "trunkline_") {
			out = append(out, f.GetName())
		}
	}
	return out, nil
}
