package ollama_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/ollama"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/simulator"
)

// ask sends a request to a server of the protocol and reads the answer, in
// pieces as they come.
func ask(t *testing.T, url string, r *llm.Request, model string) *llm.Reply {
	t.Helper()
	e, err := ollama.Dialect{}.EncodeRequest(r, &dialect.Target{Model: model, Traits: dialect.Traits{NumCtx: 4096, KeepAlive: "5m"}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(url+"/api/chat", "application/json", bytes.NewReader(e.Body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b := llm.NewBuilder(nil)
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s: %s\n%s", answer.Status, body, e.Body)
	}
	if !r.Stream {
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := (ollama.Dialect{}).DecodeReply(body, b); err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		return b.Reply()
	}
	reader := ollama.Dialect{}.NewReader(b)
	piece := make([]byte, 7)
	for {
		n, err := answer.Body.Read(piece)
		if n > 0 {
			if err := reader.Write(piece[:n]); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			break
		}
	}
	if err := reader.Close(); err != nil {
		b.Fail(llm.Failure{Code: string(llm.AsError(err).Code)})
	}
	return b.Reply()
}

func short(a *llm.Reply) string {
	var all []string
	for i := range a.Items {
		switch item := &a.Items[i]; item.Kind {
		case llm.ItemReasoning:
			all = append(all, "thought")
		case llm.ItemCall:
			all = append(all, "call "+item.Name+" "+item.Input)
		default:
			all = append(all, "text")
		}
	}
	return strings.Join(append(all, string(a.Status)), ", ")
}

// A server that was written apart from this package understands it, and is
// understood.
func TestSimulator(t *testing.T) {
	s := simulator.New(simulator.Options{Strict: true})
	server := httptest.NewServer(s)
	defer server.Close()
	tools := []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object","properties":{"a":{"type":"number"}}}`)}}
	user := func(text string) []llm.Item { return []llm.Item{said(llm.RoleUser, word(text))} }
	for _, tt := range []struct {
		name, model string
		r           llm.Request
		want        string
	}{
		{"text", "sim-1", llm.Request{Items: user("hi")}, "text, completed"},
		{"thought", "sim-1", llm.Request{Items: user("think hi"), Effort: "high"}, "thought, text, completed"},
		{"cut", "sim-1", llm.Request{Items: user("a long text"), MaxOutput: new(int64(1))}, "text, incomplete"},
		{"call", "sim-1", llm.Request{Items: user(`call f {"a":1}`), Tools: tools}, `call f {"a":1}, completed`},
		{
			"turn behind a call", "sim-1",
			llm.Request{Tools: tools, Items: append(user("hi"),
				llm.Item{Kind: llm.ItemCall, CallID: "c", Name: "f", Input: `{"a":1}`}, llm.Item{Kind: llm.ItemOutput, CallID: "c", Parts: []llm.Part{word("x")}})},
			"text, completed",
		},
	} {
		for _, stream := range []bool{false, true} {
			r := tt.r
			r.Dialect, r.Stream = llm.Responses, stream
			a := ask(t, server.URL, &r, tt.model)
			if got := short(a); got != tt.want || a.Usage.Output == 0 || a.Usage.Provenance != llm.UsageReported {
				t.Errorf("%s, stream %v: %s, usage %+v; want %s", tt.name, stream, got, a.Usage, tt.want)
			}
		}
	}
	failed := ask(t, server.URL, &llm.Request{Stream: true, Items: user("hi there")}, "sim-error")
	if failed.Status != llm.StatusFailed || failed.Failure.Message == "" {
		t.Errorf("an error in mid-stream is read as %s, %+v", failed.Status, failed.Failure)
	}
}
