package chat_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect/chat"
	"github.com/weir-gateway/weir/internal/llm"
)

var contentChunk = []byte(chunk(`{"content":"some words "}`)) // immutable

// BenchmarkReader is one event with text.
func BenchmarkReader(b *testing.B) {
	r := chat.Dialect{}.NewReader(llm.NewBuilder(nil))
	b.ReportAllocs()
	b.SetBytes(int64(len(contentChunk)))
	for b.Loop() {
		if err := r.Write(contentChunk); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriter is one event with text.
func BenchmarkWriter(b *testing.B) {
	e, w := textEvent()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = w.Append(dst[:0], e)
	}
}

// BenchmarkRequest is a request of 1 KiB, decoded and encoded.
func BenchmarkRequest(b *testing.B) {
	body := oneKiB()
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := translate(body); err != nil {
			b.Fatal(err)
		}
	}
}
