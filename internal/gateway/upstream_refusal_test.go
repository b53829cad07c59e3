package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// providers is a gateway with one upstream of each kind, all of which are the
// same provider; a model's name begins with its kind.
const providers = `
upstreams:
  - { name: openai, kind: openai, endpoint: "${UP}", auth: { api_key: "` + upstreamSecret + `" } }
  - { name: azure-v1, kind: azure, endpoint: "${UP}", auth: { api_key: "` + upstreamSecret + `" } }
  - { name: azure-classic, kind: azure, endpoint: "${UP}", api: classic, auth: { bearer: "` + upstreamSecret + `" } }
  - { name: anthropic, kind: anthropic, endpoint: "${UP}", auth: { api_key: "` + upstreamSecret + `" } }
  - { name: ollama, kind: ollama, endpoint: "${UP}" }
  - { name: compatible, kind: compatible, endpoint: "${UP}", headers: { x-subscription: "subscription-0123456789" } }
  - { name: own, kind: compatible, endpoint: "${UP}", auth: passthrough }
models:
  - { name: "openai*", targets: [{ upstream: openai }] }
  - { name: "azure-v1*", targets: [{ upstream: azure-v1 }] }
  - { name: "azure-classic*", targets: [{ upstream: azure-classic }] }
  - { name: "anthropic*", targets: [{ upstream: anthropic }] }
  - { name: "ollama*", targets: [{ upstream: ollama }] }
  - { name: "compatible*", targets: [{ upstream: compatible, dialects: [chat, responses, messages, completions] }] }
  - { name: "own*", targets: [{ upstream: own, dialects: [chat, responses, messages, completions] }] }
`

// speaks lists the kinds whose upstreams have a dialect.
var speaks = map[string][]string{ // immutable
	"chat":        {"openai", "azure-v1", "azure-classic", "ollama", "compatible"},
	"completions": {"openai", "azure-v1", "azure-classic", "ollama", "compatible"},
	"responses":   {"openai", "azure-v1", "azure-classic", "ollama", "compatible"},
	"messages":    {"anthropic", "ollama", "compatible"},
}

// A refusal is an error that an upstream answers, and what becomes of it.
type refusal struct {
	name   string
	status int
	header string // lines
	body   string // %s is the shape of the dialect, with what stands behind it
	code   llm.Code
	want   int  // the client's status
	passes bool // byte for byte
	retry  string
}

// inShape returns an error as the dialect's own servers say it, with white
// space that no encoder would write.
func inShape(dialect, typ, code, message string) string {
	if dialect == "messages" {
		return `{ "type":"error" ,"error":{"type":"` + typ + `","message":"` + message + `","code":"` + code + `"},"request_id":"req_1"}` + "\n"
	}
	return `{ "error":{"message":"` + message + `" , "type":"` + typ + `","param":null,"code":"` + code + `"},"more":1.0e2}` + "\n"
}

