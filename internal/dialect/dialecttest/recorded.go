package dialecttest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/llm"
)

// manySplits is in how many places a recording is cut in two. A short one is
// cut at every byte.
const manySplits = 400

// Recordings reads the answers of servers in a folder, archives with a file
// "stream" or "whole" that may end in a line "CUT", and compares with the
// files "events", what they are read as, and "client", what the same protocol
// writes of it, if it writes anything. With update the files are written
// instead. Streams are read again in all kinds of pieces. check may be nil; it
// is given what is in "client".
func (s CodecSuite) Recordings(t *testing.T, dir string, update bool, check func(t *testing.T, client string, stream bool)) {
	for name, a := range archives(t, dir) {
		t.Run(name, func(t *testing.T) {
			answer, stream := a.file("stream")
			if !stream {
				answer, _ = a.file("whole")
			}
			answer = strings.TrimSuffix(answer, "CUT\n")
			events, client := s.relay(answer, stream)
			got := []file{{"events", strings.Join(events, "\n") + "\n"}}
			if !s.Carries.NoWriter {
				got = append(got, file{"client", strings.TrimRight(client, "\n") + "\n"})
			}
			for _, f := range got {
				if update {
					a.set(f.name, f.data)
					continue
				}
				want, _ := a.file(f.name)
				if diff := cmp.Diff(want, f.data); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", a.path, f.name, diff)
				}
			}
			if update {
				a.write(t)
			}
			if check != nil && client != "" {
				check(t, client, stream)
			}
			if stream {
				s.everySplit(t, answer, events)
			}
		})
	}
}

// relay reads an answer and writes it for a client.
func (s CodecSuite) relay(answer string, stream bool, pieces ...string) (events []string, client string) {
	var w dialect.StreamWriter
	if !s.Carries.NoWriter {
		w = s.Codec.NewWriter(s.options())
	}
	var wire []byte
	b := llm.NewBuilder(func(e llm.Event) {
		events = append(events, Line(e))
		if w != nil {
			wire = w.Append(wire, e)
		}
	})
	var err error
	if stream {
		if len(pieces) == 0 {
			pieces = []string{answer}
		}
		err = feed(s.Codec.NewReader(b), pieces)
	} else {
		err = s.Codec.DecodeReply([]byte(answer), b)
	}
	if err != nil {
		e := llm.AsError(err)
		events = append(events, "error "+string(e.Code))
		if w != nil && stream {
			wire = w.Fail(wire, dialect.Failure{Err: e, RequestID: "req_1"})
		}
	}
	if !stream {
		wire = nil
		if a := b.Reply(); w != nil && err == nil && a.Status != llm.StatusFailed {
			wire = s.Codec.EncodeReply(nil, a, s.options())
		}
	}
	return events, string(wire)
}

func feed(r dialect.StreamReader, pieces []string) error {
	for _, p := range pieces {
		piece := []byte(p)
		if err := r.Write(piece); err != nil {
			return err
		}
		for i := range piece { // what a reader keeps must be its own
			piece[i] = 0xff
		}
	}
	return r.Close()
}

// everySplit checks that an answer is read as the same events, cut in two
// anywhere and cut into single bytes, with every kind of line ends.
func (s CodecSuite) everySplit(t *testing.T, answer string, want []string) {
	t.Helper()
	check := func(pieces ...string) {
		if events, _ := s.relay("", true, pieces...); !cmp.Equal(want, events) {
			t.Fatalf("in %d pieces, the first of %d bytes (-whole +pieces):\n%s", len(pieces), len(pieces[0]), cmp.Diff(want, events))
		}
	}
	ends := []string{"\n", "\r\n"}
	if s.Framed {
		ends = append(ends, "\r")
	}
	for _, end := range ends {
		text := answer
		if !strings.Contains(answer, "\r") {
			text = strings.ReplaceAll(answer, "\n", end)
		}
		if text == "" {
			continue
		}
		single := make([]string, len(text))
		for i := range single {
			single[i] = text[i : i+1]
		}
		check(single...)
		for i := 1; i < len(text) && end == "\n"; i += 1 + len(text)/manySplits {
			check(text[:i], text[i:])
		}
	}
}

