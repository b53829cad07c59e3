package chat_test

import (
	"strings"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/llm"
)

// textEvent returns an event with text and a writer that has begun.
func textEvent() (e llm.Event, w dialect.StreamWriter) {
	w = chat.Dialect{}.NewWriter(options())
	b := llm.NewBuilder(func(next llm.Event) {
		e = next
		w.Append(nil, e)
	})
	b.Begin("c", "m", 1)
	i := b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	b.Delta(i, llm.PartText, "some words ", nil)
	return e, w
}

func oneKiB() []byte {
	return []byte(`{"model":"m","stream":true,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"` + strings.Repeat("word ", 150) + `"}],` +
		`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}]}`)
}

func translate(body []byte) (dialect.Encoded, error) {
	r, err := chat.Dialect{}.DecodeRequest(body)
	if err != nil {
		return dialect.Encoded{}, err
	}
	return chat.Dialect{}.EncodeRequest(r, &dialect.Target{Model: "m"})
}
