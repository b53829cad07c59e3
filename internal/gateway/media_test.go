package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
)

// kinds is a gateway with a model for each kind of upstream that has images or
// sound; the upstream knows it as m.
const kinds = `
upstreams:
  - { name: sim, kind: simulator, endpoint: "${SIM}" }
  - { name: openai, kind: openai, endpoint: "${SIM}", auth: { api_key: made-up } }
  - { name: azure, kind: azure, endpoint: "${SIM}", auth: { api_key: made-up } }
  - { name: classic, kind: azure, endpoint: "${SIM}", api: classic, api_version: 2024-10-21, auth: { api_key: made-up } }
  - { name: compatible, kind: compatible, endpoint: "${SIM}" }
  - { name: ollama, kind: ollama, endpoint: "${SIM}" }
models:
  - { name: sim, targets: [{ upstream: sim, model: m }] }
  - { name: openai, targets: [{ upstream: openai, model: m }] }
  - { name: azure, targets: [{ upstream: azure, model: m }] }
  - { name: classic, targets: [{ upstream: classic, model: m }] }
  - { name: compatible, targets: [{ upstream: compatible, model: m, dialects: [chat, responses, messages, completions] }] }
  - { name: ollama, targets: [{ upstream: ollama, model: m }] }
`

// below is where each kind has a path of OpenAI's.
func below(kind, path string) string {
	switch kind {
	case "azure":
		return "/openai/v1" + path
	case "classic":
		return "/openai/deployments/m" + path
	}
	return "/v1" + path
}

// last returns the newest of n entries.
func last(t *testing.T, g *gatetest.Gate, n int) ledger.Entry {
	t.Helper()
	return g.Entries(t, n)[n-1]
}

// A mediaCase is one call of an operation with JSON.
type mediaCase struct {
	op     llm.Operation
	path   string
	body   string // behind the model
	stream bool
	media  string // of the answer
	want   string // in it
	usage  llm.Usage
}

const byUpstream, counted = llm.UsageReported, llm.UsageCounted

var mediaCases = []mediaCase{ // immutable
	{llm.OpImageGeneration, "/images/generations", `"prompt":"a weir"`, false, "application/json", `"b64_json"`, llm.Usage{Input: 2, Output: 256, Images: 1, Provenance: byUpstream}},
	{llm.OpImageGeneration, "/images/generations", `"prompt":"a weir","n":2`, false, "application/json", `"b64_json"`, llm.Usage{Input: 2, Output: 512, Images: 2, Provenance: byUpstream}},
	{llm.OpImageGeneration, "/images/generations", `"prompt":"a weir","stream":true,"partial_images":2`, true, "text/event-stream", "event: image_generation.completed\n", llm.Usage{Input: 2, Output: 256, Images: 1, Provenance: byUpstream}},
	{llm.OpImageEdit, "/images/edits", `"prompt":"a weir","images":[{"image_url":"https://example.com/x"}]`, false, "application/json", `"b64_json"`, llm.Usage{Input: 66, Output: 256, Images: 1, Provenance: byUpstream}},
	{llm.OpImageEdit, "/images/edits", `"stream":true,"prompt":"a weir","images":[{"image_url":"https://example.com/x"}]`, true, "text/event-stream", "event: image_edit.completed\n", llm.Usage{Input: 66, Output: 256, Images: 1, Provenance: byUpstream}},
	{llm.OpSpeech, "/audio/speech", `"input":"hé\u006clo","voice":"alloy","response_format":"wav"`, false, "audio/wav", "WAVEfmt", llm.Usage{Characters: 5, Provenance: counted}},
	{llm.OpSpeech, "/audio/speech", `"input":"hello","voice":"alloy","stream_format":"sse"`, true, "text/event-stream", `"type":"speech.audio.done"`, llm.Usage{Input: 2, Output: 2, Characters: 5, Provenance: byUpstream}},
	{llm.OpModerations, "/moderations", `"input":"no violence"`, false, "application/json", `"flagged":`, llm.Usage{Provenance: llm.UsageNone}},
}

