package app_test

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/app"
	"github.com/weir-gateway/weir/internal/config"
	"github.com/weir-gateway/weir/internal/gatetest"
)

// TestRetriesThatAreConfigured: the profiles, the one that counts where
// variables stand for a file, and the formula of AOAI-Proxy by its own numbers:
// min(max, step + rand(step/4)), of steps of 800 ms, twice as long each time.
func TestRetriesThatAreConfigured(t *testing.T) {
	for _, tt := range []struct {
		retry             string // empty: variables alone
		retries, attempts int
		waits             string
	}{
		{"none", 0, 1, ""},
		{"standard", 1, 6, "500ms–1s"},
		{"patient", 3, 8, "500ms–1s, 1s–2s, 2s–4s"},
		{"", 3, 8, "500ms–1s, 1s–2s, 2s–4s"},
		{"{ profile: none, max_retries: 2, attempts: 3 }", 2, 3, "500ms–1s, 1s–2s"},
		{"{ max_retries: 0 }", 0, 6, ""},
		{"{ max_retries: 5, base: 800ms, max: 8s, jitter: added }", 5, 6, "800ms–1s, 1.6s–2s, 3.2s–4s, 6.4s–8s, 8s"},
	} {
		t.Run(tt.retry, func(t *testing.T) {
			o := config.Options{
				LookupEnv: func(name string) (string, bool) { return "sk-made-up-0123456789", name == "OPENAI_API_KEY" },
				Open: func(name string) (io.ReadCloser, error) {
					return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
				},
			}
			cfg, err := config.Load(o)
			if tt.retry != "" {
				cfg, err = config.Parse([]byte("upstreams: [{ name: u, kind: openai, auth: { api_key: x }, retry: "+tt.retry+" }]\nmodels: [{ name: m, targets: [{ upstream: u }] }]\n"), o)
			}
			if err != nil {
				t.Fatal(err)
			}
			e, err := app.Explain(context.Background(), cfg, &app.Question{Path: "/v1/chat/completions", Body: []byte(hello), At: time.Now()})
			if err != nil || len(e.Targets) != 1 {
				t.Fatalf("Explain = %+v, %v, want one target", e, err)
			}
			if got := e.Targets[0]; got.Retries != tt.retries || got.Attempts != tt.attempts || got.Waits != tt.waits {
				t.Errorf("%d tries of %d attempts, after %s; want %d of %d after %s", got.Retries, got.Attempts, got.Waits, tt.retries, tt.attempts, tt.waits)
			}
		})
	}
}

// A plan is what an upstream does with the requests that come, one after the
// other: a status, and how many seconds it asks to wait, if any. The last one
// counts for all others too.
type plan struct {
	answers []string // "503", "429 1"
	calls   atomic.Int32
	waits   chan time.Time // when they came; nil if nobody wants to know
}

