package gateway_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gateway"
)

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		glob, path string
		want       bool
	}{
		{"/v1/files", "/v1/files", true},
		{"/v1/files", "/v1/files/", false},
		{"/v1/files", "/v1/file", false},
		{"/v1/files/*", "/v1/files/file-1", true},
		{"/v1/files/*", "/v1/files", false},
		{"/v1/files/*", "/v1/files/file-1/content", false},
		{"/v1/files/*/content", "/v1/files/file-1/content", true},
		{"/v1/files/*/content", "/v1/files/a/b/content", false},
		{"/v1/files/**", "/v1/files/file-1/content", true},
		{"/v1/files/**", "/v1/files", false},
		{"/v1/files**", "/v1/files", true},
		{"/openai/files*", "/openai/files", true},
		{"/openai/files*", "/openai/files/1", false},
		{"/v1/**/content", "/v1/files/a/content", true},
		{"/v1/**/content", "/v1/content", false},
		{"/v1/*a*b", "/v1/xaxxb", true},
		{"/v1/*a*b", "/v1/xaxxc", false},
		{"/v1/**a*b/c", "/v1/a/ab/ab/c", true},
		{"*", "", true},
		{"", "", true},
		{"", "x", false},
	} {
		if got := gateway.Glob(tt.glob).Match(tt.path); got != tt.want {
			t.Errorf("Glob(%q).Match(%q) = %v, want %v", tt.glob, tt.path, got, tt.want)
		}
	}
}

// TestGlobIsBounded matches what would take an age if every star tried
// everything.
func TestGlobIsBounded(t *testing.T) {
	glob := gateway.Glob("/v1/" + strings.Repeat("*a**b*", 30) + "c")
	if glob.Match("/v1/" + strings.Repeat("ab", 2000)) {
		t.Error("a path without c matches a pattern that ends in it")
	}
}

// globOracle is the regular expression that means the same.
func globOracle(glob string) *regexp.Regexp {
	s := regexp.QuoteMeta(glob)
	s = strings.ReplaceAll(s, `\*\*`, `(?s:.*)`)
	s = strings.ReplaceAll(s, `\*`, `[^/]*`)
	return regexp.MustCompile(`^` + s + `$`)
}

func FuzzGlob(f *testing.F) {
	for _, glob := range []string{"/v1/files/*", "/v1/**/a*b", "***", "*a**b*"} {
		f.Add(glob, "/v1/files/ab/acb")
	}
	f.Fuzz(func(t *testing.T, glob, path string) {
		if strings.ContainsFunc(glob+path, func(r rune) bool { return r < ' ' || r > '~' }) || len(glob) > 50 {
			return // paths are escaped
		}
		if got, want := gateway.Glob(glob).Match(path), globOracle(glob).MatchString(path); got != want {
			t.Errorf("Glob(%q).Match(%q) = %v, want %v", glob, path, got, want)
		}
	})
}
