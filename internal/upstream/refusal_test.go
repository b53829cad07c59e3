package upstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/upstream"
)

// refuse lets an upstream answer with status, header and body, and returns
// what that means.
func refuse(t testing.TB, s upstream.Settings, op llm.Operation, status int, header map[string]string, body string) *llm.Error {
	t.Helper()
	s.Endpoint = serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	u := open(t, s)
	c := call()
	c.Op = op
	a, got := do(t, u, c)
	if a.Status != status || got != body {
		t.Fatalf("answer = %d %q, want %d %q", a.Status, got, status, body)
	}
	return u.Refusal(a, []byte(got))
}

// Error bodies, as their senders write them.
const (
	openAIRate        = `{"error":{"message":"Rate limit reached for gpt-5. Please try again in 6.5s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`
	openAIQuota       = `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`
	openAIUnknown     = `{"error":{"message":"The model 'gpt-9' does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`
	openAIBad         = "{\n  \"error\": {\n    \"message\": \"Invalid type for 'input'.\",\n    \"type\": \"invalid_request_error\",\n    \"param\": \"input\",\n    \"code\": \"invalid_type\"\n  }\n}\n"
	openAIItem        = `{"error":{"message":"Item with id 'rs_1' not found.","type":"invalid_request_error","param":"input","code":null}}`
	openAIItemNoParam = `{"error":{"message":"Item with id 'rs_1' not found.","type":"invalid_request_error","param":null,"code":null}}`
	openAIPrevious    = `{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`
	openAIKey         = `{"error":{"message":"Incorrect API key provided: sk-proj-****abcd. Find yours at the dashboard.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`
	azureFilter       = `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}`
	azureFilterInner  = `{"error":{"message":"filtered","code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`
	azureRate         = `{"error":{"code":"429","message":"Requests to this API have exceeded the token rate limit. Please retry after 7 seconds."}}`
	azureDeployment   = `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`
	azurePath         = `{"error":{"code":"404","message": "Resource not found"}}`
	apimKey           = `{ "statusCode": 401, "message": "Access denied due to invalid subscription key." }`
	apimRate          = `{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 12 seconds." }`
	foundry           = `{"error":{"code":"BadRequest","message":"no such field","details":"x"}}`
	ollamaNative      = `{"error":"model requires more system memory"}`
	ollamaUnknown     = `{"error":{"message":"model 'llama9' not found","type":"not_found_error","param":null,"code":null}}`
	anthropicBad      = `{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"},"request_id":"req_1"}`
	anthropicBusy     = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
	anthropicUnknown  = `{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}`
	anthropicCredit   = `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`
	geminiArray       = `[{"error":{"code":400,"message":"Invalid JSON payload","status":"INVALID_ARGUMENT"}}]`
	geminiObject      = `{"error":{"code":400,"message":"Invalid JSON payload","status":"INVALID_ARGUMENT"}}`
	vllm              = `{"error":{"message":"too long","type":"BadRequestError","param":null,"code":400}}`
	vllmOld           = `{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":40303}`
	fastAPI           = `{"detail":"Not Found"}`
	fastAPIFields     = `{"detail":[{"loc":["body","n"],"msg":"field required","type":"missing"}]}`
	html              = "<html><head><title>502 Bad Gateway</title></head></html>\n"
)

