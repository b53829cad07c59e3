package llm_test

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
)

func TestPatternMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern llm.Pattern
		name    string
		want    bool
	}{
		{"gpt-5", "gpt-5", true},
		{"gpt-5", "gpt-5-mini", false},
		{"gpt-5", "GPT-5", false},
		{"gpt-5*", "gpt-5", true},
		{"gpt-5*", "gpt-5-mini", true},
		{"gpt-5*", "my-gpt-5", false},
		{"*gpt-oss*", "my-gpt-oss:20b", true},
		{"*gpt-oss*", "gpt-os", false},
		{"*", "", true},
		{"**", "anything", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "axxbyybzzc", true},
		{"a*b*c", "ac", false},
		{"a*a", "a", false}, // the two must not share a character
		{"*ab", "aab", true},
		{"", "", true},
		{"", "x", false},
	} {
		if got := tt.pattern.Match(tt.name); got != tt.want {
			t.Errorf("Pattern(%q).Match(%q) = %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// FuzzPattern compares Match with the regular expression that its doc comment
// describes.
func FuzzPattern(f *testing.F) {
	f.Add("a*b*c", "aXbXc")
	f.Add("*", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 64 || len(name) > 64 {
			t.Skip()
		}
		re, err := regexp.Compile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
		if err != nil || !isPlain(pattern) || !isPlain(name) {
			t.Skip()
		}
		if got, want := llm.Pattern(pattern).Match(name), re.MatchString(name); got != want {
			t.Errorf("Pattern(%q).Match(%q) = %v, want %v", pattern, name, got, want)
		}
	})
}

func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 126 })
}

func TestCodesAreComplete(t *testing.T) {
	seen := map[llm.Code]bool{}
	for _, row := range llm.Codes() {
		if seen[row.Code] {
			t.Errorf("code %q stands twice", row.Code)
		}
		seen[row.Code] = true
		if row.Status < 400 || row.Status > 599 || row.OpenAI == "" || row.Anthropic == "" || row.Message == "" || row.Remedy == "" {
			t.Errorf("row of %q is not complete: %+v", row.Code, row)
		}
		if got := row.Code.Row(); got != row {
			t.Errorf("Code(%q).Row() = %+v, want %+v", row.Code, got, row)
		}
	}
	if got := llm.Code("no such code").Row().Code; got != llm.CodeInternal {
		t.Errorf("an unknown code has the row of %q, want %q", got, llm.CodeInternal)
	}
}

func TestAsError(t *testing.T) {
	inner := &llm.Error{Code: llm.CodeInvalidKey, Op: "auth.authenticate"}
	if got := llm.AsError(fmt.Errorf("serving: %w", inner)); got != inner {
		t.Errorf("AsError(wrapped) = %v, want the error inside", got)
	}
	got := llm.AsError(io.ErrUnexpectedEOF)
	if got.Code != llm.CodeInternal || !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("AsError(%v) = %v, want an internal error that wraps it", io.ErrUnexpectedEOF, got)
	}
	if strings.Contains(got.Message(), "EOF") {
		t.Errorf("Message() = %q shows the cause of an internal error", got.Message())
	}
	if llm.AsError(nil) != nil {
		t.Error("AsError(nil) is not nil")
	}
}

func TestRoutesOfOperations(t *testing.T) {
	for _, op := range []llm.Operation{llm.OpChat, llm.OpCompletions, llm.OpImageEdit, llm.OpOllamaChat, llm.OpRealtime} {
		if got := llm.OperationAt(op.Route()); got != op {
			t.Errorf("OperationAt(%q) = %q, want %q", op.Route(), got, op)
		}
	}
	if llm.OpTransparent.Route() != "" || llm.OperationAt("nothing") != "" {
		t.Error("what has no route has one")
	}
}
