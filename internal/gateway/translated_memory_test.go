package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// TestTranslatedAnswerRepeatsItsOwnRequest: a response repeats what it was
// asked, also when the bytes of its request have long been another's.
func TestTranslatedAnswerRepeatsItsOwnRequest(t *testing.T) {
	answer := make(chan struct{})
	up := newProvider(t, func(c *upcall) { waits(c, answer) })
	g := gatetest.Start(t, crossed, "UP", up.URL)
	body := func(model, what string, stream bool) string {
		what = strings.Repeat(what, 300)
		return fmt.Sprintf(`{"model":%q,"stream":%v,"metadata":{"m":%q},"instructions":%q,"tools":[{"type":"function","name":"f","description":%q,"parameters":{"type":"object"},"strict":false}],"text":{"format":{"type":"json_schema","name":"s","schema":{"type":"object","description":%q}}},"input":"hello"}`,
			model, stream, what[:400], what, what, what)
	}
	for _, stream := range []bool{false, true} {
		var mine sync.WaitGroup
		for _, up := range []string{"chat", "messages"} {
			mine.Go(func() {
				r := converse(t, g, "/v1/responses", body(up+":slow", "mine", stream))
				if r.status != http.StatusOK || strings.Contains(r.body, "theirs") || strings.Count(r.body, strings.Repeat("mine", 300)) < 3 {
					t.Errorf("from %s: %d, and the answer does not repeat its own request:\n%s", up, r.status, r.body)
				}
			})
			answer <- struct{}{} // the upstream has sent its status
		}
		for range 50 { // in the buffers that the first ones have had
			if r := converse(t, g, "/v1/responses", body("chat:m", "theirs", false)); r.status != http.StatusOK {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
		answer <- struct{}{}
		answer <- struct{}{}
		mine.Wait()
	}
}

// waits answers with a status, and with the rest, for a model that is slow,
// when answer has been received from twice.
func waits(c *upcall, answer <-chan struct{}) {
	good, head := crossedGood(c.path)
	body := strings.Join(good.events, "")
	if !c.stream {
		head, body = jsonHead, good.whole
	}
	c.keep = true
	c.send(chunked(head))
	if strings.HasSuffix(c.model, ":slow") {
		<-answer
		<-answer
	}
	c.send(chunk(body), "0\r\n\r\n")
}

// TestTranslatedBodyMemory: a body counts as often as it is in memory, and no
// more when its exchange is over, however that was.
func TestTranslatedBodyMemory(t *testing.T) {
	answer := make(chan struct{})
	up := newProvider(t, func(c *upcall) { waits(c, answer) })
	g := gatetest.Start(t, "listen: { body_limit: 200KiB, body_memory: 1MiB }\n"+crossed, "UP", up.URL)
	pad := strings.Repeat("x", 40<<10)
	ask := func(model, more string) string {
		return fmt.Sprintf(`{"model":%q,%s"input":%q}`, model, more, pad)
	}
	unsupported := `"input":[{"type":"custom_odd","pad":"` + pad + `"}]}`
	for range 10 { // each leaves what it took
		for _, tt := range []struct {
			path, body string
			status     int
		}{
			{"/v1/responses", ask("chat:m", ""), 200},
			{"/v1/responses", ask("messages:m", `"stream":true,`), 200},
			{"/v1/responses", ask("chat:m", `"metadata":{"pad":"`+pad+`"},`), 200},
			{"/v1/responses", `{"model":"chat:m",` + unsupported, 400},
			{"/v1/responses", ask("chat:m", `"previous_response_id":"resp_1",`), 400},
			{"/v1/responses", ask("chat:m", `"tools":7,`), 400},
			{"/v1/responses", ask("chat:m", `"tools":[{"type":"web_search"}],"tool_choice":"required",`), 400},
		} {
			if r := converse(t, g, tt.path, tt.body); r.status != tt.status {
				t.Fatalf("%.60s… = %d %s, want %d", tt.body, r.status, tail(r.body), tt.status)
			}
		}
	}
	var waiting []*http.Response
	for range 3 {
		resp := g.Post(t, "/v1/responses", strings.Replace(ask("chat:slow", `"stream":true,"instructions":"`+strings.Repeat("y", 95<<10)+`",`), pad, "hello", 1))
		if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", resp.Status, err)
		}
		waiting = append(waiting, resp)
	}
	// Three answers will repeat 95 KiB each. A body of 150 KiB and what is made
	// of it are more than is left.
	large := strings.Replace(ask("chat:m", ""), pad, strings.Repeat("x", 150<<10), 1)
	r := converse(t, g, "/v1/responses", large)
	if r.entry.Code != llm.CodeOverloaded || r.status != http.StatusServiceUnavailable || len(r.entry.Attempts) != 0 || !json.Valid([]byte(r.body)) {
		t.Errorf("a gateway that is full: %d %s", r.status, r.body)
	}
	for range 6 {
		answer <- struct{}{}
	}
	for _, resp := range waiting {
		if got := gatetest.Body(t, resp); !strings.Contains(got, "response.completed") {
			t.Errorf("a stream that waited ends with %s", tail(got))
		}
	}
	g.Entries(t, 74)
	if r := converse(t, g, "/v1/responses", large); r.status != http.StatusOK {
		t.Errorf("a gateway that is empty again: %d %s", r.status, r.body)
	}
}