// TestMedia runs every operation around images and sound that takes JSON
// against every kind of upstream.
func TestMedia(t *testing.T) {
	g := gatetest.Start(t, kinds)
	n := 0
	for _, kind := range []string{"sim", "openai", "azure", "classic", "compatible", "ollama"} {
		for _, c := range mediaCases {
			body := `{"model":"` + kind + `",` + c.body + `}`
			before := len(g.Sim.Served().Requests)
			resp := g.Post(t, "/v1"+c.path, body)
			got := gatetest.Body(t, resp)
			n++
			e := last(t, g, n)
			if kind == "ollama" || (kind == "azure" || kind == "classic") && c.op == llm.OpModerations {
				wantFailure(t, resp.StatusCode, resp.Header, got, llm.CodeUnsupportedOperation)
				continue
			}
			if media := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(media, c.media) || !strings.Contains(got, c.want) {
				t.Errorf("%s of %s: %d %s %.500s, want %s with %s", c.op, kind, resp.StatusCode, media, got, c.media, c.want)
				continue
			}
			if e.Operation != c.op || e.Stream != c.stream || e.Code != "" || e.Usage != c.usage || e.Model != kind || e.Target != "m" {
				t.Errorf("%s of %s: entry = %+v, want %s, stream %v, usage %+v", c.op, kind, e, c.op, c.stream, c.usage)
			}
			r := g.Sim.Served().Requests[before]
			if want := below(kind, c.path); r.Path != want || r.Model != "m" || r.Body != strings.Replace(body, `"`+kind+`"`, `"m"`, 1) {
				t.Errorf("%s of %s was sent to %s as %s: %s, want %s", c.op, kind, r.Path, r.Model, r.Body, want)
			}
		}
	}
	lines := g.Log.Lines(t, "exchange")
	for _, want := range []struct {
		at    int
		name  string
		value any
	}{{1, "images", 2.0}, {5, "characters", 5.0}, {5, "usage", "counted"}, {7, "usage", "none"}} {
		if got := lines[want.at][want.name]; got != want.value {
			t.Errorf("log line %d says %s %v, want %v", want.at, want.name, got, want.value)
		}
	}
}

// TestMediaInAzureForms: where the model is in the path, the path counts.
func TestMediaInAzureForms(t *testing.T) {
	g := gatetest.Start(t, kinds)
	const image, speech = `{"prompt":"x"}`, `{"input":"x","voice":"alloy","model":"nobody"}`
	for _, tt := range []struct {
		path, body string
		code       llm.Code
	}{
		{"/openai/deployments/sim/images/generations?api-version=2024-10-21", image, ""},
		{"/openai/deployments/classic/audio/speech?api-version=2024-10-21", speech, ""},
		{"/deployments/sim/images/generations", image, ""},
		{"/openai/v1/images/generations", `{"model":"sim","prompt":"x"}`, ""},
		{"/openai/v1/moderations", `{"model":"sim","input":"x"}`, ""},
		{"/openai/deployments/sim/images/edits", `{"prompt":"x","images":[{"image_url":"https://example.com/x"}]}`, ""},
		{"/openai/deployments/nobody/images/generations", image, llm.CodeModelNotFound},
		{"/openai/deployments/sim/moderations", `{"input":"x"}`, llm.CodeUnknownURL},
		{"/openai/deployments/sim/images/variations", image, llm.CodeUnknownURL},
		{"/openai/images/generations", `{"model":"sim","prompt":"x"}`, llm.CodeUnknownURL},
	} {
		resp := g.Post(t, tt.path, tt.body)
		body := gatetest.Body(t, resp)
		if tt.code != "" {
			wantFailure(t, resp.StatusCode, resp.Header, body, tt.code)
		} else if resp.StatusCode != http.StatusOK {
			t.Errorf("POST %s = %d %s, want 200", tt.path, resp.StatusCode, body)
		}
	}
	for _, r := range g.Sim.Served().Requests {
		if r.Model != "m" || strings.Contains(r.Body, "nobody") {
			t.Errorf("sent to %s as %s: %s", r.Path, r.Model, r.Body)
		}
	}
}

