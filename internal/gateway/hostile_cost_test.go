//go:build !race

package gateway_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// distinct is a request with a million members, all of different names.
func distinct() string {
	var b bytes.Buffer
	b.WriteString(`{"model":"m"`)
	for i := range 1_000_000 {
		b.WriteString(`,"` + strings.Repeat("a", 20))
		for n := i; n > 0; n /= 26 {
			b.WriteByte(byte('a' + n%26))
		}
		b.WriteString(`":1`)
	}
	return b.String() + "x"
}

// TestHostileJSONIsCheap: what is hostile at the full 50 MiB is refused in
// little time and leaves nothing behind, neither in memory nor in the budget,
// which has room for one such body and a copy.
func TestHostileJSONIsCheap(t *testing.T) {
	g := gatetest.Start(t, "listen: { body_memory: 100MiB }\n"+simple)
	gatetest.Body(t, g.Post(t, "/v1/chat/completions", hello))
	fill := func(head, one, tail string) string {
		return head + strings.Repeat(one, (50<<20-len(head)-len(tail))/len(one)) + tail
	}
	before := inUse()
	for _, tt := range []struct {
		name string
		body func() string
	}{
		{"levels", func() string { return fill(`{"model":"m","a":`, "[", "") }},
		{"a string without end", func() string { return fill(`{"model":"m","a":"`, "a", "") }},
		{"escapes", func() string { return fill(`{"model":"m","a":"`, `\u0061`, `"`) }},
		{"elements", func() string { return fill(`{"model":"m","a":[`, "1,", "x") }},
		{"objects", func() string { return fill(`{"model":"m","a":[`, `{"a":1,"b":2},`, "x") }},
		{"members", distinct},
		{"a model of surrogates", func() string { return fill(`{"model":"`, `\ud83d\ude00`, `"}`) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.body()
			began := time.Now()
			resp := g.Post(t, "/v1/chat/completions", body)
			answer := gatetest.Body(t, resp)
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("%d MiB took %v, want a second or two", len(body)>>20, took)
			}
			if resp.StatusCode != http.StatusBadRequest || len(answer) > 1000 {
				t.Errorf("%d %s, want a short 400", resp.StatusCode, tail(answer))
			}
		})
	}
	gatetest.Until(t, func() bool { return inUse() < before+16<<20 })
	if n := g.Sim.Served().Total; n != 1 {
		t.Errorf("%d requests reached the upstream, want the first", n)
	}
}
