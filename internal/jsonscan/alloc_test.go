//go:build !race

package jsonscan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/jsonscan"
)

// TestAllocations asserts that nothing is allocated once buffers have grown.
func TestAllocations(t *testing.T) {
	requests := jsonscan.Compile(requestSpec)
	hits := make([]jsonscan.Hit, 0, 256)
	body := chatRequest(8 << 10)
	escaped := []byte(`{"mod\u0065l":"a\n","messages":[{"r\u006fle":"x","content":"data:\u002c"}]}`)
	out := make([]byte, 0, 16<<10)
	answers := jsonscan.Compile(answerSpec).NewScanner(4096)
	first, second := []byte(event[:150]), []byte(event[150:])
	var indices int
	for _, tt := range []struct {
		name string
		run  func() error
	}{
		{"Scan", func() error { _, err := requests.Scan(body, hits); return err }},
		{"Scan with escapes", func() error { _, err := requests.Scan(escaped, hits); return err }},
		{"Scan and Splice", func() error {
			r, err := requests.Scan(body, hits)
			h, _ := r.First(0)
			out = jsonscan.Splice(out[:0], body, jsonscan.Edit{Span: h.Span, Text: []byte(`"m"`)})
			return err
		}},
		{"Scanner", func() error {
			answers.Reset()
			for index, raw := range answers.Each(2) {
				indices += index + len(raw)
			}
			if err := answers.Write(first); err != nil {
				return err
			}
			if err := answers.Write(second); err != nil {
				return err
			}
			for index, raw := range answers.Each(2) {
				indices += index + len(raw)
			}
			if !answers.Done() || string(answers.Value(0)) != "null" {
				return fmt.Errorf("Done %t, Value %q", answers.Done(), answers.Value(0))
			}
			return nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			got := testing.AllocsPerRun(200, func() {
				if e := tt.run(); e != nil {
					err = e
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got != 0 {
				t.Errorf("%s allocates %g times, want 0", tt.name, got)
			}
		})
	}
	if want := indices; want == 0 {
		t.Error("no finish_reason was found")
	}
}

// TestScanIsLinear scans hostile bodies that would take minutes if anything
// were quadratic. They need less than a second together.
func TestScanIsLinear(t *testing.T) {
	p := jsonscan.Compile(testSpec)
	for _, tt := range []struct{ name, body string }{
		{"a million names", manyNames(1_000_000)},
		{"a million escaped names", strings.ReplaceAll(manyNames(1_000_000), "name", `n\u0061me`)},
		{"elements with many names each", `{"messages":[` + strings.Repeat(manyNames(1000)+",", 1000) + `{}]}`},
		{"long names that differ at the end", longNames(31, 500_000)},
		{"a long string of escapes", `{"a":"` + strings.Repeat(`\n`, 5_000_000) + `"}`},
		{"a long data URL header", `{"a":"data:` + strings.Repeat(`;base64`, 1_000_000) + `"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begin := time.Now()
			if _, err := p.Scan([]byte(tt.body), nil); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("Scan of %d bytes took %v", len(tt.body), took)
			}
		})
	}
}

// longNames returns an object of n members with names of size bytes.
func longNames(n, size int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%s%d":0`, strings.Repeat("x", size), i)
	}
	return "{" + b.String()[1:] + "}"
}
