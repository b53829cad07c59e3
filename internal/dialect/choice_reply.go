package dialect

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// What is kept of an upstream's words for its failure, in bytes.
const (
	maxFailureCode    = 64
	maxFailureMessage = 4 << 10
)

// IsFirstChoice reports whether a choice, at this place of its list, is the
// one that was asked for.
func IsFirstChoice(choice jsontree.Value, at int) bool {
	if n, ok := choice.Get("index").Int(); ok {
		return n == 0
	}
	return at == 0
}

// ReadChoices tells b what an answer of choices, or one chunk of it, says of
// itself, and its usage.
func ReadChoices(b *llm.Builder, v jsontree.Value) {
	a := b.Reply()
	if a.ID == "" || a.Model == "" || a.Created == 0 {
		id, model := v.Get("id").Text(), v.Get("model").Text()
		if id != "" || model != "" || v.Get("choices").Len() > 0 { // Azure's first chunk says nothing
			created, _ := v.Get("created").Int()
			b.Begin(id, model, created)
		}
	}
	if tier := v.Get("service_tier"); tier.Given() {
		a.ServiceTier = tier.Text()
	}
	if u, ok := ReadChoiceUsage(v.Get("usage")); ok {
		a.Usage = u
	}
}

// ReadChoiceFailure reports whether v, an answer of choices or a chunk of it,
// tells of a failure, in any of the ways that servers have; then it has ended
// b's answer.
func ReadChoiceFailure(b *llm.Builder, v jsontree.Value) bool {
	e := v.Get("error")
	switch {
	case e.Kind() == jsontree.String && !e.Is(""), e.Kind() == jsontree.Object:
	case v.Get("choices").Kind() != 0:
		return false
	case v.Get("object").Is("error"):
		e = v
	case v.Get("detail").Given():
		e = v.Get("detail")
	default:
		return false
	}
	failChoice(b, e)
	return true
}

// failChoice ends an answer with an upstream's error: an object, or a text.
func failChoice(b *llm.Builder, e jsontree.Value) {
	f := llm.Failure{Code: e.Get("code").Text(), Type: e.Get("type").Text(), Message: e.Get("message").Text()}
	if code := e.Get("code"); code.Kind() == jsontree.Number {
		f.Code = string(code.Raw())
	}
	if e.Kind() == jsontree.String {
		f.Message = e.Text()
	}
	if f.Message == "" {
		f.Message = "the upstream failed and did not say why"
	}
	b.Fail(Bounded(f))
}

// Bounded returns a failure of which an upstream has not said too much.
func Bounded(f llm.Failure) llm.Failure {
	return llm.Failure{Code: clip(f.Code, maxFailureCode), Type: clip(f.Type, maxFailureCode), Message: clip(f.Message, maxFailureMessage)}
}

// LaterFinish returns the finish_reason of a choice that has told one before
// and another now. The last counts, but that "stop" takes back no other.
func LaterFinish(before, now string) string {
	if now == "" || before != "" && now == "stop" {
		return before
	}
	return now
}

// Completes reports whether a finish_reason is that of an answer which is
// whole.
func Completes(word string) bool { return endOf(word) == ended }

// An ending is what a finish_reason means.
type ending uint8

const (
	ended ending = iota
	cut
	filtered
	broken
)

func endOf(word string) ending {
	switch strings.ToLower(word) {
	case "length", "max_tokens", "model_length":
		return cut
	case "content_filter":
		return filtered
	case "error", "abort", "insufficient_system_resource":
		return broken
	}
	return ended
}

// FinishChoice ends an answer by its finish_reason. Words that nobody knows
// mean that the model came to its end.
func FinishChoice(b *llm.Builder, word string) {
	b.Reply().Words = word
	switch endOf(word) {
	case cut:
		b.Finish(llm.ReasonLength)
	case filtered:
		b.Finish(llm.ReasonFilter)
	case broken:
		b.Fail(llm.Failure{Code: "server_error", Message: "the upstream ended its answer with " + strconv.Quote(clip(word, maxFailureCode))})
	default:
		b.Finish("")
	}
}

