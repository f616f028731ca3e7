// Command push measures the push feed and the receiver over mutual TLS, on loopback, with the other side on the same
// cores: deliveries a second to one destination, the time from append to answer of many destinations and of a healthy one
// beside others that are not, and payloads a
// second that the receiver acknowledges after the sync of the disk. Beside them stand the same requests sent by a plain
// Go client to a plain Go server: what net/http and crypto/tls leave of these cores.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/control"
	"trunkline/event"
	"trunkline/eventlog"
	"trunkline/feed/push"
	"trunkline/internal/devcert"
	"trunkline/source/asapp"
)

const tenant = "bench"

// bench has what all parts need.
type bench struct {
	dir                string
	ca, server, client *devcert.Pair
	log                *eventlog.Log
	next               int
}

func main() {
	events := flag.Int("events", 60_000, "deliveries to the one destination")
	many := flag.Int("destinations", 1000, "destinations of the second part, each at 5 deliveries a second")
	seconds := flag.Int("seconds", 10, "length of the second part, and of each half of the third")
	posts := flag.Int("posts", 60_000, "payloads to the receiver")
	workers := flag.Int("concurrency", 64, "requests at the same time")
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if err := run(*events, *many, *seconds, *posts, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "bench/push:", err)
		os.Exit(1)
	}
}

func run(events, many, seconds, posts, workers int) error {
	dir, err := os.MkdirTemp("", "trunkline-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir}
	if b.ca, err = devcert.Authority("bench", devcert.Terms{}); err != nil {
		return err
	}
	if b.server, err = b.ca.Server(devcert.Terms{}, "127.0.0.1"); err != nil {
		return err
	}
	if b.client, err = b.ca.Client(devcert.Terms{}, "bench"); err != nil {
		return err
	}
	if b.log, err = eventlog.Open(context.Background(), eventlog.Config{Dir: filepath.Join(dir, "log")}); err != nil {
		return err
	}
	defer b.log.Close(context.Background())
	if err := b.log.WaitWritable(context.Background()); err != nil {
		return err
	}
	plain, err := b.plain(posts, workers)
	if err != nil {
		return err
	}
	fmt.Printf("plain net/http client and server       %8.0f POST/s at concurrency %d\n", plain, workers)
	one, err := b.one(events, workers)
	if err != nil {
		return err
	}
	fmt.Printf("push, one destination                  %8.0f POST/s at concurrency %d, %.0f %% of plain\n", one, workers, 100*one/plain)
	got, err := b.receive(posts, workers)
	if err != nil {
		return err
	}
	fmt.Printf("receiver, each answered after fsync    %8.0f POST/s at concurrency %d\n", got, workers)
	if err := b.isolation(seconds); err != nil {
		return err
	}
	return b.many(many, seconds)
}

// serve opens a server that asks for client certificates.
func (b *bench) serve(h http.Handler) (*httptest.Server, error) {
	pair, err := tls.X509KeyPair(b.server.Cert, b.server.Key)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b.ca.Cert)
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	s.StartTLS()
	return s, nil
}

// append adds n facts of as many calls.
func (b *bench) append(n int) error {
	for n > 0 {
		batch := make([]event.Event, 0, 500)
		for range min(n, 500) {
			b.next++
			id := strconv.Itoa(b.next)
			e, err := event.Encode(event.Meta{ID: id, Source: "/bench", Time: time.Now()}, event.InteractionSummarised{
				Ref: event.Ref{Interaction: "call-" + id, Media: event.MediaPhone}, Text: strings.Repeat("The customer asked about the invoice of March. ", 8), Agent: "1001"})
			if err != nil {
				return err
			}
			batch = append(batch, e)
		}
		if _, err := b.log.Append(context.Background(), tenant, batch); err != nil {
			return err
		}
		n -= len(batch)
	}
	return nil
}