// TestDefaultModels: an API that has a default has it here too, under its
// name, if it is served.
func TestDefaultModels(t *testing.T) {
	g := gatetest.Start(t, `
upstreams: [{ name: sim, kind: simulator, endpoint: "${SIM}" }]
models:
  - { name: omni-moderation-latest, targets: [{ upstream: sim, model: judge }] }
  - { name: dall-e-2, targets: [{ upstream: sim, model: dall-e-x }] }
keys: [{ name: all, secret: all-0123456789abcdef }, { name: few, secret: few-0123456789abcdef, models: [omni-moderation-latest] }]
`)
	for _, tt := range []struct {
		name, key, path, body string
		model, sent           string
		missing               string // part of the message about the missing model
	}{
		{"moderations", "all", "/v1/moderations", `{"input":"x"}`, "omni-moderation-latest", `{"input":"x","model":"judge"}`, ""},
		{"moderations, null", "all", "/v1/moderations", `{"input":"x","model":null}`, "omni-moderation-latest", `{"input":"x","model":"judge"}`, ""},
		{"images", "all", "/v1/images/generations", `{"prompt":"x"}`, "dall-e-2", `{"prompt":"x","model":"dall-e-x"}`, ""},
		{"images, as no DALL-E can", "all", "/v1/images/generations", `{"prompt":"x","background":"opaque"}`, "", "", "you must provide a model parameter"},
		{"the default is not served", "all", "/v1/images/edits", `{"prompt":"x"}`, "gpt-image-1.5", "", "without one, `gpt-image-1.5` is meant, and the model `gpt-image-1.5` does not exist"},
		{"the key may not use the default", "few", "/v1/images/generations", `{"prompt":"x"}`, "dall-e-2", "", "the key `few` may not use the model `dall-e-2`"},
		{"no default", "all", "/v1/audio/speech", `{"input":"x","voice":"alloy"}`, "", "", "you must provide a model parameter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := int(g.Ledger.Total())
			resp := g.Post(t, tt.path, tt.body, "Authorization", "Bearer "+tt.key+"-0123456789abcdef")
			body := gatetest.Body(t, resp)
			if e := last(t, g, n+1); e.Model != tt.model {
				t.Errorf("the entry is of %q, want %q", e.Model, tt.model)
			}
			if tt.missing != "" {
				f := wantFailure(t, resp.StatusCode, resp.Header, body, llm.CodeMissingParameter)
				if f.Error.Param == nil || *f.Error.Param != "model" || !strings.Contains(f.Error.Message, tt.missing) {
					t.Errorf("the failure is %s, want param model and %q", body, tt.missing)
				}
				return
			}
			served := g.Sim.Served().Requests
			if resp.StatusCode != http.StatusOK || served[len(served)-1].Body != tt.sent {
				t.Errorf("%d %s, want 200 for what is sent: %s", resp.StatusCode, body, tt.sent)
			}
		})
	}
}

