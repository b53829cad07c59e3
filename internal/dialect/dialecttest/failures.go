package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/sse"
)

// requestID stands in every failure of the suite.
const requestID = "req_0123456789"

// failures are the ones that are kept as text. Their messages are given, so
// that a better word in the table of codes changes no file.
var failures = []struct { // immutable
	name string
	f    dialect.Failure
}{
	{"client's fault", dialect.Failure{Err: &llm.Error{Code: llm.CodeInvalidValue, Param: "stream_options", Public: "stream_options must be an object or null"}}},
	{"model not found", dialect.Failure{Err: &llm.Error{Code: llm.CodeModelNotFound, Param: "model", Public: `no such model: "gpt-\5"`}}},
	{"upstream limited", dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamLimited, Public: "the limit was reached", RetryAfter: 2500 * time.Millisecond, Answer: &llm.Answer{Status: 429}}}},
	{"upstream failed", dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamFailed, Public: "the upstream failed", Answer: &llm.Answer{Status: 503}}}},
	{"truncated", dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamTruncated, Public: "the answer ended too early", Err: errors.New("secret")}}},
	{"truncated and torn", dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamTruncated, Public: "the answer ended too early"}, Torn: true}},
	{"internal", dialect.Failure{Err: &llm.Error{Code: llm.CodeInternal, Public: "internal error", Err: errors.New("secret")}}},
	{"hostile", dialect.Failure{Err: &llm.Error{Code: llm.CodeUnknownURL, Public: "no such path: /\x1b[31m\r\n\ndata: x\x00\u009b\u2028</script>\xff"}}},
}

// begun returns a tap that has seen the beginning of a stream.
func (s Suite) begun(t testing.TB) *dialect.Tap {
	t.Helper()
	tap := s.Dialect.NewTap(true)
	for p := []byte(s.Begin + s.Content); len(p) > 0; {
		n, _, err := tap.Next(p)
		if err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	return tap
}

func (s Suite) testFailures(t *testing.T) {
	a := readArchive(t, filepath.Join(s.Dir, "failures.txtar"))
	for _, tt := range failures {
		f := tt.f
		f.RequestID = requestID
		s.compare(t, a, tt.name+", whole", string(s.Dialect.Failure(nil, f))+"\n")
		s.compare(t, a, tt.name+", stream", string(s.Dialect.StreamFailure(nil, f, s.begun(t))))
	}
	if s.Update {
		a.write(t)
	}
}

func (s Suite) compare(t *testing.T, a *archive, name, got string) {
	t.Helper()
	if s.Update {
		a.set(name, got)
		return
	}
	if want, _ := a.file(name); got != want {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

// told is what a client reads out of a failure, in whatever dialect.
type told struct {
	Message        string
	Code           string
	Param          *string
	Retryable      *bool
	UpstreamStatus *int
	RequestID      string
}

// read decodes a rendered failure.
func read(t *testing.T, data []byte) told {
	t.Helper()
	type object struct {
		Message        string
		Code           string
		WeirCode       string `json:"weir_code"`
		Param          *string
		Retryable      *bool
		UpstreamStatus *int   `json:"upstream_status"`
		RequestID      string `json:"request_id"`
	}
	var body struct {
		Error     *object
		Response  struct{ Error *object }
		RequestID string `json:"request_id"`
	}
	// The strict scan refuses members that come twice, and all but one object.
	if _, err := dialect.ReadRequest(data); err != nil {
		t.Fatalf("failure %s is no strict JSON: %v", data, err)
	}
	if err := json.Unmarshal(data, &body); err != nil {
		t.Fatalf("failure %s: %v", data, err)
	}
	e := body.Error
	if e == nil {
		e = body.Response.Error
	}
	if e == nil {
		t.Fatalf("failure %s has no error", data)
	}
	k := told{e.Message, e.Code, e.Param, e.Retryable, e.UpstreamStatus, e.RequestID + body.RequestID}
	if e.WeirCode != "" {
		k.Code = e.WeirCode
	}
	return k
}

// testEveryCode checks of each code that a client is told what it needs, and
// that a tap understands the end of a stream that failed.
func (s Suite) testEveryCode(t *testing.T) {
	for _, row := range llm.Codes() {
		for _, status := range []int{0, 503} {
			f := dialect.Failure{Err: &llm.Error{Code: row.Code, Err: errors.New("secret")}, RequestID: requestID}
			if status != 0 {
				f.Err.Answer = &llm.Answer{Status: status, Body: []byte("secret")}
			}
			whole := s.Dialect.Failure(nil, f)
			if !bytes.Equal(whole, s.Dialect.Failure(nil, f)) {
				t.Errorf("%s is not rendered the same way twice", row.Code)
			}
			for _, data := range [][]byte{whole, s.lastEvent(t, f, "")} {
				checkTold(t, f, data)
			}
		}
	}
}

func checkTold(t *testing.T, f dialect.Failure, data []byte) {
	t.Helper()
	row, k := f.Err.Code.Row(), read(t, data)
	if k.Code != string(row.Code) || k.Message != row.Message || k.RequestID != requestID {
		t.Errorf("%s is told as %q %q with request id %q, want the row's message and the id", row.Code, k.Code, k.Message, k.RequestID)
	}
	if k.Retryable == nil || *k.Retryable != row.Retry {
		t.Errorf("%s has retryable %v, want %v", row.Code, k.Retryable, row.Retry)
	}
	switch {
	case f.Err.Answer == nil && k.UpstreamStatus != nil:
		t.Errorf("%s has upstream status %d, want null", row.Code, *k.UpstreamStatus)
	case f.Err.Answer != nil && (k.UpstreamStatus == nil || *k.UpstreamStatus != f.Err.Answer.Status):
		t.Errorf("%s has upstream status %v, want %d", row.Code, k.UpstreamStatus, f.Err.Answer.Status)
	}
	if bytes.Contains(data, []byte("secret")) {
		t.Errorf("%s tells the cause or the upstream's body: %s", row.Code, data)
	}
}

// lastEvent ends a stream with f, behind the beginning and what follows it,
// and returns the data of its last event.
func (s Suite) lastEvent(t *testing.T, f dialect.Failure, torn string) []byte {
	t.Helper()
	end := s.Dialect.StreamFailure([]byte("kept"), f, s.begun(t))
	stream, ok := strings.CutPrefix(string(end), "kept")
	if !ok {
		t.Fatalf("StreamFailure replaced what was there: %s", end)
	}
	if !strings.HasSuffix(stream, "\n\n") || strings.Contains(stream, "\ndata: [DONE]") {
		t.Errorf("StreamFailure = %q, want an empty line at the end and no [DONE]", stream)
	}
	var events []sse.Event
	for e, err := range sse.Events(strings.NewReader(torn+stream), 0) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, sse.Event{Name: bytes.Clone(e.Name), Data: bytes.Clone(e.Data)})
	}
	want := 1
	if strings.Contains(torn, "data:") {
		want++
	}
	if len(events) != want {
		t.Fatalf("%q has %d events, want %d", torn+stream, len(events), want)
	}
	tap := s.Dialect.NewTap(true)
	watched := watch(t, tap, s.Begin+s.Content+torn+stream)
	if _, message, ok := tap.Failed(); !ok || message == "" || watched.close != "ok" {
		t.Errorf("a tap does not take %q for a failure: %s", stream, watched)
	}
	return events[len(events)-1].Data
}

func (s Suite) testTorn(t *testing.T) {
	f := dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamTruncated}, RequestID: requestID, Torn: true}
	for _, torn := range []string{
		"data: {\"a\":", "data: {\"a\":1}\n", "data: {\"a\":1}\r\n", "data: {\"a\":1}\r", "data",
		": comme", "event: x", "event: x\n", "eve", "id: 1\r",
	} {
		t.Run(torn, func(t *testing.T) {
			if torn == "data" {
				torn = "data:" // counted by lastEvent
			}
			checkTold(t, f, s.lastEvent(t, f, torn))
		})
	}
}

