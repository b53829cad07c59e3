package simulator_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/simulator"
)

// report reads GET /sim/served.
func report(t *testing.T, server *httptest.Server, query string) simulator.Report {
	t.Helper()
	resp, body, err := do(t, server, request(t, server, http.MethodGet, "/sim/served"+query, ""))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /sim/served: %v, %v: %s", resp, err, body)
	}
	var r simulator.Report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestServedTellsWhatCameAndHowItEnded(t *testing.T) {
	_, server := serve(t, simulator.Options{KeepBodies: true})
	body := `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"12345678"}]}`
	post(t, server, "/v1/chat/completions?a=b", body, http.StatusOK, "Authorization: Bearer secret", "api-key: other", "x-mine: kept")
	post(t, server, "/v1/embeddings", `{"model":"m","input":"1234"}`, http.StatusOK)
	post(t, server, "/v1/nothing", `{}`, http.StatusNotFound)

	got := report(t, server, "?wait=5s")
	sum := sha256.Sum256([]byte(body))
	r := got.Requests[0]
	if r.Time.IsZero() || r.Duration <= 0 || r.Events != 6 {
		t.Errorf("time %v, duration %v, %d events, want 6", r.Time, r.Duration, r.Events)
	}
	for _, name := range []string{"Authorization", "Api-Key"} {
		if v := r.Headers.Get(name); !strings.HasPrefix(v, "sha256:") || strings.Contains(v, "secret") || len(v) != len("sha256:")+12 {
			t.Errorf("%s is shown as %q, want a short hash", name, v)
		}
	}
	if r.Headers.Get("X-Mine") != "kept" {
		t.Errorf("X-Mine is shown as %q", r.Headers.Get("X-Mine"))
	}
	r.Time, r.Duration, r.Headers, r.Host = time.Time{}, 0, nil, ""
	usage := &simulator.Usage{Input: 2, Output: 4}
	want := simulator.Record{
		Seq: 1, Method: "POST", Path: "/v1/chat/completions", Query: "a=b", BodySHA256: hex.EncodeToString(sum[:]), BodySize: len(body), Body: body,
		Operation: "chat", Model: "m", Stream: true, Status: 200, Events: 6, Ended: "complete", Usage: usage, FullUsage: usage,
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("first record (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(simulator.Usage{Input: 3, Output: 4}, got.Usage); diff != "" || got.Total != 3 || got.InFlight != 0 || got.Requests[2].Status != 404 || got.Requests[2].BodySize != 2 {
		t.Errorf("total %d, in flight %d, third status %d; usage (-want +got):\n%s", got.Total, got.InFlight, got.Requests[2].Status, diff)
	}
	if rest := report(t, server, "?after=2").Requests; len(rest) != 1 || rest[0].Seq != 3 {
		t.Errorf("after=2: %+v, want the third alone", rest)
	}

	resp, _, err := do(t, server, request(t, server, http.MethodDelete, "/sim/served", ""))
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE = %v, %v", resp, err)
	}
	if got := report(t, server, ""); got.Total != 0 || len(got.Requests) != 0 || got.Usage != (simulator.Usage{}) {
		t.Errorf("after DELETE: %+v, want nothing", got)
	}
	for _, query := range []string{"?wait=long", "?after=x"} {
		if resp, _, err := do(t, server, request(t, server, http.MethodGet, "/sim/served"+query, "")); err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("GET %s = %v, %v, want 400", query, resp, err)
		}
	}
}

func TestServedTellsOfRequestsThatWereRefused(t *testing.T) {
	sim, server := serve(t, simulator.Options{Keys: []string{"k"}})
	sum := sha256.Sum256([]byte("not json"))
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"PATCH", "/any/path%2Fat/all?a=1&b=%20", 404},
		{"POST", "/v1/responses?x", 401},
		{"PUT", "/openai/deployments/d/chat/completions?api-version=x", 405},
		{"GET", "/v1/models", 401},
	} {
		resp, body, err := do(t, server, request(t, server, tt.method, tt.path, "not json", "X-Mine: 1"))
		if err != nil || resp.StatusCode != tt.want {
			t.Fatalf("%s %s = %v, %v, want %d: %s", tt.method, tt.path, resp, err, tt.want, body)
		}
		path, query, _ := strings.Cut(tt.path, "?")
		r := last(t, sim)
		if r.Method != tt.method || r.Path != path || r.Query != query || r.BodySize != 8 || r.BodySHA256 != hex.EncodeToString(sum[:]) || r.Headers.Get("X-Mine") != "1" {
			t.Errorf("%s %s is recorded as %+v", tt.method, tt.path, r)
		}
	}
}

