package llm_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write docs/errors.md anew") // immutable

const page = "../../docs/errors.md"

// TestErrorsPage fails if docs/errors.md is not what the table says.
func TestErrorsPage(t *testing.T) {
	want := errorsPage()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/errors.md is not what internal/llm/code.go says; run: go test ./internal/llm -update")
	}
}

func errorsPage() string {
	var b strings.Builder
	b.WriteString(`# Errors

Every error that Weir makes has one of the codes below. OpenAI clients find it
in ` + "`error.code`" + `, Anthropic clients too; the log line and the ledger entry of the
request have it as ` + "`code`" + `. Beside the members of the client's own dialect every
error carries ` + "`request_id`" + ` (also in the header ` + "`x-request-id`" + `), ` + "`retryable`" + `, and
` + "`upstream_status`" + `, the upstream's own status where it had one.

Find the request by its id in the log: the line says which upstream was asked,
what it answered, and the cause that the client is not shown. Requests that were
turned away before they were anybody's (401, unknown paths, foreign hosts) have
a line "refused"; of those with one code only ten are written at once and one
each second after that, and ` + "`left_out_before`" + ` counts the others.

A failure after the first byte of a stream cannot change the status any more:
the stream ends in its dialect's own failure (an error object without
` + "`[DONE]`" + `, ` + "`response.failed`" + `, ` + "`event: error`" + `) with the same code. In
` + "`response.failed`" + ` it is ` + "`error.weir_code`" + `: ` + "`error.code`" + ` is ` + "`server_error`" + ` or
` + "`rate_limit_exceeded`" + ` there, which clients know to retry. A whole answer that fails after its first byte breaks the connection off.

Where a code says "passed on", the upstream's own status and body reach the
client as they are; its status is kept, instead of the one named here, even
where its body cannot be shown. Every 429 carries an integer ` + "`Retry-After`" + `. Where a retry
cannot help but SDKs would retry by status, ` + "`x-should-retry: false`" + ` stops them.

This page is made from ` + "`internal/llm/code.go`" + `.
`)
	for _, r := range llm.Codes() {
		retry := "no"
		if r.Retry {
			retry = "yes"
		}
		passed := ""
		if r.PassAnswer {
			passed = "; the upstream's answer is passed on where it is in the client's dialect"
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", r.Code, sentence(r.Message))
		fmt.Fprintf(&b, "- status %d%s\n- kind `%s`; type `%s` (OpenAI), `%s` (Anthropic)\n- worth a retry: %s\n\n%s\n",
			r.Status, passed, r.Kind, r.OpenAI, r.Anthropic, retry, r.Remedy)
	}
	return b.String()
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