func (p *plan) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	n := int(p.calls.Add(1))
	if p.waits != nil {
		p.waits <- time.Now()
	}
	text, after, _ := strings.Cut(p.answers[min(n, len(p.answers))-1], " ")
	status, _ := strconv.Atoi(text)
	if after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if status != http.StatusOK {
		_, _ = io.WriteString(w, `{"error":{"message":"made up","type":"made_up","param":null,"code":null}}`)
		return
	}
	_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}`)
}

func startPlan(t *testing.T, answers ...string) (*plan, string) {
	p := &plan{answers: answers}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return p, srv.URL
}

const planned = `
upstreams: [{ name: u, kind: compatible, endpoint: "${UP}", retry: RETRY }]
models: [{ name: m, targets: [{ upstream: u }] }]
`

// TestRetries: what is tried again, how often, and what never is.
func TestRetries(t *testing.T) {
	const quick = "{ profile: patient, base: 1ms }"
	for _, tt := range []struct {
		name, retry string
		answers     []string
		status      int
		calls       int32
		atLeast     time.Duration
	}{
		{name: "four tries", retry: quick, answers: []string{"503", "500", "529", "200"}, status: 200, calls: 4},
		{name: "and no fifth", retry: quick, answers: []string{"503"}, status: 503, calls: 4},
		{name: "not by default of the formula", retry: "{ profile: none, base: 800ms, max: 8s, jitter: added }", answers: []string{"503"}, status: 503, calls: 1},
		{name: "408, 409, 425", retry: quick, answers: []string{"408", "409", "425", "200"}, status: 200, calls: 4},
		{name: "Retry-After", retry: quick, answers: []string{"429 1", "200"}, status: 200, calls: 2, atLeast: time.Second},
		{name: "Retry-After of another status", retry: quick, answers: []string{"503 1", "200"}, status: 200, calls: 2, atLeast: time.Second},
		{name: "a Retry-After that is too long", retry: "{ base: 1ms, retry_after_max: 2s }", answers: []string{"429 3"}, status: 429, calls: 1},
		{name: "400", retry: quick, answers: []string{"400"}, status: 400, calls: 1},
		{name: "401", retry: quick, answers: []string{"401"}, status: 502, calls: 1},
		{name: "403", retry: quick, answers: []string{"403"}, status: 502, calls: 1},
		{name: "404", retry: quick, answers: []string{"404"}, status: 502, calls: 1},
		{name: "501 is not on the list", retry: quick, answers: []string{"501"}, status: 501, calls: 1},
		{name: "nor 500, if it is left out", retry: "{ base: 1ms, statuses: [429, 503] }", answers: []string{"503", "500"}, status: 500, calls: 2},
		{name: "nor 429", retry: "{ base: 1ms, statuses: [503] }", answers: []string{"429"}, status: 429, calls: 1},
		{name: "418, if it is put there", retry: "{ base: 1ms, statuses: [418] }", answers: []string{"418", "200"}, status: 200, calls: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, url := startPlan(t, tt.answers...)
			g := gatetest.Start(t, strings.Replace(planned, "RETRY", tt.retry, 1), "UP", url)
			began := time.Now()
			status, header := askM(t, g)
			if status != tt.status || p.calls.Load() != tt.calls {
				t.Errorf("status %d after %d calls, want %d after %d", status, p.calls.Load(), tt.status, tt.calls)
			}
			if took := time.Since(began); took < tt.atLeast {
				t.Errorf("it took %v, want at least %v", took, tt.atLeast)
			}
			if got := header.Get("X-Weir-Attempts"); got != strconv.Itoa(int(tt.calls)) {
				t.Errorf("x-weir-attempts is %q, want %d", got, tt.calls)
			}
			if e := g.Entries(t, 1)[0]; len(e.Attempts) != int(tt.calls) {
				t.Errorf("the entry has %d attempts, want %d", len(e.Attempts), tt.calls)
			}
		})
	}
}

// TestTriesEndWithTheClient: nobody is asked again for a client that has left.
func TestTriesEndWithTheClient(t *testing.T) {
	p, url := startPlan(t, "503")
	g := gatetest.Start(t, strings.Replace(planned, "RETRY", "{ max_retries: 5, base: 300ms }", 1), "UP", url)
	ctx, leave := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+"/v1/chat/completions", strings.NewReader(hello))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			t.Error("the client was answered")
		}
	}()
	gatetest.Until(t, func() bool { return p.calls.Load() == 1 })
	leave()
	<-gone
	if e := g.Entries(t, 1)[0]; e.Code != "client_closed_request" || len(e.Attempts) != 1 {
		t.Errorf("the entry has code %q and %d attempts, want one attempt of a client that has left", e.Code, len(e.Attempts))
	}
	if n := p.calls.Load(); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

// TestAddedJitterOnTheWire: the waits between tries are those of the formula.
func TestAddedJitterOnTheWire(t *testing.T) {
	p, url := startPlan(t, "503", "503", "503", "200")
	p.waits = make(chan time.Time, 4)
	g := gatetest.Start(t, strings.Replace(planned, "RETRY", "{ max_retries: 3, base: 80ms, max: 200ms, jitter: added }", 1), "UP", url)
	if status, _ := askM(t, g); status != http.StatusOK {
		t.Fatalf("status = %d, want 200", status)
	}
	var came []time.Time
	for range cap(p.waits) {
		came = append(came, <-p.waits)
	}
	for i, least := range []time.Duration{80 * time.Millisecond, 160 * time.Millisecond, 200 * time.Millisecond} {
		// No upper bound: the machine may be slow.
		if wait := came[i+1].Sub(came[i]); wait < least-time.Millisecond {
			t.Errorf("the wait before try %d was %v, want at least %v", i+2, wait, least)
		}
	}
}

// TestPoolByVariables: each of AOAI-Proxy's six variables decides, whatever the
// file says, for the upstreams that are there after the configuration is read
// again, too.
func TestPoolByVariables(t *testing.T) {
	var remotes atomic.Pointer[[]string]
	remotes.Store(&[]string{})
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		list := append(slices.Clone(*remotes.Load()), r.RemoteAddr)
		remotes.Store(&list)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.Contains(string(body), "no header"):
			<-r.Context().Done()
		case strings.Contains(string(body), "no body"):
			_, _ = io.WriteString(w, `{"id":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case strings.Contains(string(body), "wait"):
			<-release
		}
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","choices":[]}`)
	}))
	t.Cleanup(srv.Close)
	yaml := `
upstreams: [{ name: u, kind: compatible, endpoint: "${UP}", retry: none, timeouts: { connect: 200ms, first_byte: 20s, idle: 20s }, pool: { keep_alive: 1h, connections: 50 } }]
models: [{ name: m, targets: [{ upstream: u }] }]
`
	g := gatetest.StartWith(t, gatetest.Options{File: true}, yaml, "UP", srv.URL,
		"UPSTREAM_MAX_CONNECTIONS", "1", "UPSTREAM_KEEPALIVE_TIMEOUT_MS", "60000", "UPSTREAM_KEEPALIVE_MAX_TIMEOUT_MS", "1",
		"UPSTREAM_HEADERS_TIMEOUT_MS", "400", "UPSTREAM_BODY_TIMEOUT_MS", "100", "UPSTREAM_PIPELINING", "1")
	code := func(say string) string {
		resp := g.Post(t, "/v1/chat/completions", strings.Replace(hello, "hello", say, 1))
		body := gatetest.Body(t, resp)
		if resp.StatusCode == http.StatusOK {
			return ""
		}
		_, rest, _ := strings.Cut(body, `"code":"`)
		found, _, _ := strings.Cut(rest, `"`)
		return strconv.Itoa(resp.StatusCode) + " " + found
	}
	check := func() {
		t.Helper()
		for say, want := range map[string]string{
			"hello": "", "no header": "504 upstream_first_byte_timeout", "no body": "504 upstream_idle_timeout",
		} {
			began := time.Now()
			if got := code(say); got != want || time.Since(began) > 15*time.Second {
				t.Errorf("%s: %q after %v, want %q, and before the file's timeouts", say, got, time.Since(began), want)
			}
		}
	}
	check()
	before := len(*remotes.Load())
	code("hello")
	<-time.After(50 * time.Millisecond) // the connection is older then than the longest keep-alive
	code("hello")
	if list := (*remotes.Load())[before:]; list[0] == list[1] {
		t.Error("a connection was used again after the longest keep-alive")
	}
	held := make(chan string, 1)
	before = len(*remotes.Load())
	go func() { held <- code("wait") }()
	gatetest.Until(t, func() bool { return len(*remotes.Load()) > before })
	if got := code("hello"); got != "504 upstream_connect_timeout" {
		t.Errorf("with one connection, which is in use: %q, want none to be had", got)
	}
	close(release)
	if got := <-held; got != "" && got != "504 upstream_first_byte_timeout" {
		t.Errorf("the first request: %q", got)
	}
	if err := g.Configure(t, strings.Replace(yaml, "connect: 200ms", "connect: 300ms", 1)); err != nil {
		t.Fatal(err)
	}
	check()
}

// TestPoolIsServedAnew: what the file says of connections counts from the next
// request on.
func TestPoolIsServedAnew(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(300 * time.Millisecond):
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","choices":[]}`)
	}))
	t.Cleanup(srv.Close)
	const yaml = `
upstreams: [{ name: u, kind: compatible, endpoint: "${UP}", retry: none, pool: { header_timeout: off } }]
models: [{ name: m, targets: [{ upstream: u }] }]
`
	g := gatetest.StartWith(t, gatetest.Options{File: true}, yaml, "UP", srv.URL)
	for _, tt := range []struct {
		timeout string
		status  int
	}{{"off", 200}, {"50ms", 504}, {"off", 200}} {
		if err := g.Configure(t, strings.Replace(yaml, "header_timeout: off", "header_timeout: "+tt.timeout, 1)); err != nil {
			t.Fatal(err)
		}
		if status, _ := askM(t, g); status != tt.status {
			t.Errorf("with header_timeout %s: status %d, want %d", tt.timeout, status, tt.status)
		}
	}
}