// ReadWholeChoices reads a whole answer of choices: take is given its first
// choice. One that does not say why it ended has failed; finish is called for
// every other, with its finish_reason.
func ReadWholeChoices(b *llm.Builder, body []byte, take func(choice jsontree.Value) error, finish func(word string)) error {
	root, err := jsontree.Parse(body)
	if err != nil {
		return Unreadable(err)
	}
	if root.Kind() == jsontree.Array { // Gemini's errors are in one
		for _, first := range root.Elements() {
			root = first
			break
		}
	}
	switch {
	case root.Kind() != jsontree.Object:
		return Unreadable(errors.New("the answer is no object"))
	case ReadChoiceFailure(b, root):
		return nil
	case root.Get("choices").Len() == 0:
		return Unreadable(errors.New("the answer has no choices"))
	}
	ReadChoices(b, root)
	word := ""
	for i, choice := range root.Get("choices").Elements() {
		if !IsFirstChoice(choice, i) {
			continue
		}
		if err := take(choice); err != nil {
			return err
		}
		word = LaterFinish(word, choice.Get("finish_reason").Text())
	}
	if word == "" {
		b.Fail(llm.Failure{Code: "server_error", Message: "the upstream's answer does not say why it ended"})
		return nil
	}
	finish(word)
	return nil
}

// ChoiceStream reads a stream of chunks. It is a StreamReader.
type ChoiceStream struct {
	b      *llm.Builder
	take   func(choice jsontree.Value) error
	finish func(word string)

	events Events
	parser jsontree.Parser
	word   string // finish_reason
	done   bool   // "[DONE]" was seen: nothing after it counts
}

// NewChoiceStream returns a reader of a stream of chunks. take is given the
// first choice of each; of several there is only that one, since no more were
// asked for. finish is called at the end, with the finish_reason, which is
// empty if the stream came to its end without one.
func NewChoiceStream(b *llm.Builder, take func(choice jsontree.Value) error, finish func(word string)) *ChoiceStream {
	s := &ChoiceStream{b: b, take: take, finish: finish}
	s.events.Handle = s.handle
	return s
}

// Write takes the next piece of the stream.
func (s *ChoiceStream) Write(p []byte) error { return s.events.Write(p) }

// Close ends the stream. One that has told its finish_reason is whole, with
// "[DONE]" or without.
func (s *ChoiceStream) Close() error {
	if err := s.events.Close(); err != nil {
		return err
	}
	if !s.b.Over() && !s.done && s.word != "" {
		s.finish(s.word)
	}
	if !s.b.Over() {
		return Truncated()
	}
	return nil
}

// handle takes the data of one event.
func (s *ChoiceStream) handle(name, data []byte) error {
	if s.done || s.b.Over() || len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if IsDone(data) {
		s.done = true
		// An answer that has not told its finish_reason came to its end all
		// the same, if there is any of it.
		if s.word != "" || len(s.b.Reply().Items) > 0 {
			s.finish(s.word)
		}
		return nil
	}
	v, err := s.parser.Parse(data)
	switch {
	case err != nil:
		return Unreadable(err)
	case v.Kind() == jsontree.Null:
		return nil
	case v.Kind() != jsontree.Object:
		return Unreadable(errors.New("a chunk is no object"))
	case ReadChoiceFailure(s.b, v):
		return nil
	case string(name) == "error":
		failChoice(s.b, v)
		return nil
	}
	ReadChoices(s.b, v)
	for i, choice := range v.Get("choices").Elements() {
		if !IsFirstChoice(choice, i) {
			continue
		}
		if err := s.take(choice); err != nil {
			return err
		}
		s.word = LaterFinish(s.word, choice.Get("finish_reason").Text())
	}
	return nil
}

// tiers are the values of service_tier that OpenAI has.
var tiers = []string{"auto", "default", "flex", "scale", "priority", "fast"} // immutable

// IsTier reports whether OpenAI has a service tier of this name.
func IsTier(name string) bool { return slices.Contains(tiers, name) }

// AppendChoiceFailure appends the event that ends a stream of choices whose
// upstream failed in its own words. No "[DONE]" follows.
func AppendChoiceFailure(dst []byte, f *llm.Failure) []byte {
	w := jsontree.NewWriter(append(dst, "data: "...))
	w.Open('{').Name("error").Open('{')
	w.Name("message").Text(f.Message)
	w.Name("type")
	if f.Type == "" {
		w.Text("server_error")
	} else {
		w.Text(f.Type)
	}
	w.Name("param").Null()
	w.Name("code")
	if f.Code == "" {
		w.Null()
	} else {
		w.Text(f.Code)
	}
	w.Close('}').Close('}')
	return append(w.Bytes(), "\n\n"...)
}