var (
	toolNames = [...]string{"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "tool_search", "hosted"} // immutable
	partNames = [...]string{"text", "refusal", "reasoning", "summary", "image", "file", "audio", "unknown"}                    // immutable
)

// Line writes an event for people.
func Line(e llm.Event) string {
	switch e.Kind {
	case llm.ReplyBegun:
		return fmt.Sprintf("begun %q %q %d", e.Reply.ID, e.Reply.Model, e.Reply.Created)
	case llm.ItemBegun:
		return itemLine(e)
	case llm.PartBegun:
		return fmt.Sprintf("%d.%d %s", e.Index, e.Part, partNames[e.Item().Parts[e.Part].Kind])
	case llm.PartDelta:
		s := fmt.Sprintf("%d.%d + %q", e.Index, e.Part, e.Text)
		if e.Logprobs != nil {
			s += " log probabilities " + string(e.Logprobs)
		}
		return s
	case llm.InputDelta:
		return fmt.Sprintf("%d + %q", e.Index, e.Text)
	case llm.AnnotationMade:
		notes := e.Item().Parts[e.Part].Annotations
		n := notes[len(notes)-1]
		return fmt.Sprintf("%d.%d annotation %q %q %d-%d %s", e.Index, e.Part, n.URL, n.Title, n.Start, n.End, n.Raw)
	case llm.PartDone:
		return fmt.Sprintf("%d.%d done %q", e.Index, e.Part, e.Item().Parts[e.Part].Text)
	case llm.ItemDone:
		s := fmt.Sprintf("%d done %s %q", e.Index, e.Item().Status, e.Item().Input)
		if sealed := e.Item().Sealed; sealed != "" {
			s += " sealed " + sealed
		}
		return s
	case llm.ReplyDone:
		a := e.Reply
		return fmt.Sprintf("done %s %q, word %q, usage %+v", a.Status, a.Reason, a.Words, a.Usage)
	default:
		return fmt.Sprintf("failed %+v", *e.Reply.Failure)
	}
}

func itemLine(e llm.Event) string {
	i := e.Item()
	switch i.Kind {
	case llm.ItemReasoning:
		return fmt.Sprintf("%d reasoning", e.Index)
	case llm.ItemCall:
		s := fmt.Sprintf("%d call of %s %q by %q", e.Index, toolNames[i.Tool], i.Name, i.CallID)
		if i.Namespace != "" {
			s += " in " + i.Namespace
		}
		return s
	case llm.ItemMessage:
		return fmt.Sprintf("%d message of %s", e.Index, i.Role)
	default:
		return fmt.Sprintf("%d %s %s", e.Index, i.Type, bytes.TrimSpace(i.Raw))
	}
}

// FuzzReader checks that a stream is read as the same however it is cut,
// whatever it is, and gives check, if there is any, what a client is written.
func (s CodecSuite) FuzzReader(f *testing.F, dir string, check func(t *testing.T, client string)) {
	for _, a := range archives(f, dir) {
		if answer, ok := a.file("stream"); ok {
			f.Add(strings.TrimSuffix(answer, "CUT\n"), uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, answer string, size uint8) {
		want, client := s.relay(answer, true)
		var pieces []string
		for rest := answer; rest != ""; {
			n := min(int(size%16)+1, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		if len(pieces) == 0 {
			return
		}
		got, again := s.relay("", true, pieces...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pieces of %d (-whole +pieces):\n%s", size%16+1, diff)
		}
		if client != again {
			t.Errorf("in pieces of %d a client is written\n%s\nwant\n%s", size%16+1, again, client)
		}
		if check != nil {
			check(t, client)
		}
	})
}