func TestRefusal(t *testing.T) {
	own := upstream.Settings{Auth: upstream.Auth{Mode: upstream.AuthBearer, Secret: "sesame-0123456789"}}
	pass := upstream.Settings{Auth: upstream.Auth{Mode: upstream.AuthPassthrough}}
	const chat, messages = llm.OpChat, llm.OpMessages

	for _, tt := range []struct {
		name     string
		settings upstream.Settings
		op       llm.Operation
		status   int
		body     string
		want     llm.Code
		passes   bool   // the body reaches the client as it is
		public   string // the client's message where it does not; "" is the code's own
	}{
		{"openai rate limit", own, chat, 429, openAIRate, llm.CodeUpstreamLimited, true, ""},
		{"openai no quota", own, chat, 429, openAIQuota, llm.CodeUpstreamQuota, true, ""},
		{"openai bad request", own, llm.OpResponses, 400, openAIBad, llm.CodeUpstreamRejected, true, ""},
		{"openai conflict", own, chat, 409, openAIBad, llm.CodeUpstreamRejected, true, ""},
		{"openai too large", own, chat, 413, openAIBad, llm.CodeUpstreamRejected, true, ""},
		{"openai unprocessable", own, chat, 422, openAIBad, llm.CodeUpstreamRejected, true, ""},
		{"openai timeout of its own", own, chat, 408, openAIBad, llm.CodeUpstreamRejected, true, ""},
		{"openai overloaded", own, chat, 503, openAIRate, llm.CodeUpstreamFailed, true, ""},
		{"openai 500", own, chat, 500, openAIBad, llm.CodeUpstreamFailed, true, ""},
		{"openai key", own, chat, 401, openAIKey, llm.CodeUpstreamAuth, false, ""},
		{"openai region", own, chat, 403, openAIBad, llm.CodeUpstreamAuth, false, ""},
		{"openai model not for this account", own, chat, 403, openAIUnknown, llm.CodeModelUnavailable, false, ""},
		{"openai unknown model", own, chat, 404, openAIUnknown, llm.CodeModelUnavailable, false, ""},
		{"openai unknown item", own, llm.OpResponses, 404, openAIItem, llm.CodeUpstreamRejected, true, ""},
		{"openai unknown item, no param", own, llm.OpResponses, 404, openAIItemNoParam, llm.CodeUpstreamRejected, true, ""},
		{"openai unknown response", own, llm.OpResponses, 404, openAIPrevious, llm.CodeUpstreamRejected, true, ""},
		{"openai unknown response, 400", own, llm.OpResponses, 400, openAIPrevious, llm.CodeUpstreamRejected, true, ""},
		{"payment required", own, chat, 402, openAIBad, llm.CodeUpstreamQuota, true, ""},

		{"azure filter", own, chat, 400, azureFilter, llm.CodeFiltered, true, ""},
		{"azure filter, inner code alone", own, chat, 400, azureFilterInner, llm.CodeFiltered, true, ""},
		{"azure filter behind a proxy that says 500", own, chat, 500, azureFilter, llm.CodeFiltered, true, ""},
		{"azure rate limit", own, chat, 429, azureRate, llm.CodeUpstreamLimited, true, ""},
		{"azure no deployment", own, chat, 404, azureDeployment, llm.CodeModelUnavailable, false, ""},
		{"azure path or version", own, chat, 404, azurePath, llm.CodeModelUnavailable, false, ""},
		{"azure API management key", own, chat, 401, apimKey, llm.CodeUpstreamAuth, false, ""},
		{"azure API management rate", own, chat, 429, apimRate, llm.CodeUpstreamLimited, false, "Rate limit is exceeded. Try again in 12 seconds."},
		{"foundry", own, chat, 400, foundry, llm.CodeUpstreamRejected, true, ""},

		{"ollama native", own, chat, 500, ollamaNative, llm.CodeUpstreamFailed, false, "model requires more system memory"},
		{"ollama unknown model", own, chat, 404, ollamaUnknown, llm.CodeModelUnavailable, false, ""},
		{"gemini list", own, chat, 400, geminiArray, llm.CodeUpstreamRejected, false, "Invalid JSON payload"},
		{"gemini object", own, chat, 400, geminiObject, llm.CodeUpstreamRejected, true, ""},
		{"vllm", own, chat, 400, vllm, llm.CodeUpstreamRejected, true, ""},
		{"vllm, older", own, chat, 400, vllmOld, llm.CodeUpstreamRejected, false, "too long"},
		{"fastapi path", own, chat, 404, fastAPI, llm.CodeModelUnavailable, false, ""},
		{"fastapi fields", own, chat, 422, fastAPIFields, llm.CodeUpstreamRejected, false, `[{"loc":["body","n"],"msg":"field required","type":"missing"}]`},

		{"anthropic bad request", own, messages, 400, anthropicBad, llm.CodeUpstreamRejected, true, ""},
		{"anthropic overloaded", own, messages, 529, anthropicBusy, llm.CodeUpstreamFailed, true, ""},
		{"anthropic unknown model", own, messages, 404, anthropicUnknown, llm.CodeModelUnavailable, false, ""},
		{"anthropic no credit", own, messages, 400, anthropicCredit, llm.CodeUpstreamQuota, true, ""},
		{"anthropic's shape to an openai client", own, chat, 400, anthropicBad, llm.CodeUpstreamRejected, false, "max_tokens: Field required"},
		{"openai's shape to an anthropic client", own, messages, 400, openAIBad, llm.CodeUpstreamRejected, false, "Invalid type for 'input'."},

		{"html", own, chat, 502, html, llm.CodeUpstreamFailed, false, ""},
		{"html, 404", own, chat, 404, html, llm.CodeModelUnavailable, false, ""},
		{"html, 413", own, chat, 413, html, llm.CodeUpstreamRejected, false, ""},
		{"empty", own, chat, 500, "", llm.CodeUpstreamFailed, false, ""},
		{"null", own, chat, 500, "null", llm.CodeUpstreamFailed, false, ""},
		{"a number", own, chat, 500, "1", llm.CodeUpstreamFailed, false, ""},
		{"empty list", own, chat, 500, "[]", llm.CodeUpstreamFailed, false, ""},
		{"empty object", own, chat, 500, "{}", llm.CodeUpstreamFailed, false, ""},
		{"error null", own, chat, 400, `{"error":null}`, llm.CodeUpstreamRejected, false, ""},
		{"error without message", own, chat, 400, `{"error":{"code":1}}`, llm.CodeUpstreamRejected, false, ""},
		{"two values", own, chat, 400, foundry + foundry, llm.CodeUpstreamRejected, false, ""},
		{"cut", own, chat, 400, foundry[:20], llm.CodeUpstreamRejected, false, ""},
		{"deep", own, chat, 400, strings.Repeat("[", 100000), llm.CodeUpstreamRejected, false, ""},

		{"passthrough 401", pass, chat, 401, openAIKey, llm.CodeUpstreamRejected, true, ""},
		{"passthrough 403", pass, messages, 403, anthropicBad, llm.CodeUpstreamRejected, true, ""},
		{"passthrough 404", pass, chat, 404, openAIUnknown, llm.CodeUpstreamRejected, true, ""},
		{"passthrough 404, html", pass, chat, 404, html, llm.CodeUpstreamRejected, false, ""},
		{"passthrough 429", pass, chat, 429, openAIRate, llm.CodeUpstreamLimited, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := refuse(t, tt.settings, tt.op, tt.status, nil, tt.body)
			wantError(t, e, tt.want)
			if e.Answer == nil || e.Answer.Status != tt.status {
				t.Fatalf("Answer = %+v, want status %d", e.Answer, tt.status)
			}
			if got := string(e.Answer.Body); tt.passes && got != tt.body || !tt.passes && got != "" {
				t.Errorf("Answer.Body = %q, want it to pass: %t", got, tt.passes)
			}
			if got := e.Answer.Header.Get("Content-Type"); (got == "application/json") != tt.passes {
				t.Errorf("Content-Type = %q, want JSON: %t", got, tt.passes)
			}
			if e.Public != tt.public {
				t.Errorf("Public = %q, want %q", e.Public, tt.public)
			}
			if log := e.Err.Error(); !strings.Contains(log, strconv.Itoa(tt.status)) || len(log) > 1500 || len(log) < min(len(tt.body)/4, 40) {
				t.Errorf("Err = %.200q (%d bytes), want status and what the upstream said", log, len(log))
			}
		})
	}
}

