package telemetry

import (
	"strings"
	"testing"
	"unicode"
)

// TestVeil: no cut of a text shows a value, and all of the rest comes out.
func TestVeil(t *testing.T) {
	secrets := []string{"azure-key-0123", "azure-key", "weir/secret+1", "tiny", "ünïcode-key"}
	for _, tt := range []struct{ in, want string }{
		{"nothing here", "nothing here"},
		{"a azure-key-0123 b", "a [redacted] b"},
		{"azure-key-0124", "[redacted]-0124"},
		{"azure-keazure-key", "azure-ke[redacted]"},
		{"azure-key-0123azure-key", "[redacted][redacted]"},
		{"weir%2Fsecret%2B1&weir/secret+1", "[redacted]&[redacted]"},
		{"tiny", "tiny"},
		{"ünïcode-key é", "[redacted] é"},
		{"azure-k", "[redacted]"},
		{"azur", "azur"},
	} {
		for cut := range len(tt.in) + 1 {
			v := newVeil(secrets)
			if got := v.next([]byte(tt.in[:cut])) + v.next([]byte(tt.in[cut:])) + v.rest(); got != tt.want {
				t.Errorf("%q | %q comes out as %q, want %q", tt.in[:cut], tt.in[cut:], got, tt.want)
			}
		}
		v, got := newVeil(secrets), ""
		for i := range len(tt.in) {
			got += v.next([]byte{tt.in[i]})
		}
		if got += v.rest(); got != tt.want {
			t.Errorf("%q, byte by byte, comes out as %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain \"text\" \\ é 日本 😀": "plain \"text\" \\ é 日本 😀",
		"a\nb\tc\r":                `a\nb\tc\r`,
		"\x1b[2J\x07\x00":          `\x1b[2J\a\x00`,
		"\u0085\u202e\u200b\ufeff": `\u0085\u202e\u200b\ufeff`,
		"\xff\xc3(":                `\xff\xc3(`,
		"\uFFFD":                   "\uFFFD",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzVeil: whatever comes, in whatever pieces, no value is shown and nothing
// that a terminal would act on.
func FuzzVeil(f *testing.F) {
	f.Add("hello secret-value-1 \x1b[31m", 7)
	f.Add("secret-vsecret-value-1", 3)
	f.Add("\xc3\xa9\xc3", 1)
	f.Fuzz(func(t *testing.T, in string, step int) {
		const secret = "secret-value-1"
		step = max(1, step)
		v := newVeil([]string{secret, "secret-value-12", "value-1sec"})
		var out strings.Builder
		for b := []byte(in); len(b) > 0; {
			n := min(step, len(b))
			out.WriteString(clean(v.next(b[:n])))
			b = b[n:]
		}
		out.WriteString(clean(v.rest()))
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q comes out as %q", in, out.String())
		}
		if strings.ContainsFunc(out.String(), unicode.IsControl) {
			t.Errorf("%q comes out with control characters: %q", in, out.String())
		}
	})
}