// TestCountedUnits: what nobody reports is counted, or marked as estimated.
func TestCountedUnits(t *testing.T) {
	g := gatetest.Start(t, simple)
	for i, tt := range []struct {
		name, path, body string
		header           []string
		usage            llm.Usage
		code             llm.Code
	}{
		{"DALL-E", "/images/generations", `{"model":"dall-e-2","prompt":"x","n":3}`, nil, llm.Usage{Images: 3, Provenance: counted}, ""},
		{"no usage", "/images/generations", `{"model":"m","prompt":"x","n":2}`, []string{"X-Sim-No-Usage", "1"}, llm.Usage{Images: 2, Provenance: counted}, ""},
		{"no usage, streamed", "/images/generations", `{"model":"m","prompt":"x","stream":true}`, []string{"X-Sim-No-Usage", "1"}, llm.Usage{Images: 1, Provenance: counted}, ""},
		{"speech without usage, streamed", "/audio/speech", `{"model":"m","input":"hello","voice":"alloy","stream_format":"sse"}`, []string{"X-Sim-No-Usage", "1"}, llm.Usage{Characters: 5, Provenance: counted}, ""},
		{"images that never came", "/images/generations", `{"model":"m","prompt":"x","n":3}`, []string{"X-Sim-Reset", "1"}, llm.Usage{Images: 3, Provenance: llm.UsageEstimated}, llm.CodeUpstreamLost},
		{"images that were cut", "/images/generations", `{"model":"m","prompt":"x","stream":true,"partial_images":3}`, []string{"X-Sim-Cut", "1"}, llm.Usage{Images: 1, Provenance: llm.UsageEstimated}, llm.CodeUpstreamTruncated},
		{"speech that was cut", "/audio/speech", `{"model":"m","input":"hello hello hello","voice":"alloy"}`, []string{"X-Sim-Cut", "1"}, llm.Usage{Characters: 17, Provenance: llm.UsageEstimated}, llm.CodeUpstreamTruncated},
		{"images that were refused", "/images/generations", `{"model":"m","prompt":"x","n":3}`, []string{"X-Sim-Status", "400"}, llm.Usage{Provenance: llm.UsageNone}, llm.CodeUpstreamRejected},
		{"a verdict that never came", "/moderations", `{"model":"m","input":"x"}`, []string{"X-Sim-Reset", "1"}, llm.Usage{Provenance: llm.UsageNone}, llm.CodeUpstreamLost},
	} {
		r := converse(t, g, "/v1"+tt.path, tt.body, tt.header...)
		if e := last(t, g, i+1); e.Usage != tt.usage || e.Code != tt.code {
			t.Errorf("%s: %s with usage %+v, want %s with %+v (%d %.300s)", tt.name, e.Code, e.Usage, tt.code, tt.usage, r.status, r.body)
		}
	}
}

// TestStreamsOfPicturesThatBreak: a stream ends in a failure that SDKs raise,
// never cleanly; the upstream's own failure passes as it came.
func TestStreamsOfPicturesThatBreak(t *testing.T) {
	g := gatetest.Start(t, simple)
	for _, c := range mediaCases {
		if !c.stream {
			continue
		}
		body := `{"model":"m",` + c.body + `}`
		for _, tt := range []struct {
			header []string
			code   llm.Code
			want   string
		}{
			{[]string{"X-Sim-Cut", "0"}, llm.CodeUpstreamTruncated, "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":"},
			{[]string{"X-Sim-Cut", "0", "X-Sim-Cut-Bytes", "30"}, llm.CodeUpstreamTruncated, "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":"},
			{[]string{"X-Sim-End-Early", "0"}, llm.CodeUpstreamTruncated, "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":"},
			{[]string{"X-Sim-Error", "first", "X-Sim-Error-Code", "moderation_blocked"}, llm.CodeUpstreamFailed, `"code":"moderation_blocked"`},
			{[]string{"X-Sim-Html", "1"}, llm.CodeUpstreamInvalid, `{"error":{"message":`},
		} {
			n := int(g.Ledger.Total())
			r := converse(t, g, "/v1"+c.path, body, tt.header...)
			if e := last(t, g, n+1); e.Code != tt.code || !strings.Contains(r.body, tt.want) || strings.Contains(r.body, c.want) {
				t.Errorf("%s with %v: %s %q, want %s and %q at the end", c.op, tt.header, e.Code, tail(r.body), tt.code, tt.want)
			}
		}
	}
}

// TestClientsLeaveAtThePicture: whoever has the picture may hang up.
func TestClientsLeaveAtThePicture(t *testing.T) {
	g := gatetest.Start(t, simple)
	resp := g.Post(t, "/v1/images/generations", `{"model":"m","prompt":"x","stream":true}`)
	buf := make([]byte, 4096)
	for got := ""; !strings.Contains(got, "image_generation.completed") || !strings.HasSuffix(got, "\n\n"); {
		m, err := resp.Body.Read(buf)
		if got += string(buf[:m]); err != nil {
			break
		}
	}
	resp.Body.Close()
	if e := last(t, g, 1); e.Code != "" || e.Usage.Images != 1 || e.Total > 5*time.Second {
		t.Errorf("entry = %+v, want a success", e)
	}
}