func TestWaitIsExact(t *testing.T) {
	type header = map[string]string
	for _, tt := range []struct {
		name   string
		header header
		body   string
		want   time.Duration
	}{
		{"milliseconds", header{"Retry-After-Ms": "120"}, html, 120 * time.Millisecond},
		{"milliseconds of the same wait", header{"Retry-After-Ms": "812", "Retry-After": "1"}, html, 812 * time.Millisecond},
		{"milliseconds of another wait", header{"Retry-After-Ms": "900", "Retry-After": "3"}, html, 3 * time.Second},
		{"text", nil, `{"error":{"message":"Please try again in 120ms."}}`, 120 * time.Millisecond},
		{"reset", header{"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "120ms"}, html, 120 * time.Millisecond},
		{"nothing", nil, html, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if e := refuse(t, upstream.Settings{}, llm.OpChat, 429, tt.header, tt.body); e.Answer.Wait != tt.want {
				t.Errorf("Wait = %v, want %v", e.Answer.Wait, tt.want)
			}
		})
	}
}

func TestRefusalHasTheUpstreamsOwnCode(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"code":"slow_down","type":"requests","message":"m"}}`: "slow_down",
		`{"error":{"type":"overloaded_error","message":"m"}}`:            "overloaded_error",
		html: "",
	} {
		if e := refuse(t, upstream.Settings{}, llm.OpChat, 503, nil, body); e.Answer.Code != want {
			t.Errorf("Code = %q for %s, want %q", e.Answer.Code, body, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	inSeconds := func(n int) string {
		return time.Now().Add(time.Duration(n) * time.Second).UTC().Format(http.TimeFormat)
	}
	type header = map[string]string
	for _, tt := range []struct {
		name   string
		status int
		header header
		body   string
		want   time.Duration
		sent   string // Retry-After for the client
	}{
		{"seconds", 429, header{"Retry-After": "7"}, openAIRate, 7 * time.Second, "7"},
		{"fraction of a second", 429, header{"Retry-After": "1.2"}, openAIRate, 2 * time.Second, "2"},
		{"zero", 429, header{"Retry-After": "0"}, openAIRate, time.Second, "1"},
		{"negative", 429, header{"Retry-After": "-5"}, openAIRate, time.Second, "1"},
		{"date that has passed", 429, header{"Retry-After": "Mon, 02 Jan 2006 15:04:05 GMT"}, openAIRate, time.Second, "1"},
		{"nonsense", 429, header{"Retry-After": "soon"}, openAIQuota, time.Second, "1"},
		{"not a number", 429, header{"Retry-After": "NaN"}, openAIQuota, time.Second, "1"},
		{"for ever", 429, header{"Retry-After": "1e300"}, openAIQuota, 24 * time.Hour, "86400"},
		{"milliseconds", 429, header{"Retry-After-Ms": "1200"}, openAIRate, 2 * time.Second, "2"},
		{"both", 429, header{"Retry-After-Ms": "900", "Retry-After": "3"}, openAIRate, 3 * time.Second, "3"},
		{"openai's text", 429, nil, openAIRate, 7 * time.Second, "7"},
		{"azure's text", 429, nil, azureRate, 7 * time.Second, "7"},
		{"text in milliseconds", 429, nil, `{"error":{"message":"Please try again in 120ms."}}`, time.Second, "1"},
		{"text in minutes", 429, nil, `{"error":{"message":"retry after 2 minutes"}}`, 2 * time.Minute, "120"},
		{"reset of what is used up", 429, header{"X-Ratelimit-Remaining-Requests": "9", "X-Ratelimit-Reset-Requests": "2h0m0s", "X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "6m0s"}, openAIQuota, 6 * time.Minute, "360"},
		{"reset of something", 429, header{"X-Ratelimit-Reset-Requests": "120ms", "X-Ratelimit-Reset-Tokens": "5.5s"}, openAIQuota, 6 * time.Second, "6"},
		{"reset of something, far away", 429, header{"X-Ratelimit-Reset-Requests": "2h0m0s"}, openAIQuota, time.Minute, "60"},
		{"reset in seconds", 429, header{"X-Ratelimit-Reset-Requests": "10"}, openAIQuota, 10 * time.Second, "10"},
		{"reset as a time of day", 429, header{"X-Ratelimit-Reset-Requests": "1764000000000"}, openAIQuota, time.Second, "1"},
		{"nothing", 429, nil, html, time.Second, "1"},
		{"overloaded", 503, header{"Retry-After": "3"}, openAIRate, 3 * time.Second, "3"},
		{"overloaded, nothing said", 503, nil, html, 0, ""},
		{"overloaded, and the state of a limit", 503, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "6m0s"}, html, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := refuse(t, upstream.Settings{}, llm.OpChat, tt.status, tt.header, tt.body)
			if got := e.Answer.Header.Get("Retry-After"); e.RetryAfter != tt.want || got != tt.sent {
				t.Errorf("RetryAfter = %v, header %q, want %v, %q", e.RetryAfter, got, tt.want, tt.sent)
			}
		})
	}
	t.Run("date", func(t *testing.T) {
		e := refuse(t, upstream.Settings{}, llm.OpChat, 429, header{"Retry-After": inSeconds(100)}, openAIRate)
		if e.RetryAfter < 90*time.Second || e.RetryAfter > 100*time.Second {
			t.Errorf("RetryAfter = %v, want about 100s", e.RetryAfter)
		}
		if want := strconv.Itoa(int(e.RetryAfter.Seconds())); e.Answer.Header.Get("Retry-After") != want {
			t.Errorf("Retry-After = %q, want %q", e.Answer.Header.Get("Retry-After"), want)
		}
	})
}

func TestRefusalIsScrubbed(t *testing.T) {
	const secret = `sesame/"0123456789`
	s := upstream.Settings{
		Name: "test", Kind: upstream.Azure, Endpoint: "https://my-resource.openai.azure.com",
		Auth:    upstream.Auth{Mode: upstream.AuthAPIKey, Secret: secret},
		Headers: map[string]string{"Ocp-Apim-Subscription-Key": "subscription-key"},
	}
	u := open(t, s)
	message := "keys " + secret + " and subscription-key and sk-proj-****abcd and sk-…wxyz. At https://MY-resource.openai.azure.com/x, for task-force sk-1."
	quoted, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	leaks := []string{secret, "0123456789", "subscription-key", "abcd", "wxyz", "resource.openai"}
	for _, body := range []string{
		`{"error":{"message":` + string(quoted) + `}}`,
		`{"error":{"message":"sk-\u2026wxyz"}}`,
		`{"message":` + string(quoted) + `}`,
		message,
		strings.Repeat("x", 500) + message,
	} {
		e := u.Refusal(&upstream.Answer{Status: 400}, []byte(body))
		shown := e.Public + string(e.Answer.Body) + e.Error()
		for _, leak := range leaks {
			if strings.Contains(shown, leak) {
				t.Errorf("Refusal(%q) shows %q: %q", body, leak, shown)
			}
		}
		if e.Answer.Body != nil && !json.Valid(e.Answer.Body) {
			t.Errorf("Answer.Body = %q, which is not JSON any more", e.Answer.Body)
		}
		if strings.Contains(body, "task-force") && e.Answer.Body != nil && !strings.Contains(string(e.Answer.Body), "for task-force sk-1.") {
			t.Errorf("Answer.Body = %q, want the innocent words left", e.Answer.Body)
		}
	}
}

