package responses

import (
	"slices"
	"testing"
)

func TestSealed(t *testing.T) {
	for _, tt := range []struct {
		body string
		want []string
	}{
		{`{"input":"a"}`, nil},
		{`{}`, nil},
		{`{"input":[{"role":"user","content":"encrypted_content"},{"type":"reasoning","encrypted_content":null},{"type":"reasoning","encrypted_content":""}]}`, nil},
		{`{"input":[{"type":"reasoning","encrypted_content":"a"},{"type":"reasoning","encrypted_content":"weir1.x"},{"type":"compaction","encrypted_content":"b"},{"type":"reasoning","encrypted_content":"c"}]}`, []string{"c", "b"}},
	} {
		if got := (Dialect{}).Sealed([]byte(tt.body), 2); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.body, got, tt.want)
		}
	}
}

// TestCacheKey: the key of a prompt's cache is found in the one pass.
func TestCacheKey(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m","input":[{"prompt_cache_key":"b"}],"prompt_cache_key":"a\u0062"}`: `"a\u0062"`,
		`{"model":"m","prompt_cache_key":null}`:                                         "",
		`{"model":"m"}`:                                                                 "",
	} {
		r, err := Dialect{}.ReadRequest([]byte(body))
		if got := body[r.CacheKey.Start:r.CacheKey.End]; err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", body, got, err, want)
		}
	}
}