func (s Suite) testUnbegun(t *testing.T) {
	f := dialect.Failure{Err: &llm.Error{Code: llm.CodeIdleTimeout}, RequestID: requestID, Time: time.Unix(1700000000, 0)}
	without := s.Dialect.StreamFailure(nil, f, nil)
	if with := s.Dialect.StreamFailure(nil, f, s.Dialect.NewTap(true)); !bytes.Equal(with, without) {
		t.Errorf("StreamFailure without a tap = %s, with a new one %s, want the same", without, with)
	}
	if k := read(t, bytes.TrimSpace(without[bytes.Index(without, []byte("data: "))+len("data: "):])); k.Code != string(llm.CodeIdleTimeout) {
		t.Errorf("StreamFailure tells %q, want %q", k.Code, llm.CodeIdleTimeout)
	}
	if k := read(t, s.Dialect.Failure(nil, dialect.Failure{RequestID: requestID})); k.Code != string(llm.CodeInternal) {
		t.Errorf("Failure without an error tells %q, want %q", k.Code, llm.CodeInternal)
	}
}

// testHostileMessage checks that nothing in a message can break out of it.
func (s Suite) testHostileMessage(t *testing.T) {
	const limit = 4 << 10
	for _, message := range []string{
		"\x1b]0;title\x07\x1b[2J", "a\r\n\r\ndata: [DONE]\n\n", `"},"error":null,{"`, "\x00\x01\x7f\u0085\u009b",
		"\xff\xfe", strings.Repeat("x", limit), strings.Repeat("é", limit), strings.Repeat("\x1b", limit), strings.Repeat("😀", limit),
	} {
		f := dialect.Failure{Err: &llm.Error{Code: llm.CodeUnknownURL, Public: message}, RequestID: requestID}
		for _, data := range [][]byte{s.Dialect.Failure(nil, f), s.lastEvent(t, f, "")} {
			k := read(t, data)
			if k.Message == "" || len(k.Message) > limit {
				t.Errorf("message of %d bytes comes out with %d, want 1 to %d", len(message), len(k.Message), limit)
			}
			if i := strings.IndexFunc(k.Message, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
				t.Errorf("message %q has a control character at %d", k.Message, i)
			}
			if len(message) == limit && message[0] == 'x' && k.Message != message {
				t.Errorf("message of exactly %d bytes is changed", limit)
			}
		}
	}
}