func (b *bench) feed(urls []string, concurrency int) (*push.Feed, error) {
	o := push.Options{Destinations: control.NewMemory(), Progress: control.NewMemory(), Guard: push.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	for i, u := range urls {
		o.Static = append(o.Static, push.Destination{ID: "d" + strconv.Itoa(i), Tenant: tenant, URL: u, Feeds: []push.Kind{push.Journey}, Retries: 5, HTTP: "1.1",
			Concurrency: concurrency, TimeoutMS: 30_000, CA: string(b.ca.Cert), ClientCert: string(b.client.Cert), ClientKey: string(b.client.Key)})
	}
	return push.Open(context.Background(), b.log, o)
}

func (b *bench) one(n, workers int) (float64, error) {
	var count atomic.Int64
	done := make(chan struct{})
	target := int64(n + 5000) // the first 5,000 open the connections and are not counted
	var began time.Time
	srv, err := b.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch count.Add(1) {
		case 5000:
			began = time.Now()
		case target:
			close(done)
		}
	}))
	if err != nil {
		return 0, err
	}
	defer srv.Close()
	f, err := b.feed([]string{srv.URL}, workers)
	if err != nil {
		return 0, err
	}
	defer f.Close(context.Background())
	if err := b.append(int(target)); err != nil {
		return 0, err
	}
	<-done
	return float64(n) / time.Since(began).Seconds(), nil
}

func (b *bench) many(n, seconds int) error {
	var mu sync.Mutex
	var took []float64
	srv, err := b.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		_, at, _ := strings.Cut(string(body), `"create_time":"`)
		sent, err := time.Parse(time.RFC3339, at[:min(24, len(at))])
		if err != nil {
			return
		}
		mu.Lock()
		took = append(took, float64(time.Since(sent).Microseconds())/1000)
		mu.Unlock()
	}))
	if err != nil {
		return err
	}
	defer srv.Close()
	urls := make([]string, n)
	for i := range urls {
		urls[i] = srv.URL
	}
	f, err := b.feed(urls, 1)
	if err != nil {
		return err
	}
	defer f.Close(context.Background())
	reached := func(want int) bool {
		mu.Lock()
		defer mu.Unlock()
		return len(took) >= want
	}
	if err := b.append(1); err != nil { // opens all connections
		return err
	}
	for !reached(n) {
		time.Sleep(10 * time.Millisecond)
	}
	mu.Lock()
	took = took[:0]
	mu.Unlock()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 5 * seconds {
		<-tick.C
		if err := b.append(1); err != nil {
			return err
		}
	}
	for !reached(5 * seconds * n) {
		time.Sleep(10 * time.Millisecond)
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))] }
	fmt.Printf("push, %d destinations at 5/s each    p50 %.1f ms, p99 %.1f ms from append to arrival (all wake at the same moment)\n", n, at(.5), at(.99))
	return nil
}

// receive posts payloads to the receiver.
func (b *bench) receive(n, workers int) (float64, error) {
	list := filepath.Join(b.dir, "clients")
	if err := os.WriteFile(list, []byte("received CN=bench\n"), 0o600); err != nil {
		return 0, err
	}
	allow, err := asapp.OpenAllow(list)
	if err != nil {
		return 0, err
	}
	srv, err := b.serve(asapp.New(asapp.Options{Log: b.log, Allow: allow}))
	if err != nil {
		return 0, err
	}
	defer srv.Close()
	return b.post(srv.URL+asapp.Path, n, workers)
}

// plain posts the same to a server that only reads.
func (b *bench) plain(n, workers int) (float64, error) {
	srv, err := b.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	if err != nil {
		return 0, err
	}
	defer srv.Close()
	return b.post(srv.URL, n, workers)
}

func (b *bench) post(url string, n, workers int) (float64, error) {
	own, err := tls.X509KeyPair(b.client.Cert, b.client.Key)
	if err != nil {
		return 0, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b.ca.Cert)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}, MaxIdleConnsPerHost: workers}
	defer tr.CloseIdleConnections()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	send := func(i int64) error {
		body := fmt.Sprintf(`{"api_version":"v1.3.0","name":"com.asapp.event.journey","meta_data":{"create_time":"2026-03-02T08:00:00.010Z","event_time":"2026-03-02T08:00:00.000Z","issue_id":"i%d"},`+
			`"data":{"customer_id":"c1","queue_id":"q1","agent_id":"a1"},"event_id":"%s-%d","event_type":"ASSIGNED","details":{"assigned_ts":"2026-03-02T08:00:00.000Z"}}`, i, url, i)
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return err
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %d", resp.StatusCode)
		}
		return nil
	}
	began := time.Now()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n) && failed.Load() == nil; i = next.Add(1) {
				if err := send(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
