package responses_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/realpart"
)

type reply = llm.Reply

// Recordings, and what a client is written of them: in order, whatever the
// upstream's order was.
func TestRecordings(t *testing.T) {
	codecSuite().Recordings(t, "testdata/answers", *update, func(t *testing.T, client string, stream bool) {
		if !stream || client == "" {
			return
		}
		if _, err := follow(client); err != nil {
			t.Error(err)
		}
	})
}

// eventSchemas are what the document calls the events.
var eventSchemas = map[string]string{ // immutable
	"response.output_text.delta":            "ResponseTextDeltaEvent",
	"response.output_text.done":             "ResponseTextDoneEvent",
	"response.output_text.annotation.added": "ResponseOutputTextAnnotationAddedEvent",
}

// eventSchema returns what the document calls an event: as a rule its name
// without points.
func eventSchema(name string) string {
	if schema := eventSchemas[name]; schema != "" {
		return schema
	}
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '_' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String() + "Event"
}

// published checks what Weir writes against the published documents.
type published struct{ openai, open *dialecttest.Schemas }

func load(t *testing.T) published {
	folder := realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC")
	return published{dialecttest.LoadSchemas(t, folder, "openai-openapi.json"), dialecttest.LoadSchemas(t, folder, "openresponses-openapi.json")}
}

// whole checks a response. The document's schema has no null usage, although
// its prose has.
func (p published) whole(t *testing.T, text string) {
	t.Helper()
	p.openai.Check(t, "Response", strings.Replace(text, `,"usage":null`, "", 1))
	if knownToAll(text) {
		p.open.Check(t, "ResponseResource", text)
	}
}

func (p published) stream(t *testing.T, stream string) {
	t.Helper()
	for _, data := range dialecttest.Data([]byte(stream)) {
		var e struct{ Type string }
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == "keepalive" {
			continue
		}
		text := strings.Replace(data, `,"usage":null`, "", 1)
		for _, code := range []string{"context_length_exceeded", "insufficient_quota"} { // OpenAI sends them, and does not publish them
			text = strings.Replace(text, `"error":{"code":"`+code+`"`, `"error":{"code":"server_error"`, 1)
		}
		p.openai.Check(t, eventSchema(e.Type), text)
	}
}

// request checks a request: its items by themselves, since in the document
// every message fits two schemas of which exactly one may fit.
func (p published) request(t *testing.T, body []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	var items []json.RawMessage
	if err := errors.Join(json.Unmarshal(body, &members), json.Unmarshal(members["input"], &items)); err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		schema := "Item"
		switch {
		case bytes.Contains(item, []byte(`"role":"assistant"`)):
			continue // its id is left out, which servers take and the document does not
		case bytes.Contains(item[:min(len(item), 20)], []byte(`"message"`)):
			schema = "EasyInputMessage"
		}
		p.openai.Check(t, schema, string(item))
	}
	members["input"] = json.RawMessage(`"x"`)
	rest, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	p.openai.Check(t, "CreateResponse", string(rest))
}

// knownToAll reports whether a response has nothing but what Open Responses
// knows: function tools, and items that are as common.
func knownToAll(text string) bool {
	for _, other := range []string{`"custom_tool_call"`, `_search`, `shell`, `"apply_patch`, `"namespace"`, `"custom"`, `"mcp_`, `"compaction"`, `json_schema`, `new_kind`} {
		if strings.Contains(text, other) {
			return false
		}
	}
	return true
}

func TestAnswersFitThePublishedSchemas(t *testing.T) {
	p := load(t)
	t.Run("made up", func(t *testing.T) {
		codecSuite().Conversations(func(_ int, _ *llm.Reply, whole, stream []byte) {
			p.whole(t, string(whole))
			p.stream(t, string(stream))
		})
	})
	t.Run("recorded", func(t *testing.T) {
		codecSuite().Recordings(t, "testdata/answers", false, func(t *testing.T, client string, stream bool) {
			switch {
			case strings.Contains(client, "new_kind"):
			case stream:
				p.stream(t, client)
			default:
				p.whole(t, client)
			}
		})
	})
	for name, body := range requests(t) {
		t.Run("echo of "+name, func(t *testing.T) {
			r, err := responses.Dialect{}.DecodeRequest([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			o := codecSuite().Options()
			o.Request = r
			p.whole(t, string(responses.Dialect{}.EncodeReply(nil, &llm.Reply{Status: llm.StatusCompleted}, o)))
		})
	}
}

func TestRequestsFitThePublishedSchema(t *testing.T) {
	p := load(t)
	check := func(t *testing.T, r *llm.Request) {
		e, err := responses.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "gpt-5", Traits: all})
		if err != nil {
			t.Fatal(err)
		}
		p.request(t, e.Body)
	}
	for name, body := range requests(t) {
		t.Run(name, func(t *testing.T) {
			r, err := responses.Dialect{}.DecodeRequest([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Dialect = llm.Chat // whatever is rebuilt must fit, not what passes
			for i := range r.Tools {
				r.Tools[i].Raw = nil
			}
			check(t, r)
		})
	}
	for _, tt := range encodings() {
		if tt.param == "" {
			t.Run(tt.name, func(t *testing.T) { check(t, &tt.r) })
		}
	}
}
