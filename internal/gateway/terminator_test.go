package gateway_test

import (
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
)

// TestLastEventHasItsBlankLine: a server that ends its streams with one line
// feed, as Azure once did, is put right, whatever its content type's parameters
// are; to a good stream nothing is added.
func TestLastEventHasItsBlankLine(t *testing.T) {
	for _, media := range []string{"text/event-stream", "text/event-stream; charset=utf-8", "Text/Event-Stream;charset=UTF-8"} {
		for _, cut := range []string{"", "\n", "\n\n"} {
			up := newProvider(t, func(c *upcall) {
				c.keep = true
				events := strings.TrimSuffix(strings.Join(goodAnswers[c.path].events, ""), cut)
				c.send(chunked(ok(media)), chunk(events), "0\r\n\r\n")
			})
			g := gatetest.Start(t, wired, "UP", up.URL)
			for _, c := range dialectCases {
				asks := strings.Replace(c.ask("m", true), `{`, `{"stream_options":{"include_usage":true},`, 1)
				if !strings.HasSuffix(c.path, "completions") {
					asks = c.ask("m", true)
				}
				r := converse(t, g, c.path, asks)
				if want := strings.Join(goodAnswers[c.path].events, ""); r.body != want || r.broken != nil || r.entry.Code != "" {
					t.Errorf("%s, %s without its last %q: the client got\n%q, %v, code %q; want\n%q", c.name, media, cut, r.body, r.broken, r.entry.Code, want)
				}
			}
		}
	}
}
