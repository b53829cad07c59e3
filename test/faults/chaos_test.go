package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/gateway"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/realpart"
	"github.com/weir-gateway/weir/internal/simulator"
	"github.com/weir-gateway/weir/internal/telemetry"
)

// TestChaos: two of three targets come and go, the configuration changes every
// second, clients leave when they like. Everybody who stays is answered, and
// nearly always with what was asked for; everything is accounted for, and
// nothing is left behind.
func TestChaos(t *testing.T) {
	t.Parallel()
	long := 8 * time.Second
	if os.Getenv(realpart.Strict) != "" || os.Getenv("WEIR_MATRIX") != "" {
		long = time.Minute
	}
	c := startChaos(t)
	c.run(t, long/2)
	before := c.measure()
	c.run(t, long/2)
	now := c.measure()
	t.Logf("goroutines %d, then %d; heap %d KiB, then %d", before.goroutines, now.goroutines, before.heap>>10, now.heap>>10)
	if now.goroutines > before.goroutines+30 { // of connections that are kept there may be some more
		t.Errorf("goroutines grow: %d, then %d", before.goroutines, now.goroutines)
	}
	if now.heap > before.heap+4<<20 {
		t.Errorf("the heap grows: %d KiB, then %d", before.heap>>10, now.heap>>10)
	}
}

// A chaos is a gateway with three upstreams, of which the first two have bad
// days.
type chaos struct {
	*gatetest.Gate
	entries *book
	moody   [2]moody
	urls    [3]string
	reloads int
}

// A moody upstream misbehaves in the ways that are set just now.
type moody struct {
	way *line
	sim atomic.Pointer[[]string]
}

func startChaos(t *testing.T) *chaos {
	p := startToxiproxy(t)
	c := &chaos{entries: newBook()}
	for i := range c.urls {
		var sim http.Handler = simulator.New(simulator.Options{Records: -1})
		if i < len(c.moody) {
			calm, m := sim, &c.moody[i]
			sim = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b := bad{Handler: calm}
				if s := m.sim.Load(); s != nil {
					b.sim = *s
				}
				b.ServeHTTP(w, r)
			})
		}
		way := p.line(t, serve(t, sim, false))
		if i < len(c.moody) {
			c.moody[i].way = way
		}
		c.urls[i] = "http://" + way.address
	}
	c.Gate = gatetest.StartWith(t, gatetest.Options{File: true, Ledger: c.entries, Observers: []gateway.Observer{c.entries}}, c.text())
	return c
}

// text returns the next configuration.
func (c *chaos) text() string {
	c.reloads++
	const upstream = "  - { name: %s, kind: compatible, endpoint: %q, timeouts: { first_byte: 1s, idle: %dms }, retry: { base: %dms, max: 50ms }, health: { failures: 3, out: 100ms, max_out: 400ms } }\n"
	i := c.reloads
	return "log: { level: error }\nupstreams:\n" +
		fmt.Sprintf(upstream, "a", c.urls[0], 1000+i%3, 10) +
		fmt.Sprintf(upstream, "b", c.urls[1], 1000, 10+i%2) +
		fmt.Sprintf("  - { name: c, kind: compatible, endpoint: %q, retry: { base: 10ms } }\n", c.urls[2]) +
		"models:\n" +
		fmt.Sprintf("  - { name: m, targets: [{ upstream: a, dialects: [chat] }, { upstream: b, weight: %d, dialects: [chat] }, { upstream: c, dialects: [chat] }] }\n", 1+i%4)
}

// moods are what becomes of an upstream on a bad day.
func moods() []fault {
	return []fault{
		{name: "refuses"},
		{toxics: []toxic{{"reset_peer", map[string]int{"timeout": 0}, 1}}},
		{toxics: []toxic{{"timeout", map[string]int{"timeout": 0}, 1}}},
		{toxics: []toxic{{"latency", map[string]int{"latency": 300}, 1}}},
		{sim: []string{"status: 503"}},
		{sim: []string{"status: 500"}},
		{sim: []string{"status: 429", "header: retry-after: 1"}},
		{sim: []string{"error: first"}},
		{sim: []string{"html: true"}},
		{sim: []string{"cut: 1"}},
		{sim: []string{"reset: true"}},
	}
}

// flap gives m good and bad moods until ctx ends.
func (m *moody) flap(ctx context.Context, t *testing.T) {
	changed, late := 0, 0
	// On a busy machine toxiproxy may not answer in time, and do what it was
	// told later.
	change := func(do func() error) {
		for range 5 {
			err := do()
			slow := false
			if e, ok := errors.AsType[net.Error](err); ok {
				slow = e.Timeout()
			}
			switch {
			case err == nil, strings.Contains(err.Error(), "404"), strings.Contains(err.Error(), "409"):
				changed++
				return
			case !slow:
				t.Error(err)
				return
			}
			late++
		}
	}
	defer func() {
		if late > changed/2 {
			t.Errorf("toxiproxy was late %d times, and in time %d times", late, changed)
		}
	}()
	all := moods()
	for rest(ctx, 100, 600) {
		mood := all[rand.IntN(len(all))]
		switch {
		case len(mood.toxics) > 0:
			change(func() error { return m.way.add(mood.toxics[0]) })
			rest(ctx, 100, 600)
			change(func() error { return m.way.remove(mood.toxics[0]) })
		case len(mood.sim) > 0:
			m.sim.Store(&mood.sim)
			rest(ctx, 100, 600)
			m.sim.Store(nil)
		default:
			change(func() error { return m.way.enable(false) })
			rest(ctx, 100, 600)
			change(func() error { return m.way.enable(true) })
		}
	}
}

