package e2e_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A spec is one call of a bad day, as the client programs take it.
type spec struct {
	Case    string            `json:"case"`
	Call    string            `json:"call"`
	Model   string            `json:"model"`
	Key     string            `json:"key,omitempty"` // instead of the right one
	Azure   bool              `json:"azure,omitempty"`
	Retries int               `json:"retries,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// caseHeader tells the recorder which case a request belongs to. Weir does not
// pass it on.
const caseHeader = "X-E2e-Case"

// A bad is a bad day and how it must end for the client.
type bad struct {
	spec
	text string // of a call that succeeds in the end; then nothing of the error is checked

	status   int // 0 if the failure came after the status, or without any
	code     string
	typ      string
	says     string            // in the message
	headers  map[string]string // of the last answer; "*" is any whole number
	sent     int               // requests that the client sends
	reached  int               // of them, how many reach the upstream
	took     time.Duration     // at least
	logged   string            // the code of the log lines of the failures
	ownError bool              // Weir made the error: it has Weir's request id in it
}

// wrongKey is the form of a key that nobody has.
const wrongKey = "weir-e2e-made-up-wrong-key-000003"

// openAIBad are the bad days of the clients of OpenAI's dialects. The models
// sim-* are behind kind openai; x-sim-* headers pass to kind simulator alone.
func openAIBad() []bad {
	sim := func(headers ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(headers); i += 2 {
			m["x-sim-"+headers[i]] = headers[i+1]
		}
		return m
	}
	return []bad{
		{
			spec:   spec{Case: "a wrong key", Call: "chat", Model: "m-openai", Key: wrongKey, Retries: 2},
			status: 401, code: "invalid_api_key", typ: "invalid_request_error", sent: 1, ownError: true,
		},
		{
			spec:   spec{Case: "a wrong key, Azure's way", Call: "chat", Model: "m-openai", Key: wrongKey, Azure: true, Retries: 2},
			status: 401, code: "invalid_api_key", typ: "invalid_request_error", sent: 1, ownError: true,
		},
		{
			spec:   spec{Case: "a model that a key may not use", Call: "chat", Model: "m-azure", Key: clientKey + "-narrow", Retries: 2},
			status: 403, code: "model_not_allowed", typ: "invalid_request_error", sent: 1, logged: "model_not_allowed", ownError: true,
		},
		{
			spec:   spec{Case: "a model that nobody knows", Call: "responses stream", Model: "nobody-knows", Retries: 2},
			status: 404, code: "model_not_found", typ: "invalid_request_error", says: "nobody-knows", sent: 1, logged: "model_not_found", ownError: true,
		},
		{
			spec:   spec{Case: "400", Call: "chat", Model: "sim-400", Retries: 2},
			status: 400, typ: "invalid_request_error", says: "asked to answer 400", sent: 1, reached: 1, logged: "upstream_rejected",
		},
		{
			spec:   spec{Case: "429 with Retry-After", Call: "chat stream", Model: "sim-429", Retries: 1},
			status: 429, code: "rate_limit_exceeded", typ: "rate_limit_error", says: "asked to answer 429",
			headers: map[string]string{"retry-after": "1"}, sent: 2, reached: 2, took: time.Second, logged: "upstream_rate_limited",
		},
		{
			spec:   spec{Case: "429 without Retry-After", Call: "responses", Model: "m-simulator", Headers: sim("status", "429")},
			status: 429, code: "rate_limit_exceeded", typ: "rate_limit_error",
			headers: map[string]string{"retry-after": "*"}, sent: 1, reached: 1, logged: "upstream_rate_limited",
		},
		{
			spec:   spec{Case: "429 with retry-after-ms", Call: "chat", Model: "m-simulator", Retries: 1, Headers: sim("status", "429", "header", "retry-after-ms: 30")},
			status: 429, code: "rate_limit_exceeded", typ: "rate_limit_error",
			headers: map[string]string{"retry-after-ms": "30", "retry-after": "*"}, sent: 2, reached: 2, logged: "upstream_rate_limited",
		},
		{
			spec:   spec{Case: "429 of embeddings", Call: "embeddings", Model: "sim-429"},
			status: 429, code: "rate_limit_exceeded", typ: "rate_limit_error",
			headers: map[string]string{"retry-after": "1"}, sent: 1, reached: 1, logged: "upstream_rate_limited",
		},
		{
			spec:   spec{Case: "500", Call: "responses", Model: "sim-500", Retries: 2},
			status: 500, typ: "server_error", says: "asked to answer 500", sent: 3, reached: 3, took: 700 * time.Millisecond, logged: "upstream_failed",
		},
		{
			spec:   spec{Case: "500 that must not be retried", Call: "chat", Model: "m-simulator", Retries: 2, Headers: sim("status", "500", "header", "x-should-retry: false")},
			status: 500, typ: "server_error", headers: map[string]string{"x-should-retry": "false"}, sent: 1, reached: 1, logged: "upstream_failed",
		},
		{
			spec:   spec{Case: "the upstream refuses Weir's key", Call: "chat", Model: "sim-401", Retries: 2},
			status: 502, code: "upstream_authentication_failed", typ: "server_error",
			headers: map[string]string{"x-should-retry": "false"}, sent: 1, reached: 1, logged: "upstream_authentication_failed", ownError: true,
		},
		{
			spec:   spec{Case: "a proxy's HTML page", Call: "chat", Model: "sim-html"},
			status: 502, code: "upstream_invalid_response", typ: "server_error", sent: 1, reached: 1, logged: "upstream_invalid_response", ownError: true,
		},
		{
			// On a connection that has served before it might have been an old one
			// that was dead: Weir tries once more.
			spec:   spec{Case: "a lost connection", Call: "responses", Model: "sim-reset"},
			status: 502, code: "upstream_connection_lost", typ: "server_error", sent: 1, reached: 2, logged: "upstream_connection_lost", ownError: true,
		},
		{
			spec:   spec{Case: "a cut whole answer", Call: "chat", Model: "sim-cut"},
			status: 502, code: "upstream_truncated", typ: "server_error", sent: 1, reached: 1, logged: "upstream_truncated", ownError: true,
		},
		{
			spec: spec{Case: "a whole answer cut after its beginning has passed", Call: "responses", Model: "m-simulator", Headers: sim("huge", "256KiB", "cut", "1")},
			sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a cut chat stream", Call: "chat stream", Model: "sim-cut"},
			code: "upstream_truncated", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a chat stream that ends too early", Call: "chat stream", Model: "sim-end-early"},
			code: "upstream_truncated", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a cut responses stream", Call: "responses stream", Model: "sim-cut"},
			code: "server_error", says: "response.failed", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a responses stream that ends too early", Call: "responses stream", Model: "sim-end-early"},
			code: "server_error", says: "response.failed", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a chat stream without [DONE]", Call: "chat stream", Model: "sim-no-done"},
			text: echo, sent: 1, reached: 1,
		},
		{
			spec: spec{Case: "a stream of single bytes", Call: "chat stream", Model: "sim-one-byte"},
			text: echo, sent: 1, reached: 1,
		},
		{
			spec: spec{Case: "a stream with comments", Call: "responses stream", Model: "sim-comments"},
			text: "response.completed", sent: 1, reached: 1,
		},
		{
			spec: spec{Case: "a stream with CRLF", Call: "responses stream", Model: "sim-crlf"},
			text: "response.completed", sent: 1, reached: 1,
		},
	}
}

// anthropicBad are the bad days of the client of Anthropic's dialect.
func anthropicBad() []bad {
	return []bad{
		{
			spec:   spec{Case: "a wrong key", Call: "messages", Model: "m-anthropic", Key: wrongKey, Retries: 2},
			status: 401, code: "invalid_api_key", typ: "authentication_error", sent: 1, ownError: true,
		},
		{
			spec:   spec{Case: "a model that nobody knows", Call: "count tokens", Model: "nobody-knows", Retries: 2},
			status: 404, code: "model_not_found", typ: "not_found_error", says: "nobody-knows", sent: 1, logged: "model_not_found", ownError: true,
		},
		{
			spec:   spec{Case: "a model that a key may not use", Call: "messages stream", Model: "m-anthropic", Key: clientKey + "-narrow"},
			status: 403, code: "model_not_allowed", typ: "permission_error", sent: 1, logged: "model_not_allowed", ownError: true,
		},
		{
			spec:   spec{Case: "429 with Retry-After", Call: "messages", Model: "sim-429", Retries: 1},
			status: 429, typ: "rate_limit_error", says: "asked to answer 429",
			headers: map[string]string{"retry-after": "1"}, sent: 2, reached: 2, took: time.Second, logged: "upstream_rate_limited",
		},
		{
			spec:   spec{Case: "529", Call: "messages stream", Model: "sim-529", Retries: 1},
			status: 529, typ: "overloaded_error", sent: 2, reached: 2, logged: "upstream_failed",
		},
		{
			spec:   spec{Case: "500", Call: "count tokens", Model: "sim-500", Retries: 2},
			status: 500, typ: "api_error", says: "asked to answer 500", sent: 3, reached: 3, took: 700 * time.Millisecond, logged: "upstream_failed",
		},
		{
			spec:   spec{Case: "the upstream refuses Weir's key", Call: "messages", Model: "sim-401", Retries: 2},
			status: 502, code: "upstream_authentication_failed", typ: "api_error", headers: map[string]string{"x-should-retry": "false"},
			sent: 1, reached: 1, logged: "upstream_authentication_failed", ownError: true,
		},
		{
			spec: spec{Case: "a cut stream", Call: "messages stream", Model: "sim-cut"},
			code: "upstream_truncated", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "a stream that ends too early", Call: "messages stream", Model: "sim-end-early"},
			code: "upstream_truncated", sent: 1, reached: 1, logged: "upstream_truncated",
		},
		{
			spec: spec{Case: "an error in the middle of a stream", Call: "messages stream", Model: "sim-error"},
			sent: 1, reached: 1, logged: "upstream_failed",
		},
	}
}

// runBad lets run make every call of days, and checks what the client, the
// upstream and the log saw of each.
func runBad(t *testing.T, misbehaving string, days []bad, run func(h *house, specs string) []seen) {
	t.Helper()
	h := newHouse(t, misbehaving)
	front := record(t, h.url)
	h.url = front.url
	specs := make([]spec, 0, len(days))
	lines := 0
	for i := range days {
		d := &days[i]
		headers := map[string]string{caseHeader: d.Case}
		maps.Copy(headers, d.Headers)
		d.Headers = headers
		specs = append(specs, d.spec)
		if d.logged != "" || d.text != "" {
			lines += d.sent
		}
	}
	got := run(h, text(specs))
	if len(got) != len(days) {
		t.Fatalf("the client reported %d calls, want %d", len(got), len(days))
	}
	log := h.logged(t, lines)
	if len(log) != lines {
		t.Errorf("Weir logged %d exchanges, want %d", len(log), lines)
	}
	reached := 0
	for i, d := range days {
		t.Run(d.Case, func(t *testing.T) {
			d.checkError(t, got[i])
			log = d.checkSent(t, front, log)
		})
		reached += d.reached
	}
	if n := len(h.upstream.requests()); n != reached {
		t.Errorf("%d requests reached the upstream, want %d", n, reached)
	}
}

// checkError checks what the client's exception told.
func (d bad) checkError(t *testing.T, got seen) {
	t.Helper()
	if d.text != "" {
		if got.Text != d.text || got.Error != nil {
			t.Errorf("the call ended with %q and %+v, want %q", got.Text, got.Error, d.text)
		}
		return
	}
	e := got.Error
	if e == nil {
		t.Fatalf("the call ended with %q, want an error", got.Text)
	}
	if d.status != 0 && (e.Status != d.status || e.Code != d.code || e.Type != d.typ) {
		t.Errorf("the client sees status %d, code %q, type %q; want %d, %q, %q", e.Status, e.Code, e.Type, d.status, d.code, d.typ)
	}
	if d.status == 0 && e.Code != d.code && !strings.Contains(e.Message, d.code) {
		t.Errorf("the client sees code %q, message %q; want %q in one of them", e.Code, e.Message, d.code)
	}
	if !strings.Contains(e.Message, d.says) {
		t.Errorf("the client's message is %q, want %q in it", e.Message, d.says)
	}
	if strings.Contains(e.Message, "127.0.0.1") || strings.Contains(e.Message, upstreamKey) {
		t.Errorf("the client's message tells of the upstream: %q", e.Message)
	}
	if d.status != 0 && !requestID.MatchString(e.RequestID) {
		t.Errorf("the client sees request id %q, want %v", e.RequestID, requestID)
	}
	for name, want := range d.headers {
		if n, err := strconv.Atoi(e.Headers[name]); e.Headers[name] != want && (want != "*" || err != nil || n < 1) {
			t.Errorf("the client sees %s %q, want %q", name, e.Headers[name], want)
		}
	}
	if took := time.Duration(got.Seconds * float64(time.Second)); took < d.took {
		t.Errorf("the call took %v, want at least %v", took, d.took)
	}
}

// checkSent checks the requests of this case, and takes its lines off the log.
func (d bad) checkSent(t *testing.T, front *recorder, log []logged) []logged {
	t.Helper()
	sent := 0
	for _, r := range front.requests() {
		if r.Header.Get(caseHeader) == d.Case {
			sent++
			d.checkBody(t, r)
		}
	}
	if sent != d.sent {
		t.Errorf("the client sent %d requests, want %d", sent, d.sent)
	}
	if d.logged == "" && d.text == "" {
		return log // not authenticated: there is no exchange
	}
	for range min(d.sent, len(log)) {
		if log[0].Code != d.logged || log[0].Model != d.Model {
			t.Errorf("Weir logged code %q for model %q, want %q for %q", log[0].Code, log[0].Model, d.logged, d.Model)
		}
		log = log[1:]
	}
	return log
}

// checkBody checks that an error of Weir's own says what clients and operators
// need beside the dialect's own members.
func (d bad) checkBody(t *testing.T, r request) {
	t.Helper()
	if r.Status == http.StatusTooManyRequests && r.Answer.Get("Retry-After") == "" {
		t.Error("an answer is a 429 without Retry-After")
	}
	if !d.ownError {
		return
	}
	var body struct {
		RequestID string `json:"request_id"` // Anthropic's place for it
		Error     struct {
			RequestID string `json:"request_id"`
			Retryable *bool  `json:"retryable"`
		} `json:"error"`
	}
	if err := json.Unmarshal(r.Reply, &body); err != nil {
		t.Errorf("the error's body is %q: %v", r.Reply, err)
	}
	if id := r.Answer.Get("X-Request-Id"); id == "" || or(body.Error.RequestID, body.RequestID) != id || body.Error.Retryable == nil {
		t.Errorf("the error's body is %q, want request_id %q and retryable in it", r.Reply, id)
	}
}
