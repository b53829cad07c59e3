package dialecttest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/sse"
)

// A verdict is everything that a tap finds in one answer.
type verdict struct {
	events, content, dropped int
	passed                   string // what a relay passes on that drops what it may
	tail                     string // what Close says of the bytes behind the last boundary
	close                    string
	summary                  string
}

func (v verdict) String() string {
	return fmt.Sprintf("events: %d, with content: %d, dropped: %d\ntail: %s\nclose: %s\n%s",
		v.events, v.content, v.dropped, v.tail, v.close, v.summary)
}

// watch shows an answer to a tap, in these pieces, as a relay does that passes
// on whole events only.
func watch(t testing.TB, tap *dialect.Tap, pieces ...string) (v verdict) {
	t.Helper()
	var passed, held strings.Builder
	for _, piece := range pieces {
		for p := []byte(piece); len(p) > 0; {
			n, end, err := tap.Next(p)
			if err != nil {
				v.close = "error in the stream: " + code(err)
				v.summary = summary(tap)
				return v
			}
			if n <= 0 || n > len(p) || end == dialect.None && n != len(p) {
				t.Fatalf("Next(%q) = %d, %v, want all of it or a boundary", p, n, end)
			}
			held.Write(p[:n])
			p = p[n:]
			v.note(tap, end)
			if end == dialect.None {
				continue
			}
			if !tap.Drop() {
				passed.WriteString(held.String())
			}
			held.Reset()
		}
	}
	v.tail = "nothing"
	if tap.Pending() {
		v.tail = "torn"
	}
	end, err := tap.Close()
	if end == dialect.Event {
		v.tail = "whole"
		v.note(tap, end)
		passed.WriteString(held.String())
	}
	v.passed, v.close, v.summary = passed.String(), code(err), summary(tap)
	return v
}

func (v *verdict) note(tap *dialect.Tap, end dialect.Boundary) {
	if end != dialect.Event {
		return
	}
	v.events++
	if tap.Content() {
		v.content++
	}
	if tap.Drop() {
		v.dropped++
	}
}

func code(err error) string {
	if err == nil {
		return "ok"
	}
	return string(llm.AsError(err).Code)
}

func summary(tap *dialect.Tap) string {
	failure := "no"
	if code, message, ok := tap.Failed(); ok {
		failure = fmt.Sprintf("%q %q", code, message)
	}
	u := tap.Usage()
	units := ""
	if u.Images != 0 || u.Audio != 0 {
		units = fmt.Sprintf(", images %d, audio %v", u.Images, u.Audio)
	}
	return fmt.Sprintf(`complete: %v
failed: %s
usage: %s, input %d (cached %d, written %d), output %d (reasoning %d)%s
output bytes: %d
id %q, model %q, created %d, sequence %d
`, tap.Complete(), failure, u.Provenance, u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning, units,
		tap.OutputBytes(), tap.ResponseID(), tap.Model(), tap.Created(), tap.Sequence())
}

func (s Suite) testAnswers(t *testing.T) {
	for name, a := range archives(t, filepath.Join(s.Dir, "answers")) {
		t.Run(name, func(t *testing.T) {
			if strings.TrimSpace(a.comment) == "" {
				t.Errorf("%s has no comment", a.path)
			}
			answer, stream := a.file("stream")
			if !stream {
				answer, _ = a.file("whole")
			}
			answer = strings.TrimSuffix(answer, "CUT\n")
			got := watch(t, s.Dialect.NewTap(stream), answer)
			if s.Update {
				a.set("want", got.String())
				a.write(t)
			}
			if want, _ := a.file("want"); got.String() != want {
				t.Errorf("a tap finds\n%s\nwant\n%s", got, want)
			}
			for _, v := range variants(stream) {
				s.everyCut(t, answer, got, stream, v)
			}
		})
	}
}

// A variant is another spelling of the same stream.
type variant struct {
	name  string
	cuts  bool // whether it is cut at every byte
	apply func(string) string
}

func variants(stream bool) []variant {
	same := variant{"as it is", true, func(s string) string { return s }}
	if !stream {
		return []variant{same}
	}
	replace := func(from, to string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, from, to) }
	}
	return []variant{
		same,
		{"with CRLF", true, replace("\n", "\r\n")},
		{"with CR", false, replace("\n", "\r")},
		{"with a byte order mark", false, func(s string) string { return "\xEF\xBB\xBF" + s }},
		{"without spaces", false, replace("\ndata: ", "\ndata:")},
		{"without names", false, func(s string) string {
			var kept strings.Builder
			for line := range strings.Lines(s) {
				if !strings.HasPrefix(line, "event:") {
					kept.WriteString(line)
				}
			}
			return kept.String()
		}},
	}
}

// everyCut checks that cutting an answer into single bytes, or in two at any
// byte, changes nothing that a tap finds and nothing that is passed on.
func (s Suite) everyCut(t *testing.T, answer string, want verdict, stream bool, v variant) {
	t.Helper()
	answer = v.apply(answer)
	whole := watch(t, s.Dialect.NewTap(stream), answer)
	if whole.String() != want.String() {
		t.Errorf("%s a tap finds\n%s\nwant\n%s", v.name, whole, want)
	}
	for i := 1; v.cuts && i < len(answer); i++ {
		if got := watch(t, s.Dialect.NewTap(stream), answer[:i], answer[i:]); got != whole {
			t.Fatalf("%s, cut at byte %d, a tap finds\n%s, and %d bytes pass, want\n%s, and %d", v.name, i, got, len(got.passed), whole, len(whole.passed))
		}
	}
	if got := watch(t, s.Dialect.NewTap(stream), strings.Split(answer, "")...); got != whole {
		t.Errorf("%s, by single bytes, a tap finds\n%s, and %d bytes pass, want\n%s, and %d", v.name, got, len(got.passed), whole, len(whole.passed))
	}
}

func (s Suite) testTooLarge(t *testing.T) {
	tap := s.Dialect.NewTap(true)
	begin := s.Begin + `data: {"x":"`
	watch := func(p string) error {
		for p := []byte(p); len(p) > 0; {
			n, _, err := tap.Next(p)
			if err != nil {
				return err
			}
			p = p[n:]
		}
		return nil
	}
	if err := watch(begin); err != nil {
		t.Fatalf("Next error = %v", err)
	}
	chunk := strings.Repeat("x", 1<<20)
	var err error
	limit := s.MaxEvent
	if limit == 0 {
		limit = sse.DefaultMaxEvent
	}
	for n := 0; err == nil && n <= limit; n += len(chunk) {
		err = watch(chunk)
	}
	wantError(t, err, llm.CodeUpstreamTooLarge, "", "too large")
}

// Allocations checks that an event costs no allocation once a stream runs. It
// is not part of Run because the race detector would falsify it: there, pools
// drop what they hold at random.
func (s Suite) Allocations(t *testing.T) {
	t.Helper()
	tap := s.Dialect.NewTap(true)
	stream := []byte(strings.Repeat(s.Content, 10))
	feed := func(p []byte) {
		for len(p) > 0 {
			n, end, err := tap.Next(p)
			if err != nil {
				t.Fatal(err)
			}
			if end == dialect.Event && !tap.Content() {
				t.Fatalf("event %q has no content", p[:n])
			}
			p = p[n:]
		}
	}
	if _, _, err := tap.Next([]byte(s.Begin)); err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(50, func() { feed(stream) }); got != 0 {
		t.Errorf("10 events allocate %v times, want 0", got)
	}
}