// rest waits for some milliseconds, and reports whether ctx goes on.
func rest(ctx context.Context, from, to int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(from+rand.IntN(to-from)) * time.Millisecond):
		return true
	}
}

// run lets everything happen for a while, and looks at what became of it.
func (c *chaos) run(t *testing.T, long time.Duration) {
	ctx, stop := context.WithTimeout(t.Context(), long)
	defer stop()
	var all sync.WaitGroup
	for i := range c.moody {
		all.Go(func() { c.moody[i].flap(ctx, t) })
	}
	var clients [6]client
	for i := range clients {
		all.Go(func() { clients[i].run(ctx, c.URL) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if err := c.Configure(t, c.text()); err != nil {
				t.Error(err)
			}
		}
	}
	all.Wait()
	c.account(t, clients[:])
}

// account compares what clients have seen with what was recorded.
func (c *chaos) account(t *testing.T, clients []client) {
	t.Helper()
	gatetest.Until(t, func() bool { return c.entries.started.Load() == c.entries.ended.Load() })
	asked, left, good, bad := 0, 0, 0, 0
	for i := range clients {
		cl := &clients[i]
		asked, left = asked+cl.asked, left+cl.left
		for _, err := range cl.unanswered {
			t.Errorf("not answered: %v", err)
		}
		for id, seen := range cl.seen {
			switch code, ok := c.entries.take(id); {
			case !ok:
				t.Errorf("%s has no entry", id)
			case seen.left: // it may have been done before it knew
			case (code == "") != seen.good:
				t.Errorf("%s: the client has a good answer: %t; its entry has code %q", id, seen.good, code)
			case seen.good:
				good++
			default:
				bad++
				t.Logf("%s: code %q: %.200s", id, code, seen.body)
			}
		}
	}
	more, twice := c.entries.close()
	failed := int(c.entries.failed.Swap(0))
	t.Logf("%d requests, %d attempts in vain: %d clients have left, %d answers are good, %d are not", asked, failed, left, good, bad)
	if failed*100 < asked {
		t.Errorf("only %d attempts of %d requests were in vain: there is no chaos", failed, asked)
	}
	if twice > 0 || more > left {
		t.Errorf("%d entries too many, and %d of clients that never saw an answer, of whom there are at most %d", twice, more, left)
	}
	if good+bad < 100 || bad*1000 > good+bad {
		t.Errorf("%d of %d answers are not what was asked for, want at most one in a thousand", bad, good+bad)
	}
}

// A size is how large the process is.
type size struct {
	goroutines int
	heap       uint64
}

func (c *chaos) measure() size {
	runtime.GC()
	runtime.GC() // pools give back what they have at the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{runtime.NumGoroutine(), m.HeapAlloc}
}

// A client asks again and again.
type client struct {
	asked, left int
	unanswered  []error
	seen        map[string]seen // by request id
}

// A seen is what a client has seen of an answer.
type seen struct {
	good, left bool
	body       string
}

func (c *client) run(ctx context.Context, url string) {
	c.seen = make(map[string]seen)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for rest(ctx, 5, 30) {
		l := lanes[[]int{0, 1, 5}[rand.IntN(3)]] // whose targets are asked in chat
		c.asked++
		c.ask(transport, url, l, rand.IntN(2) == 0, rand.IntN(10) == 0)
	}
}

func (c *client) ask(transport *http.Transport, url string, l lane, stream, leaves bool) {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	if leaves {
		c.left++
		timer := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, leave)
		defer timer.Stop()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+l.path(), strings.NewReader(l.body(stream)))
	if err != nil {
		c.unanswered = append(c.unanswered, err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		if !leaves {
			c.unanswered = append(c.unanswered, err)
		}
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !leaves {
		c.unanswered = append(c.unanswered, fmt.Errorf("status %d: %w", resp.StatusCode, err))
	}
	end := "echo: hello there"
	if stream {
		end = ends[l.client]
	}
	c.seen[resp.Header.Get("X-Request-Id")] = seen{
		good: resp.StatusCode == http.StatusOK && strings.Contains(string(body), end) && !strings.Contains(string(body), failures[l.client]),
		left: leaves, body: string(body),
	}
}

// A book is a ledger that keeps no more than it must, and knows how many
// exchanges there are.
type book struct {
	*telemetry.Ring // for what nobody looks at

	started, ended atomic.Int64
	failed         atomic.Int64 // attempts after which there was another

	mu    sync.Mutex
	codes map[string]llm.Code // guarded by mu, as is twice
	twice int
}

func newBook() *book {
	return &book{Ring: telemetry.NewRing(1), codes: make(map[string]llm.Code)}
}

// Record implements gateway.Ledger.
func (b *book) Record(e *ledger.Entry) error {
	b.failed.Add(int64(max(0, len(e.Attempts)-1)))
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.codes[e.ID]; ok {
		b.twice++
	}
	b.codes[e.ID] = e.Code
	return nil
}

func (b *book) ExchangeStarted(string, time.Time)          { b.started.Add(1) }
func (b *book) ExchangeDone(_ *ledger.Entry, _ *llm.Error) { b.ended.Add(1) }

// take returns the code of an exchange, and forgets it.
func (b *book) take(id string) (code llm.Code, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	code, ok = b.codes[id]
	delete(b.codes, id)
	return code, ok
}

// close returns how many entries nobody has taken, and how many there were for
// an exchange that had one, and forgets them.
func (b *book) close() (left, twice int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left, twice = len(b.codes), b.twice
	clear(b.codes)
	return left, twice
}
