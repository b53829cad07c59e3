package dialecttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// A CodecSuite is what every codec must hold to, whatever its protocol.
type CodecSuite struct {
	Codec   dialect.Codec
	Carries Carries

	// Framed is true if streams are server-sent events, false if they are one
	// JSON value per line.
	Framed bool

	// Traits are the most that the protocol can take in a request.
	Traits dialect.Traits

	// Options returns the options of a client that wants all there is. Nil
	// means a request without any members.
	Options func() *dialect.ReplyOptions
}

// Carries says what a protocol can say of an answer.
type Carries struct {
	Reasoning    bool // text of reasoning
	Summary      bool // as something of its own
	Sealed       bool
	Refusal      bool
	Annotations  bool
	Logprobs     bool
	Custom       bool // calls with free text
	Namespace    bool
	Parts        bool // where one part of a message ends and the next begins
	Messages     bool // where one message ends and the next begins
	Interleaved  bool // calls that arrive side by side
	Filtered     bool // an end by a content filter
	CacheWrite   bool
	ReasonTokens bool
	NoCache      bool // nothing is told of cached input
	NoWriter     bool // no client speaks it
	NoRequests   bool // its requests are only written
	StopSequence bool
	TextAlone    bool // no calls, and no conversation
}

// Run runs the whole suite.
func (s CodecSuite) Run(t *testing.T) {
	t.Run("whole answers", s.wholeAnswers)
	t.Run("streams", s.streams)
	t.Run("cut streams", s.cutStreams)
	t.Run("failures", s.failures)
	t.Run("requests", s.requests)
}

const conversations = 100 // per test; each has a seed of its own

// seeded returns the source of chance for one case, so that a failure can be
// had again by its number.
func seeded(n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(n), 1)) }

func (s CodecSuite) options() *dialect.ReplyOptions {
	if s.Options != nil {
		return s.Options()
	}
	return &dialect.ReplyOptions{
		Request: &llm.Request{Dialect: s.Codec.Name(), Model: "m"},
		ID:      "0123456789", Time: time.Unix(1800000000, 0),
	}
}

func (s CodecSuite) wholeAnswers(t *testing.T) {
	if s.Carries.NoWriter {
		return
	}
	for n := range conversations {
		want := s.generate(seeded(n), nil)
		wire := s.Codec.EncodeReply(nil, want, s.options())
		b := llm.NewBuilder(nil)
		if err := s.Codec.DecodeReply(wire, b); err != nil {
			t.Fatalf("case %d: DecodeReply: %v\n%s", n, err, wire)
		}
		if diff := cmp.Diff(s.essence(want), s.essence(b.Reply())); diff != "" {
			t.Fatalf("case %d: what comes back differs (-want +got):\n%s\n%s", n, diff, wire)
		}
	}
}

// Conversations calls check for made-up answers: what each is, whole on the
// wire, and as a stream.
func (s CodecSuite) Conversations(check func(n int, a *llm.Reply, whole, stream []byte)) {
	for n := range conversations {
		a, stream, _ := s.write(n)
		check(n, a, s.Codec.EncodeReply(nil, a, s.options()), stream)
	}
}

// write makes up an answer and returns it with its stream: where each event's
// bytes end.
func (s CodecSuite) write(n int) (want *llm.Reply, wire []byte, ends []int) {
	w := s.Codec.NewWriter(s.options())
	want = s.generate(seeded(n), func(e llm.Event) {
		before := len(wire)
		wire = w.Append(wire, e)
		if len(wire) > before {
			ends = append(ends, len(wire))
		}
	})
	return want, wire, ends
}

// read reads a stream in these pieces.
func (s CodecSuite) read(pieces ...[]byte) (*llm.Reply, []string, error) {
	var events []string
	b := llm.NewBuilder(func(e llm.Event) { events = append(events, show(e)) })
	r := s.Codec.NewReader(b)
	for _, p := range pieces {
		p = bytes.Clone(p)
		if err := r.Write(p); err != nil {
			return b.Reply(), events, err
		}
		for i := range p { // what a reader keeps must be its own
			p[i] = 0xff
		}
	}
	return b.Reply(), events, r.Close()
}

func show(e llm.Event) string {
	return fmt.Sprintf("%d %d.%d %q %s", e.Kind, e.Index, e.Part, e.Text, e.Logprobs)
}