func refusals(dialect string) []refusal {
	plain := func(code string) string { return inShape(dialect, "some_error", code, "no") }
	other := "messages"
	if dialect == other {
		other = "chat"
	}
	const limited, failed, rejected = llm.CodeUpstreamLimited, llm.CodeUpstreamFailed, llm.CodeUpstreamRejected
	return []refusal{
		{"400", 400, "", plain("x"), rejected, 400, true, ""},
		{"402", 402, "", plain("x"), llm.CodeUpstreamQuota, 402, true, ""},
		{"408", 408, "", plain("x"), rejected, 408, true, ""},
		{"409", 409, "", plain("x"), rejected, 409, true, ""},
		{"413", 413, "", plain("x"), rejected, 413, true, ""},
		{"422", 422, "", plain("x"), rejected, 422, true, ""},
		{"418", 418, "", plain("x"), rejected, 418, true, ""},
		{"429", 429, "", plain("x"), limited, 429, true, "1"},
		{"500", 500, "", plain("x"), failed, 500, true, ""},
		{"502", 502, "", plain("x"), failed, 502, true, ""},
		{"503", 503, "Retry-After: 7\r\n", plain("x"), failed, 503, true, "7"},
		{"504", 504, "", plain("x"), failed, 504, true, ""},
		{"529", 529, "", plain("x"), failed, 529, true, ""},
		{"599", 599, "", plain("x"), failed, 599, true, ""},

		{"401", 401, "Www-Authenticate: Bearer realm=up.internal\r\n", plain("x"), llm.CodeUpstreamAuth, 502, false, ""},
		{"403", 403, "", plain("x"), llm.CodeUpstreamAuth, 502, false, ""},
		{"404", 404, "", plain("x"), llm.CodeModelUnavailable, 502, false, ""},
		{"404, an unknown model", 404, "", plain("model_not_found"), llm.CodeModelUnavailable, 502, false, ""},
		{"404, a deployment that is not there", 404, "", `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, llm.CodeModelUnavailable, 502, false, ""},
		{"404 of Azure, without anything", 404, "", `{"error":{"code":"404","message": "Resource not found"}}`, llm.CodeModelUnavailable, 502, false, ""},

		{"quota", 429, "", plain("insufficient_quota"), llm.CodeUpstreamQuota, 429, true, "1"},
		{"a filter", 400, "", plain("content_filter"), llm.CodeFiltered, 400, true, ""},

		{"in seconds", 429, "Retry-After: 12\r\n", plain("x"), limited, 429, true, "12"},
		{"in parts of seconds", 429, "Retry-After: 2.2\r\n", plain("x"), limited, 429, true, "3"},
		{"in milliseconds", 429, "Retry-After-Ms: 4100\r\n", plain("x"), limited, 429, true, "5"},
		{"in milliseconds, on a failure", 503, "Retry-After-Ms: 100\r\n", plain("x"), failed, 503, true, "1"},
		{"at a time that has passed", 429, "Retry-After: Mon, 02 Jan 2006 15:04:05 GMT\r\n", plain("x"), limited, 429, true, "1"},
		{"nonsense", 429, "Retry-After: soon\r\n", plain("x"), limited, 429, true, "1"},
		{"zero", 429, "Retry-After: 0\r\n", plain("x"), limited, 429, true, "1"},
		{"negative", 429, "Retry-After: -5\r\n", plain("x"), limited, 429, true, "1"},
		{"in the message", 429, "", inShape(dialect, "e", "429", "Please retry after 21 seconds."), limited, 429, true, "21"},
		{"by the reset of a limit", 429, "X-Ratelimit-Remaining-Tokens: 0\r\nX-Ratelimit-Reset-Tokens: 1m3s\r\n", plain("x"), limited, 429, true, "63"},

		{"another dialect's shape", 400, "", inShape(other, "e", "x", "no"), rejected, 400, false, ""},
		{"a gateway's shape", 429, "", `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 9 seconds."}`, limited, 429, false, "9"},
		{"Ollama's shape", 500, "", `{"error":"the model runner has stopped"}`, failed, 500, false, ""},
		{"FastAPI's shape", 422, "", `{"detail":[{"loc":["body","model"],"msg":"field required"}]}`, rejected, 422, false, ""},
		{"a list", 400, "", `[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]`, rejected, 400, false, ""},
		{"an error that is null", 500, "", `{"error":null}`, failed, 500, false, ""},
		{"no JSON", 500, "", `Internal Server Error`, failed, 500, false, ""},
		{"half of it", 500, "", strings.TrimSpace(plain("x"))[:30], failed, 500, false, ""},
		{"nothing", 503, "", ``, failed, 503, false, ""},
		{"2 MiB", 500, "", inShape(dialect, "e", "x", strings.Repeat("x", 2<<20)), failed, 500, false, ""},
		{"100 KiB", 400, "", inShape(dialect, "e", "x", strings.Repeat("x", 100<<10)), rejected, 400, true, ""},
	}
}

// TestRefusalsOfEveryKind: what an upstream refuses reaches the client as it
// was said if the client can read it, and otherwise in the client's own
// dialect, with a status that tells who is to blame.
func TestRefusalsOfEveryKind(t *testing.T) {
	all := map[string][]refusal{}
	for _, c := range dialectCases {
		all[c.name] = refusals(c.name)
	}
	up := newProvider(t, func(c *upcall) {
		_, index, _ := strings.Cut(c.model, ":")
		dialect := ""
		for _, d := range dialectCases {
			if strings.HasSuffix(c.path, strings.TrimPrefix(d.path, "/v1")) {
				dialect = d.name
				if d.name == "chat" {
					break // its path ends as that of completions does
				}
			}
		}
		i, err := strconv.Atoi(index)
		if err != nil {
			t.Errorf("model %q at %s", c.model, c.path)
			return
		}
		r := all[dialect][i]
		c.keep = true
		c.send(fmt.Sprintf("HTTP/1.1 %d No\r\nContent-Type: application/json; charset=utf-8\r\nApim-Request-Id: a-1\r\nX-Ms-Region: here\r\nSet-Cookie: a=b\r\n", r.status), r.header, length(len(r.body)), "\r\n", r.body)
	})
	g := gatetest.Start(t, providers, "UP", up.URL)
	for _, c := range dialectCases {
		for i, refusal := range all[c.name] {
			for k, kind := range speaks[c.name] {
				if (i+k)%2 == 1 {
					continue // half of the pairs are enough
				}
				stream := (i+k)%4 == 0
				t.Run(fmt.Sprintf("%s/%s/%s stream=%v", c.name, refusal.name, kind, stream), func(t *testing.T) {
					r := converse(t, g, c.path, c.ask(kind+":"+strconv.Itoa(i), stream))
					wantRefusal(t, c, r, refusal)
				})
			}
		}
	}
	wantNothingLogged(t, g)
	up.idle(t)
}

func wantRefusal(t *testing.T, c dialectCase, r heard, refusal refusal) {
	t.Helper()
	if refusal.passes {
		wantNoLeak(t, r)
		if r.status != refusal.want || r.body != refusal.body || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("got %d %s\nwant %d and the upstream's own words", r.status, tail(r.body), refusal.want)
		}
		e := r.entry
		if e.Code != refusal.code || e.Status != refusal.want || len(e.Attempts) != 1 || e.Attempts[0].Code != refusal.code {
			t.Errorf("entry: code %q, status %d, attempts %+v; want %q, %d", e.Code, e.Status, e.Attempts, refusal.code, refusal.want)
		}
	} else {
		f := wantEndStatus(t, c, r, refusal.code, refusal.want)
		if f.Error.UpstreamStatus == nil || *f.Error.UpstreamStatus != refusal.status {
			t.Errorf("%s\nwant upstream_status %d", tail(r.body), refusal.status)
		}
	}
	e, h := r.entry, r.header
	if e.Attempts[0].Status != refusal.status || e.Attempts[0].UpstreamRequestID != "a-1" || e.Usage != (llm.Usage{Provenance: llm.UsageNone}) {
		t.Errorf("attempts %+v, usage %+v; want the upstream's status and id, and nothing used", e.Attempts, e.Usage)
	}
	if h.Get("Retry-After") != refusal.retry {
		t.Errorf("Retry-After = %q, want %q", h.Get("Retry-After"), refusal.retry)
	}
	if h.Get("Set-Cookie")+h.Get("X-Ms-Region")+h.Get("Www-Authenticate") != "" || h.Get("X-Request-Id") != e.ID {
		t.Errorf("headers %v have what is not the client's", h)
	}
	final := refusal.code == llm.CodeUpstreamQuota || refusal.want == http.StatusBadGateway && refusal.status < 500
	if got := h.Get("X-Should-Retry") == "false"; got != (final && refusal.want != http.StatusPaymentRequired) {
		t.Errorf("X-Should-Retry = %q, for something that will not change: %v", h.Get("X-Should-Retry"), final)
	}
}

