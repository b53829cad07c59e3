package jsonscan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// requestSpec is what a gateway would watch in a chat request.
var requestSpec = jsonscan.Spec{Watch: []string{
	"model", "stream", "stream_options", "stream_options.include_usage", "messages[].role", "data_sources", "n", "user",
}}

// answerSpec is what a gateway would watch in the events of a chat stream.
var answerSpec = jsonscan.Spec{
	Watch: []string{"usage", "choices", "choices[].finish_reason", "prompt_filter_results", "error"},
	Count: []string{"choices[].delta.content"},
}

const event = `{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk","created":1732000000,` +
	`"model":"gpt-5-mini","choices":[{"index":0,"delta":{"content":" hello"},"finish_reason":null}],"usage":null}`

const usageEvent = `{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk","created":1732000000,` +
	`"model":"gpt-5-mini","choices":[],"usage":{"prompt_tokens":123,"completion_tokens":456,"total_tokens":579}}`

// prose has a line break or a quote every 60 bytes, as prompts do.
const prose = `Could you look at the \"relay\" function and say, in a few words,\nwhere a slow client would hold up the others? Thank you very much.\n`

// chatRequest returns a request of about size bytes with the model last.
func chatRequest(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"messages":[{"role":"system","content":"You are a helpful assistant."}`)
	message := strings.Repeat(prose, max(1, min(size/1000, 16)))
	for i := 0; b.Len() < size-len(message); i++ {
		fmt.Fprintf(&b, `,{"role":%q,"content":"%s"}`, [...]string{"user", "assistant"}[i%2], message)
	}
	b.WriteString(`],"temperature":0.7,"max_tokens":1024,"stream":true,"stream_options":{"include_usage":true},"model":"gpt-5-mini"}`)
	return []byte(b.String())
}

// imageRequest returns a request with a data URL of about size bytes.
func imageRequest(size int) []byte {
	return []byte(`{"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":` +
		`{"url":"data:image/png;base64,` + strings.Repeat("iVBORw0K", size/8) + `"}}]}],"model":"gpt-5-mini"}`)
}

// toolRequest returns a request that is mostly structure: schemas of tools.
func toolRequest(size int) []byte {
	const tool = `{"type":"function","function":{"name":"read_file","description":"Reads a file.","strict":true,"parameters":` +
		`{"type":"object","properties":{"path":{"type":"string","description":"The path."},"limit":{"type":"integer","minimum":1}},` +
		`"required":["path"],"additionalProperties":false}}}`
	return []byte(`{"tools":[` + strings.Repeat(tool+",", size/len(tool)) + tool + `],"messages":[{"role":"user","content":"Hi"}],"model":"gpt-5-mini"}`)
}

func BenchmarkScan(b *testing.B) {
	p := jsonscan.Compile(requestSpec)
	for _, bb := range []struct {
		name string
		body []byte
	}{
		{"chat 2KB", chatRequest(2 << 10)},
		{"chat 100KB", chatRequest(100 << 10)},
		{"chat 2MB", chatRequest(2 << 20)},
		{"tools 2KB", toolRequest(2 << 10)},
		{"tools 100KB", toolRequest(100 << 10)},
		{"image 2MB", imageRequest(2 << 20)},
		{"Chinese 100KB", []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat("中文字", 100<<10/9) + `"}],"model":"m"}`)},
		{"escaped Chinese 100KB", []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat(`\u4e2d\u6587`, 100<<10/12) + `"}],"model":"m"}`)},
		{"numbers 100KB", []byte(`{"input":[` + strings.Repeat("12345,", 100<<10/6) + `0],"model":"m"}`)},
		{"a million names", []byte(manyNames(1_000_000))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			hits := make([]jsonscan.Hit, 0, 4096)
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Scan(bb.body, hits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkScanner(b *testing.B) {
	for _, bb := range []struct {
		name  string
		data  []byte
		piece int
	}{
		{"event", []byte(event), 1 << 20},
		{"event with usage", []byte(usageEvent), 1 << 20},
		{"event in two pieces", []byte(event), 120},
		{"answer of 100KB in 4KB", chatRequest(100 << 10), 4096},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := jsonscan.Compile(answerSpec).NewScanner(4096)
			b.SetBytes(int64(len(bb.data)))
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				for rest := bb.data; len(rest) > 0; {
					n := min(len(rest), bb.piece)
					if err := s.Write(rest[:n]); err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

func BenchmarkScanAndSplice(b *testing.B) {
	p := jsonscan.Compile(requestSpec)
	body := chatRequest(2 << 10)
	hits := make([]jsonscan.Hit, 0, 64)
	out := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		r, err := p.Scan(body, hits)
		if err != nil {
			b.Fatal(err)
		}
		h, _ := r.First(0)
		out = jsonscan.Splice(out[:0], body, jsonscan.Edit{Span: h.Span, Text: []byte(`"deployment"`)})
	}
}
