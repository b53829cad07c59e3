package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// A failing is an upstream that answers with a status.
type failing struct {
	status atomic.Int32
	calls  atomic.Int32
	models atomic.Int32 // calls for the list of models
	hold   sync.Mutex
}

func (f *failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if strings.HasSuffix(r.URL.Path, "/models") {
		f.models.Add(1)
		w.WriteHeader(int(f.status.Load()))
		return
	}
	f.calls.Add(1)
	f.hold.Lock()
	defer f.hold.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(f.status.Load()))
	_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}`)
}

func startFailing(t *testing.T, status int32) (*failing, string) {
	f := &failing{}
	f.status.Store(status)
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, srv.URL
}

// two has one target that is tried first and one behind it. What stands for
// HEALTH is what the first is judged by.
const two = `
upstreams:
  - { name: first, kind: compatible, endpoint: "${FIRST}", retry: { max_retries: 0 }, health: { HEALTH } }
  - { name: second, kind: compatible, endpoint: "${SECOND}" }
models: [{ name: m, targets: [{ upstream: first }, { upstream: second }] }]
`

func askM(t *testing.T, g *gatetest.Gate) (status int, header http.Header) {
	t.Helper()
	resp := g.Post(t, "/v1/chat/completions", hello)
	gatetest.Body(t, resp)
	return resp.StatusCode, resp.Header
}

// TestHealthOutlivesConfigurations: what is known of an upstream lasts as long
// as nothing is said of it that is new.
func TestHealthOutlivesConfigurations(t *testing.T) {
	first, firstURL := startFailing(t, 503)
	_, secondURL := startFailing(t, 200)
	yaml := strings.Replace(two, "HEALTH", "failures: 2, out: 1h, max_out: 1h", 1)
	yaml = strings.NewReplacer("${FIRST}", firstURL, "${SECOND}", secondURL).Replace(yaml)
	g, _ := start(t, yaml)
	asked := func() int {
		t.Helper()
		before := first.calls.Load()
		if status, _ := askM(t, g); status != http.StatusOK {
			t.Fatalf("status = %d, want 200 of the second target", status)
		}
		return int(first.calls.Load() - before)
	}
	for i, want := range []int{1, 1, 0} {
		if got := asked(); got != want {
			t.Fatalf("request %d asks the first target %d times, want %d: two failures are enough", i+1, got, want)
		}
	}
	if err := g.Configure(t, strings.Replace(yaml, "max_retries: 0", "max_retries: 0, base: 2s", 1)); err != nil {
		t.Fatal(err)
	}
	if asked() != 0 {
		t.Error("another configuration has forgotten that the first target is left alone")
	}
	if err := g.Configure(t, strings.Replace(yaml, "failures: 2", "failures: 3", 1)); err != nil {
		t.Fatal(err)
	}
	if asked() != 1 {
		t.Error("the first target is judged as before, although it is said how anew")
	}
}

// TestChecks: an upstream that does not answer checks is left alone, and comes
// back when it does.
func TestChecks(t *testing.T) {
	first, firstURL := startFailing(t, 503)
	_, secondURL := startFailing(t, 200)
	yaml := strings.Replace(two, "HEALTH", "failures: off, ratio: off, check: 1s", 1)
	g := gatetest.Start(t, yaml, "FIRST", firstURL, "SECOND", secondURL)
	gatetest.Until(t, func() bool { return first.models.Load() >= 2 })
	gatetest.Until(t, func() bool {
		before := first.calls.Load()
		askM(t, g)
		return first.calls.Load() == before
	})
	first.status.Store(200)
	gatetest.Until(t, func() bool {
		before := first.calls.Load()
		askM(t, g)
		return first.calls.Load() > before
	})
}

// TestPlaces: of the requests for which there is no place at an upstream, those
// that another can serve go there.
func TestPlaces(t *testing.T) {
	first, firstURL := startFailing(t, 200)
	second, secondURL := startFailing(t, 200)
	yaml := strings.Replace(two, "health: { HEALTH }", "max_in_flight: 1", 1)
	g := gatetest.Start(t, yaml, "FIRST", firstURL, "SECOND", secondURL)
	first.hold.Lock()
	held := make(chan int, 1)
	go func() {
		status, _ := askM(t, g)
		held <- status
	}()
	gatetest.Until(t, func() bool { return first.calls.Load() == 1 })
	if status, _ := askM(t, g); status != http.StatusOK || second.calls.Load() != 1 {
		t.Errorf("status %d, and the second was asked %d times, want 200 and once", status, second.calls.Load())
	}
	first.hold.Unlock()
	if status := <-held; status != http.StatusOK {
		t.Errorf("status = %d, want 200", status)
	}
}

// TestNoPlace: a request that finds none in time is told when to come again.
func TestNoPlace(t *testing.T) {
	first, url := startFailing(t, 200)
	g := gatetest.Start(t, `
upstreams: [{ name: only, kind: compatible, endpoint: "${ONLY}", max_in_flight: 1, queue: { length: 1, wait: 50ms } }]
models: [{ name: m, targets: [{ upstream: only }] }]
`, "ONLY", url)
	first.hold.Lock()
	held := make(chan int, 1)
	go func() {
		status, _ := askM(t, g)
		held <- status
	}()
	gatetest.Until(t, func() bool { return first.calls.Load() == 1 })
	began := time.Now()
	status, header := askM(t, g)
	if after := header.Get("Retry-After"); status != http.StatusTooManyRequests || after == "" || strings.Contains(after, ".") {
		t.Errorf("status %d with Retry-After %q, want 429 with whole seconds", status, after)
	}
	if waited := time.Since(began); waited < 50*time.Millisecond {
		t.Errorf("refused after %v, want 50ms in the queue", waited)
	}
	first.hold.Unlock()
	if status := <-held; status != http.StatusOK {
		t.Errorf("status = %d, want 200", status)
	}
	if status, _ := askM(t, g); status != http.StatusOK {
		t.Errorf("afterwards status = %d, want 200", status)
	}
}
