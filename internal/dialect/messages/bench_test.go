package messages_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/messages"
	"github.com/weir-gateway/weir/internal/llm"
)

const (
	textStart = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	textDelta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" some words\"}}\n\n"
)

// eventReader returns a function that reads one event of text.
func eventReader(tb testing.TB) func() {
	tb.Helper()
	r := messages.Dialect{}.NewReader(llm.NewBuilder(nil))
	if err := r.Write([]byte(textStart)); err != nil {
		tb.Fatal(err)
	}
	event := []byte(textDelta)
	return func() {
		if err := r.Write(event); err != nil {
			tb.Fatal(err)
		}
	}
}

// eventWriter returns a function that writes one event of text.
func eventWriter() func() {
	w := messages.Dialect{}.NewWriter(options())
	var last llm.Event
	buf := make([]byte, 0, 4<<10)
	b := llm.NewBuilder(func(e llm.Event) { buf, last = w.Append(buf[:0], e), e })
	b.Delta(b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant}), llm.PartText, " some words", nil)
	return func() { buf = w.Append(buf[:0], last) }
}

func BenchmarkReader(b *testing.B) {
	read := eventReader(b)
	b.SetBytes(int64(len(textDelta)))
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}

func BenchmarkWriter(b *testing.B) {
	write := eventWriter()
	b.SetBytes(int64(len(textDelta)))
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
}