func (s CodecSuite) streams(t *testing.T) {
	if s.Carries.NoWriter {
		return
	}
	for n := range conversations {
		want, wire, _ := s.write(n)
		if s.Framed && !bytes.HasSuffix(wire, []byte("\n\n")) {
			t.Fatalf("case %d: the last event lacks its blank line:\n%s", n, wire)
		}
		got, whole, err := s.read(wire)
		if err != nil {
			t.Fatalf("case %d: reading: %v\n%s", n, err, wire)
		}
		if diff := cmp.Diff(s.essence(want), s.essence(got)); diff != "" {
			t.Fatalf("case %d: what comes back differs (-want +got):\n%s\n%s", n, diff, wire)
		}
		s.splits(t, n, wire, whole)
	}
}

// splits checks that the pieces in which a stream comes change nothing: single
// bytes, and for the first case two pieces cut everywhere.
func (s CodecSuite) splits(t *testing.T, n int, wire []byte, want []string) {
	t.Helper()
	check := func(pieces ...[]byte) {
		_, events, err := s.read(pieces...)
		if err != nil {
			t.Fatalf("case %d in %d pieces: %v", n, len(pieces), err)
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Fatalf("case %d in %d pieces: other events (-whole +pieces):\n%s\n%q", n, len(pieces), diff, pieces)
		}
	}
	var single [][]byte
	for i := range wire {
		single = append(single, wire[i:i+1])
	}
	check(single...)
	if n == 0 {
		for i := 1; i < len(wire); i++ {
			check(wire[:i], wire[i:])
		}
	}
	if s.Framed {
		_, events, err := s.read(bytes.ReplaceAll(wire, []byte("\n"), []byte("\r\n")))
		if err != nil || !cmp.Equal(want, events) {
			t.Fatalf("case %d with CRLF: %v\n%s", n, err, cmp.Diff(want, events))
		}
	}
}

func (s CodecSuite) cutStreams(t *testing.T) {
	if s.Carries.NoWriter {
		return
	}
	for n := range 20 {
		_, wire, ends := s.write(n)
		// The last event but one may complete an answer whose last one says
		// nothing more.
		for _, end := range ends[:max(0, len(ends)-1)] {
			got, _, err := s.read(wire[:end])
			if err == nil || llm.AsError(err).Code != llm.CodeUpstreamTruncated {
				t.Fatalf("case %d cut after %d of %d bytes: error = %v, status %s; want %s\n%s",
					n, end, len(wire), err, got.Status, llm.CodeUpstreamTruncated, wire[:end])
			}
		}
	}
}

func (s CodecSuite) failures(t *testing.T) {
	if s.Carries.NoWriter {
		return
	}
	for n := range 20 {
		w := s.Codec.NewWriter(s.options())
		var wire []byte
		b := llm.NewBuilder(func(e llm.Event) { wire = w.Append(wire, e) })
		b.Begin("id", "m", 1)
		if n%2 == 1 {
			i := b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
			b.Delta(i, llm.PartText, "as far as", nil)
		}
		if n%4 < 2 {
			b.Fail(llm.Failure{Code: "server_error", Message: "it broke"})
		} else {
			wire = w.Fail(wire, dialect.Failure{Err: &llm.Error{Code: llm.CodeUpstreamTruncated}, RequestID: "r"})
		}
		got, _, err := s.read(wire)
		if err != nil || got.Status != llm.StatusFailed || got.Failure == nil || got.Failure.Message == "" {
			t.Fatalf("case %d: read %+v, error %v; want a failure\n%s", n, got, err, wire)
		}
	}
}

func (s CodecSuite) requests(t *testing.T) {
	if s.Carries.NoRequests {
		return
	}
	if s.Carries.TextAlone {
		return
	}
	for n := range conversations {
		want := s.generateRequest(seeded(n))
		encoded, err := s.Codec.EncodeRequest(want, &dialect.Target{Model: "their-model", Traits: s.Traits})
		if err != nil {
			t.Fatalf("case %d: EncodeRequest: %v", n, err)
		}
		if len(encoded.Losses) > 0 {
			t.Fatalf("case %d: lost %v of what every protocol has\n%s", n, encoded.Losses, encoded.Body)
		}
		got, err := s.Codec.DecodeRequest(encoded.Body)
		if err != nil {
			t.Fatalf("case %d: DecodeRequest: %v\n%s", n, err, encoded.Body)
		}
		want.Model = "their-model"
		if diff := cmp.Diff(requestEssence(want), requestEssence(got)); diff != "" {
			t.Fatalf("case %d: what comes back differs (-want +got):\n%s\n%s", n, diff, encoded.Body)
		}
	}
}