// TestSamplesAreScrubbed: what an upstream echoes of a request is logged
// without the credential, be it the client's own.
func TestSamplesAreScrubbed(t *testing.T) {
	const configured, own = "sesame-0123456789", "clients-own-0123456789"
	for status, contentType := range map[int]string{200: "text/html", 307: "text/plain", 400: "application/json", 500: "text/html"} {
		endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Location", "http://x/?key="+r.Header.Get("Authorization"))
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"message":"%s is wrong"}}`, r.Header.Get("Authorization"))
		})
		for _, auth := range []upstream.Auth{{Mode: upstream.AuthBearer, Secret: configured}, {Mode: upstream.AuthPassthrough}} {
			u := open(t, upstream.Settings{Endpoint: endpoint, Auth: auth})
			c := call()
			c.Credential = upstream.Credential{Header: "Authorization", Value: own}
			a, err := u.Do(patient(t), c)
			switch {
			case err != nil:
			case a.Status == http.StatusOK:
				err = u.Unreadable(a)
				a.Body.Close()
			default:
				b, _ := io.ReadAll(a.Body) // what could be read is enough
				err = u.Refusal(a, b)
				a.Body.Close()
			}
			shown := fmt.Sprintf("%v %+v", err, a)
			if strings.Contains(shown, configured) || strings.Contains(shown, own) || !strings.Contains(shown, "[redacted]") {
				t.Errorf("status %d, auth %v: the error shows the credential, or nothing: %s", status, auth, shown)
			}
		}
	}
}

// TestUnreadable: a client that leaves while the page comes has left.
func TestUnreadable(t *testing.T) {
	endpoint := raw(t, func(_ int, c *conn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
		c.wait()
	})
	u := open(t, upstream.Settings{Endpoint: endpoint})
	ctx, leave := context.WithCancel(t.Context())
	a, err := u.Do(ctx, call())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	leave()
	wantError(t, u.Unreadable(a), llm.CodeClientClosed)
}

func TestRefusalMessageIsBounded(t *testing.T) {
	message, err := json.Marshal("a\r\n\x1b[31mb\u00a0" + strings.Repeat("é", 1000))
	if err != nil {
		t.Fatal(err)
	}
	e := refuse(t, upstream.Settings{}, llm.OpChat, 400, nil, `{"message":`+string(message)+`}`)
	if len(e.Public) > 512 || !strings.HasPrefix(e.Public, "a [31mb éé") || strings.ContainsFunc(e.Public, func(r rune) bool { return r < ' ' || r == '\uFFFD' }) {
		t.Errorf("Public = %q (%d bytes), want one line of at most 512", e.Public, len(e.Public))
	}
}

func TestRefusalLeavesTheAnswerAlone(t *testing.T) {
	u := open(t, upstream.Settings{Endpoint: "http://127.0.0.1:1"})
	a := &upstream.Answer{Status: 429, Header: http.Header{"Content-Type": {"text/html"}}}
	body := []byte(`{"error":{"message":"sk-proj-****abcd"}}`)
	e := u.Refusal(a, body)
	e.Answer.Header.Set("X-A", "b")
	if len(a.Header) != 1 || a.Header.Get("Content-Type") != "text/html" || !strings.Contains(string(body), "abcd") {
		t.Errorf("after Refusal: header %v, body %q, want both unchanged", a.Header, body)
	}
}

// FuzzRefusal feeds bodies and headers that no provider sends.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{openAIRate, openAIQuota, openAIItem, azureFilter, azureFilterInner, apimRate, ollamaNative, anthropicBusy, geminiArray, vllmOld, fastAPIFields, html, "", "[[]]", `{"error":{"message":1,"code":{}}}`} {
		f.Add(429, body, "1.5", "6m0s")
		f.Add(404, body, "Mon, 02 Jan 2006 15:04:05 GMT", "-1")
	}
	const secret = "sesame-0123456789"
	u, err := upstream.New(upstream.Settings{
		Name: "test", Kind: upstream.Compatible, Endpoint: "https://models.example",
		Auth: upstream.Auth{Mode: upstream.AuthBearer, Secret: secret},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body, retry, reset string) {
		if status < 400 || status > 999 {
			t.Skip()
		}
		a := &upstream.Answer{Status: status, Header: http.Header{"Retry-After": {retry}, "X-Ratelimit-Reset-Tokens": {reset}}}
		e := u.Refusal(a, []byte(body+secret))
		row := e.Code.Row()
		if row.Kind == llm.Internal || e.Answer == nil || e.Answer.Status != status {
			t.Fatalf("Refusal = %+v, want a code of the table and the status", e)
		}
		if strings.Contains(e.Error()+string(e.Answer.Body), secret) {
			t.Errorf("Refusal shows the secret: %v", e)
		}
		if e.Answer.Body != nil && (!row.PassAnswer || !json.Valid(e.Answer.Body)) {
			t.Errorf("Answer.Body = %q with code %s, want none, or JSON", e.Answer.Body, e.Code)
		}
		if e.RetryAfter%time.Second != 0 || e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour || row.Status == 429 && e.RetryAfter == 0 {
			t.Errorf("RetryAfter = %v, want whole seconds within a day, and one at least for a 429", e.RetryAfter)
		}
	})
}

func TestTold(t *testing.T) {
	u := open(t, upstream.Settings{Endpoint: "http://127.0.0.1:1"})
	for _, tt := range []struct {
		code, message string
		want          llm.Code
		after         time.Duration
	}{
		{"server_error", "m", llm.CodeUpstreamFailed, 0},
		{"", "", llm.CodeUpstreamFailed, 0},
		{"rate_limit_exceeded", "Please try again in 2.5s.", llm.CodeUpstreamLimited, 3 * time.Second},
		{"overloaded_error", "Overloaded", llm.CodeUpstreamFailed, 0}, // as with status 529
		{"slow_down", "m", llm.CodeUpstreamLimited, time.Second},
		{"insufficient_quota", "m", llm.CodeUpstreamQuota, 0},
		{"content_filter", "m", llm.CodeFiltered, 0},
		{"context_length_exceeded", "m", llm.CodeUpstreamRejected, 0},
	} {
		if e := u.Told(&upstream.Answer{Status: 200}, tt.code, tt.message); e.Code != tt.want || e.RetryAfter != tt.after {
			t.Errorf("Told(%q) = %s after %v, want %s after %v", tt.code, e.Code, e.RetryAfter, tt.want, tt.after)
		}
	}
}
