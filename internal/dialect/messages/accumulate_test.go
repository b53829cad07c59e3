package messages_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

type object = map[string]any

// accumulate puts a stream together as Anthropic's SDKs do, and is as strict:
// one block at a time, dense indices, members that deltas are added to.
func accumulate(t *testing.T, wire string) object {
	t.Helper()
	var m object
	var partial string
	open := false
	for event := range strings.SplitSeq(strings.TrimSuffix(wire, "\n\n"), "\n\n") {
		_, data, _ := strings.Cut(event, "\ndata: ")
		var v object
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if v["type"] == "message_start" {
			m = v["message"].(object)
			continue
		}
		blocks, _ := m["content"].([]any)
		var last object
		if len(blocks) > 0 {
			last = blocks[len(blocks)-1].(object)
		}
		switch v["type"] {
		case "content_block_start":
			if open || int(v["index"].(float64)) != len(blocks) {
				t.Fatalf("a block begins while another is open, or has a wrong index: %s", data)
			}
			open, partial = true, ""
			m["content"] = append(blocks, v["content_block"])
		case "content_block_delta":
			if !open || int(v["index"].(float64)) != len(blocks)-1 {
				t.Fatalf("a delta of a block that is not open: %s", data)
			}
			addDelta(last, v["delta"].(object), &partial)
		case "content_block_stop":
			open = false
			if partial != "" {
				var input any
				if json.Unmarshal([]byte(partial), &input) != nil {
					m["content"] = blocks[:len(blocks)-1] // cut short
				}
				last["input"] = input
			}
		case "message_delta":
			if open {
				t.Fatal("the last block does not end")
			}
			maps.Copy(m, v["delta"].(object))
			maps.Copy(m["usage"].(object), v["usage"].(object))
		}
	}
	return m
}

func addDelta(block, delta object, partial *string) {
	switch delta["type"] {
	case "text_delta":
		block["text"] = block["text"].(string) + delta["text"].(string)
	case "thinking_delta":
		block["thinking"] = block["thinking"].(string) + delta["thinking"].(string)
	case "signature_delta":
		block["signature"] = delta["signature"]
	case "input_json_delta":
		*partial += delta["partial_json"].(string)
	case "citations_delta":
		all, _ := block["citations"].([]any)
		block["citations"] = append(all, delta["citation"])
	}
}

// A stream put together is the whole answer, whichever of the two the upstream
// sent.
func TestStreamIsTheWholeAnswer(t *testing.T) {
	for name, r := range recordings(t, "answers", 14) {
		t.Run(name, func(t *testing.T) {
			for _, d := range []messages.Dialect{{}, {Own: true}} {
				w := d.NewWriter(options())
				var wire []byte
				b := llm.NewBuilder(func(e llm.Event) { wire = w.Append(wire, e) })
				if stream, ok := r.file("stream"); ok {
					_ = d.NewReader(b).Write([]byte(stream)) // what is broken is not compared
				} else {
					whole, _ := r.file("whole")
					_ = d.DecodeReply([]byte(whole), b)
				}
				a := b.Reply()
				if a.Status != llm.StatusCompleted && a.Status != llm.StatusIncomplete {
					continue
				}
				var want object
				if err := json.Unmarshal(d.EncodeReply(nil, a, options()), &want); err != nil {
					t.Fatal(err)
				}
				got := accumulate(t, string(wire))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("own %v (-whole +stream):\n%s", d.Own, diff)
				}
			}
		})
	}
}