// TestRetryAfterDate: the other form of RFC 9110 becomes seconds.
func TestRetryAfterDate(t *testing.T) {
	up := newProvider(t, func(c *upcall) {
		c.send("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: " + time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat) + "\r\n\r\n")
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	r := converse(t, g, "/v1/chat/completions", hello)
	if n, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || n < 25 || n > 41 {
		t.Errorf("Retry-After = %q, want the seconds until then", r.header.Get("Retry-After"))
	}
}

// TestEndlessRefusal: of an error that does not end, the status is passed on.
func TestEndlessRefusal(t *testing.T) {
	block := chunk(strings.Repeat(" ", 64<<10))
	up := newProvider(t, func(c *upcall) {
		c.send(chunked("HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\n"))
		for {
			if _, err := c.Write([]byte(block)); err != nil {
				return
			}
		}
	})
	g := gatetest.Start(t, wired, "UP", up.URL)
	both(t, func(t *testing.T, c dialectCase, stream bool) {
		wantEndStatus(t, c, converse(t, g, c.path, c.ask("m", stream)), llm.CodeUpstreamFailed, 503)
	})
	up.idle(t)
}

// TestOwnCredentialIsRefused: with the client's own credential, 401, 403 and
// 404 are the client's business and pass as they are.
func TestOwnCredentialIsRefused(t *testing.T) {
	const own = "clients-own-0123456789"
	up := newProvider(t, func(c *upcall) {
		_, status, _ := strings.Cut(c.model, ":")
		if got := c.header.Get("Authorization"); got != "Bearer "+own {
			t.Errorf("the upstream got %q, want the client's own credential", got)
		}
		d := "chat"
		if strings.HasSuffix(c.path, "messages") {
			d = "messages"
		}
		body := inShape(d, "authentication_error", "invalid_api_key", "Incorrect API key provided: "+own)
		c.keep = true
		c.send("HTTP/1.1 ", status, " No\r\nContent-Type: application/json\r\n", length(len(body)), "\r\n", body)
	})
	g := gatetest.Start(t, providers, "UP", up.URL)
	for _, status := range []int{401, 403, 404} {
		both(t, func(t *testing.T, c dialectCase, stream bool) {
			r := converse(t, g, c.path, c.ask(fmt.Sprintf("own:%d", status), stream), "Authorization", "Bearer "+own)
			if r.status != status || !strings.Contains(r.body, "invalid_api_key") || strings.Contains(r.body, "request_id\":\"req_01") {
				t.Errorf("got %d %s, want the upstream's %d as it is", r.status, r.body, status)
			}
			if r.entry.Code != llm.CodeUpstreamRejected || r.entry.Usage.Provenance != llm.UsageNone {
				t.Errorf("entry: code %s, usage %+v; want a rejection that used nothing", r.entry.Code, r.entry.Usage)
			}
		})
	}
	if strings.Contains(g.Log.String(), own) {
		t.Errorf("the log shows a client's credential:\n%s", tail(g.Log.String()))
	}
}

// TestRefusalsKeepSecrets: upstreams quote what they were sent, and where they
// are. None of it reaches a client, in whichever form the error passes.
func TestRefusalsKeepSecrets(t *testing.T) {
	const subscription = "subscription-0123456789"
	up := newProvider(t, func(c *upcall) {
		_, form, _ := strings.Cut(c.model, ":")
		text := "Incorrect key: " + upstreamSecret + ", " + subscription + ", sk-proj-****wxyz at http://" + c.LocalAddr().String()
		body := map[string]string{
			"passes": inShape("chat", "e", "x", text), "wrapped": `{"message":"` + text + `"}`, "page": "<html>" + text,
		}[form]
		c.keep = true
		c.send("HTTP/1.1 400 No\r\nContent-Type: application/json\r\n", length(len(body)), "\r\n", body)
	})
	g := gatetest.Start(t, providers, "UP", up.URL)
	for _, c := range dialectCases {
		for _, kind := range speaks[c.name] {
			for _, form := range []string{"passes", "wrapped", "page"} {
				r := converse(t, g, c.path, c.ask(kind+":"+form, true))
				secret := upstreamSecret
				switch kind {
				case "compatible":
					secret = subscription
				case "ollama":
					secret = "wxyz" // the rest was never its own
				}
				if strings.Contains(r.body, secret) || strings.Contains(r.body, "wxyz") {
					t.Errorf("%s, %s: the client is shown the secret: %s", kind, form, r.body)
				}
			}
		}
	}
	up.idle(t)
}
