package dialect_test

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
)

func TestReadCount(t *testing.T) {
	for body, want := range map[string]int64{
		`{"input_tokens":12}`: 12, `{"object":"response.input_tokens","input_tokens":0}`: 0,
		`{"input_tokens":-1}`: -1, `{"input_tokens":"12"}`: -1, `{"input_tokens":1.5}`: -1, `{}`: -1, `[12]`: -1, `12`: -1, ``: -1, `{"input_tokens":12`: -1,
	} {
		if n, ok := dialect.ReadCount([]byte(body)); ok != (want >= 0) || ok && n != want {
			t.Errorf("%s: %d %v, want %d", body, n, ok, want)
		}
	}
}

func FuzzReadCount(f *testing.F) {
	f.Add([]byte(`{"input_tokens":12}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if n, ok := dialect.ReadCount(body); ok && n < 0 {
			t.Errorf("%q: %d", body, n)
		}
	})
}
