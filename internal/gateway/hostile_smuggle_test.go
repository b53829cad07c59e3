package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/gatetest"
	"github.com/weir-gateway/weir/internal/llm"
)

// inChunks is a body in one chunk, and its end.
func inChunks(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }

// sized is a body behind its length and the end of the headers.
func sized(body string) string {
	return "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// conversation sends text and, behind it, a last request, and returns the
// status of every answer until the connection is closed. exchanges is how many
// of them must have left an entry.
func conversation(t *testing.T, g *gatetest.Gate, text string) (all []int, exchanges int) {
	t.Helper()
	w := connect(t, g)
	_, _ = io.WriteString(w, text+"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	r := bufio.NewReader(strings.NewReader(w.end()))
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return all, exchanges
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		all = append(all, resp.StatusCode)
		ours := resp.Header.Get("X-Request-Id") != "" && !strings.HasPrefix(string(b), `{"status"`)
		if ours && resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusNotFound {
			exchanges++
		}
	}
}

// TestSmuggling: every request is where its own framing says it is, or there
// is none.
func TestSmuggling(t *testing.T) {
	g := gatetest.Start(t, keyed)
	const key = "x-api-key: " + aliceKey + "\r\n"
	const post = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	const good = post + key
	other := strings.Replace(hello, `"m"`, `"other"`, 1)
	for _, tt := range []struct {
		name, text string
		want       []int // the last is that of the request behind, if it is reached
		served     int
	}{
		{"nothing wrong", good + sized(hello), []int{200, 200}, 1},
		{"in chunks", good + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(hello), []int{200, 200}, 1},
		{"two requests", good + sized(hello) + good + sized(other), []int{200, 200, 200}, 2},
		{"two requests in chunks", good + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(hello) + good + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(other), []int{200, 200, 200}, 2},
		{"two requests, the second without a key", good + sized(hello) + post + sized(other), []int{200, 401}, 1},
		{"two requests, the first without a key", post + sized(hello) + good + sized(other), []int{401}, 0}, // the connection ends with it
		{"both lengths", good + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + inChunks(hello), []int{200, 200}, 1},
		{"both lengths, the other way round", good + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + inChunks(hello), []int{200, 200}, 1},
		{"both lengths, a request hidden", good + "Content-Length: 300\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + post + sized(hello), []int{400, 401}, 0},
		{"an unknown coding", good + "Transfer-Encoding: xchunked\r\n\r\n" + inChunks(hello), []int{501}, 0},
		{"an unknown coding and a length", good + "Transfer-Encoding: xchunked\r\n" + sized(hello), []int{501}, 0},
		{"chunked, twice", good + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + inChunks(hello), []int{501}, 0},
		{"chunked and identity", good + "Transfer-Encoding: chunked, identity\r\n\r\n" + inChunks(hello), []int{501}, 0},
		{"chunked behind a vertical tab", good + "Transfer-Encoding: \vchunked\r\n\r\n" + inChunks(hello), []int{400}, 0},
		{"chunked before a space and the colon", good + "Transfer-Encoding : chunked\r\n\r\n" + inChunks(hello), []int{400}, 0},
		{"chunked in a folded line", good + "Transfer-Encoding:\r\n chunked\r\n\r\n" + inChunks(hello), []int{200, 200}, 1},
		{"chunked in HTTP/1.0", strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + inChunks(hello), []int{400, 400}, 0},
		{"two lengths", good + "Content-Length: 5\r\n" + sized(hello), []int{400}, 0},
		{"two lengths in one line", good + "Content-Length: 5, 60\r\n\r\n" + hello, []int{400}, 0},
		{"the same length twice", good + "Content-Length: " + strconv.Itoa(len(hello)) + "\r\n" + sized(hello), []int{200, 200}, 1},
		{"a signed length", good + "Content-Length: +60\r\n\r\n" + hello, []int{400}, 0},
		{"a negative length", good + "Content-Length: -1\r\n\r\n" + hello, []int{400}, 0},
		{"a hexadecimal length", good + "Content-Length: 0x3c\r\n\r\n" + hello, []int{400}, 0},
		{"a length beyond 64 bits", good + "Content-Length: 99999999999999999999\r\n\r\n" + hello, []int{400}, 0},
		{"an empty length", good + "Content-Length:\r\n\r\n" + hello, []int{400}, 0},
		{"a folded length", good + "Content-Length: 6\r\n 0\r\n\r\n" + hello, []int{400}, 0},
		{"a body longer than its length", good + sized(hello) + hello, []int{200, 400}, 1},
		{"a chunk extension", good + "Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(inChunks(hello), "\r\n", ";a=\"b\";c\r\n", 1), []int{200, 200}, 1},
		{"a chunk extension without end", good + "Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(inChunks(hello), "\r\n", ";"+strings.Repeat("a", 10_000)+"\r\n", 1), []int{400}, 0},
		{"more extension than body", good + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("a", 2000)+"\r\n \r\n", 100) + inChunks(hello), []int{400}, 0},
		{"chunks with bare LF", good + "Transfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(inChunks(hello), "\r\n", "\n"), []int{400}, 0},
		{"a chunk extension with bare LF", good + "Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(inChunks(hello), "\r\n", ";\n\r\n", 1), []int{400}, 0},
		{"a signed chunk size", good + "Transfer-Encoding: chunked\r\n\r\n+" + inChunks(hello), []int{400}, 0},
		{"a hexadecimal prefix", good + "Transfer-Encoding: chunked\r\n\r\n0x" + inChunks(hello), []int{400}, 0},
		{"a chunk beyond 64 bits", good + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + hello, []int{400}, 0},
		{"a chunk longer than its size", good + "Transfer-Encoding: chunked\r\n\r\n5\r\n" + hello + "\r\n0\r\n\r\n", []int{400}, 0},
		{"trailers that are headers", post + "Transfer-Encoding: chunked\r\nTrailer: x-api-key\r\n\r\n" + strings.TrimSuffix(inChunks(hello), "\r\n") + key + "\r\n", []int{401}, 0},
		{"trailers", good + "Transfer-Encoding: chunked\r\nTrailer: x-a\r\nTE: trailers\r\n\r\n" + strings.TrimSuffix(inChunks(hello), "\r\n") + "x-a: b\r\n\r\n", []int{200, 200}, 1},
		{"a length in the trailers", good + "Transfer-Encoding: chunked\r\nTrailer: content-length\r\n\r\n" + inChunks(hello), []int{400}, 0},
		{"trailers without end", good + "Transfer-Encoding: chunked\r\n\r\n" + strings.TrimSuffix(inChunks(hello), "\r\n") + "x-a: " + strings.Repeat("b", 10_000) + "\r\n\r\n", []int{400}, 0},
		{"a folded header", post + "x-api-key:\r\n " + aliceKey + "\r\n" + sized(hello), []int{200, 200}, 1},
		{"bare LF", strings.ReplaceAll(good, "\r\n", "\n") + "Content-Length: " + strconv.Itoa(len(hello)) + "\n\n" + hello, []int{200, 200}, 1},
		{"CR in a value", post + "x-a: b\rx-api-key: " + aliceKey + "\r\n" + sized(hello), []int{400}, 0},
		{"CR before CR LF", post + "x-a: b\r\r\n" + key + sized(hello), []int{400}, 0},
		{"NUL in a value", good + "x-a: b\x00c\r\n" + sized(hello), []int{400}, 0},
		{"NUL in a name", good + "x-a\x00: b\r\n" + sized(hello), []int{400}, 0},
		{"a space in a name", good + "x a: b\r\n" + sized(hello), []int{400}, 0},
		{"a space before the colon", post + "x-api-key : " + aliceKey + "\r\n" + sized(hello), []int{400}, 0},
		{"an underscore is not a dash", post + "x_api_key: " + aliceKey + "\r\n" + sized(hello), []int{401}, 0},
		{"a line without colon", good + "x-a\r\n" + sized(hello), []int{400}, 0},
		{"a line before the headers", strings.Replace(good, "Host:", " x-a: b\r\nHost:", 1) + sized(hello), []int{400}, 0},
		{"no host", strings.Replace(good, "Host: localhost\r\n", "", 1) + sized(hello), []int{400}, 0},
		{"two hosts", good + "Host: localhost\r\n" + sized(hello), []int{400}, 0},
		{"a host with a slash", strings.Replace(good, "Host: localhost", "Host: localhost/x", 1) + sized(hello), []int{400}, 0},
		{"an upgrade to h2c", good + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" + sized(hello), []int{200, 200}, 1},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{404}, 0},
		{"HTTP/2 by name", strings.Replace(good, "HTTP/1.1", "HTTP/2.0", 1) + sized(hello), []int{505}, 0},
		{"HTTP/0.9", "GET /healthz\r\n\r\n", []int{400}, 0},
		{"two spaces", strings.Replace(good, " HTTP", "  HTTP", 1) + sized(hello), []int{400}, 0},
		{"a method that is none", strings.Replace(good, "POST", "PO(ST", 1) + sized(hello), []int{400}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, entries := g.Sim.Served().Total, g.Ledger.Total()
			got, exchanges := conversation(t, g, tt.text)
			if !slices.Equal(got, tt.want) {
				t.Errorf("answers %v, want %v", got, tt.want)
			}
			if n := int(g.Ledger.Total() - entries); n != exchanges {
				t.Errorf("%d entries, want %d", n, exchanges)
			}
			if n := int(g.Sim.Served().Total - before); n != tt.served {
				t.Errorf("%d requests reached the upstream, want %d", n, tt.served)
			}
		})
	}
	for _, e := range g.Ledger.Entries() {
		if e.Code == llm.CodeClientClosed {
			t.Errorf("entry = %+v, but nobody has left", e)
		}
	}
}
