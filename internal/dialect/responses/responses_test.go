package responses_test

import (
	"flag"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write what was found into testdata")

func suite() dialecttest.Suite {
	return dialecttest.Suite{
		Dialect: responses.Dialect{},
		Name:    llm.Responses,
		Dir:     "testdata",
		Update:  *update,
		Begin: "event: response.created\n" +
			`data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1700000001,"model":"gpt-5","status":"in_progress","usage":null}}` + "\n\n",
		Content: "event: response.output_text.delta\n" +
			`data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"some text","logprobs":[]}` + "\n\n",
	}
}

func TestDialect(t *testing.T) { suite().Run(t) }

func FuzzTap(f *testing.F) { suite().FuzzTap(f) }

func FuzzRequest(f *testing.F) { suite().FuzzRequest(f) }

// TestHugeEvent checks that a final response of megabytes, as images make it,
// is watched without being held.
func TestHugeEvent(t *testing.T) {
	const size, limit = 8 << 20, 256 << 10
	event := []byte(`data: {"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","output":[{"type":"image_generation_call","result":"` +
		strings.Repeat("iVBORw0KGgo", size/11) + `"}],"usage":{"input_tokens":10,"output_tokens":20,"total_tokens":30}}}` + "\n\n")
	tap := responses.Dialect{}.NewTap(true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for p := event; len(p) > 0; {
		n, _, err := tap.Next(p[:min(4096, len(p))])
		if err != nil {
			t.Fatalf("Next error = %v", err)
		}
		p = p[n:]
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > limit {
		t.Errorf("watching an event of %d bytes allocates %d, want at most %d", len(event), got, limit)
	}
	if u := tap.Usage(); !tap.Complete() || u.Input != 10 || u.Output != 20 {
		t.Errorf("Usage() = %+v, complete %v, want 10 in, 20 out, complete", u, tap.Complete())
	}
}

// TestSequence checks that the failure goes on where the stream stopped.
func TestSequence(t *testing.T) {
	tap := responses.Dialect{}.NewTap(true)
	for p := []byte(suite().Begin + suite().Content); len(p) > 0; {
		n, _, err := tap.Next(p)
		if err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	got := string(responses.Dialect{}.StreamFailure(nil, dialect.Failure{RequestID: "a b/c\n"}, tap))
	for _, want := range []string{`"sequence_number":5,`, `"id":"resp_1"`, `"created_at":1700000001`, `"model":"gpt-5"`} {
		if !strings.Contains(got, want) {
			t.Errorf("StreamFailure = %s, want %s in it", got, want)
		}
	}
	got = string(responses.Dialect{}.StreamFailure(nil, dialect.Failure{RequestID: "a b/c\n", Time: time.Unix(1800000000, 5)}, nil))
	for _, want := range []string{`"sequence_number":0,`, `"id":"resp_weir_abc"`, `"created_at":1800000000`, `"model":""`} {
		if !strings.Contains(got, want) {
			t.Errorf("StreamFailure = %s, want %s in it", got, want)
		}
	}
}