func TestServedHoldsAsManyAsWereAskedFor(t *testing.T) {
	few, server := serve(t, simulator.Options{Records: 2})
	none, other := serve(t, simulator.Options{Records: -1})
	for range 5 {
		post(t, server, "/v1/responses", responseBody, http.StatusOK)
		post(t, other, "/v1/responses", responseBody, http.StatusOK)
	}
	last(t, few)
	got := few.Served()
	if got.Total != 5 || len(got.Requests) != 2 || got.Requests[0].Seq != 4 || got.Requests[1].Seq != 5 || got.Usage.Input != 5 {
		t.Errorf("two records: %+v", got)
	}
	if err := none.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if got := none.Served(); got.Total != 5 || len(got.Requests) != 0 || got.Usage.Input != 5 {
		t.Errorf("no records: %+v", got)
	}
}

func TestCredentialsAreShownOnRequestAlone(t *testing.T) {
	sim, server := serve(t, simulator.Options{ShowCredentials: true})
	post(t, server, "/v1/responses", responseBody, http.StatusOK, "Authorization: Bearer mine")
	if got := last(t, sim).Headers.Get("Authorization"); got != "Bearer mine" {
		t.Errorf("Authorization = %q, want it as it came", got)
	}
	if got := last(t, sim).Body; got != "" {
		t.Errorf("body = %q, want none without KeepBodies", got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	sim, server := serve(t, simulator.Options{})
	ctx, leave := context.WithCancel(t.Context())
	resp, err := server.Client().Do(streams[0].request(t, server.URL, "sim-stall").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got := report(t, server, "?wait=1ms").InFlight; got != 1 {
		t.Errorf("%d in flight, want 1", got)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sim.Wait(done); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want canceled", err)
	}
	leave()
	if got := last(t, sim).Ended; got != "client_gone" {
		t.Errorf("ended %q, want client_gone", got)
	}
}

func TestModels(t *testing.T) {
	_, server := serve(t, simulator.Options{Models: []string{"a", "b:1"}})
	get := func(path string, headers ...string) map[string]any {
		t.Helper()
		resp, body, err := do(t, server, request(t, server, http.MethodGet, path, "", headers...))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("GET %s = %v, %v: %s", path, resp, err, body)
		}
		return decode(t, body)
	}
	if v := get("/v1/models"); str(v, "object") != "list" || str(v, "data", 1, "id") != "b:1" || str(v, "data", 1, "object") != "model" {
		t.Errorf("models = %v", v)
	}
	if v := get("/openai/models?api-version=2024-10-21"); str(v, "data", 0, "id") != "a" {
		t.Errorf("azure models = %v", v)
	}
	if v := get("/v1/models/any%2Fname"); str(v, "id") != "any/name" {
		t.Errorf("model = %v", v)
	}
	if v := get("/v1/models", "anthropic-version: 2023-06-01"); str(v, "data", 0, "type") != "model" || str(v, "first_id") != "a" || str(v, "last_id") != "b:1" {
		t.Errorf("anthropic models = %v", v)
	}
	if v := get("/api/tags"); str(v, "models", 0, "name") != "a" || len(str(v, "models", 0, "digest")) != 64 {
		t.Errorf("tags = %v", v)
	}
	if v := get("/api/version"); str(v, "version") < "0.13.4" {
		t.Errorf("version = %v", v)
	}
	if body := post(t, server, "/api/pull", `{"model":"a"}`, http.StatusOK); !strings.HasSuffix(body, `{"status":"success"}`+"\n") {
		t.Errorf("pull = %s", body)
	}
	resp, _, err := do(t, server, request(t, server, http.MethodGet, "/v1/models/sim-unknown", ""))
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("sim-unknown = %v, %v, want 404", resp, err)
	}
}
