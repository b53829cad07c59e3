package chat

import (
	"bytes"
	"errors"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// NewReader returns a reader of an upstream's stream.
func (d Dialect) NewReader(b *llm.Builder) dialect.StreamReader {
	r := &reader{reply: newReply(d, b)}
	r.events.Handle = r.handle
	return r
}

// A reader reads a stream of chunks. What it holds of it is one event, the
// calls that have begun, and the tags that may be one.
type reader struct {
	reply
	events dialect.Events
	parser jsontree.Parser
	done   bool // "[DONE]" was seen: nothing after it counts
}

// Write takes the next piece of the stream.
func (r *reader) Write(p []byte) error { return r.events.Write(p) }

// Close ends the stream. One that has told its finish_reason is whole, with
// [DONE] or without.
func (r *reader) Close() error {
	if err := r.events.Close(); err != nil {
		return err
	}
	if !r.b.Over() && !r.done && r.word != "" {
		r.finish()
	}
	if !r.b.Over() {
		return dialect.Truncated()
	}
	return nil
}

// handle takes the data of one event.
func (r *reader) handle(name, data []byte) error {
	if r.done || r.b.Over() || len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if dialect.IsDone(data) {
		r.end()
		return nil
	}
	v, err := r.parser.Parse(data)
	switch {
	case err != nil:
		return dialect.Unreadable(err)
	case v.Kind() == jsontree.Null:
		return nil
	case v.Kind() != jsontree.Object:
		return dialect.Unreadable(errors.New("a chunk is no object"))
	case r.failure(v):
		return nil
	case string(name) == "error":
		r.fail(v)
		return nil
	}
	return r.chunk(v)
}

// chunk takes one chunk. Of several choices there is only the first: no more
// were asked for.
func (r *reader) chunk(v jsontree.Value) error {
	r.identify(v)
	for i, choice := range v.Get("choices").Elements() {
		if !isFirst(choice, i) {
			continue
		}
		if err := r.take(choice.Get("delta"), choice.Get("logprobs")); err != nil {
			return err
		}
		r.finished(choice)
	}
	return nil
}

// end is where "[DONE]" is. An answer that has not told its finish_reason came
// to its end all the same, if there is any of it.
func (r *reader) end() {
	r.done = true
	if r.word != "" || len(r.b.Reply().Items) > 0 || r.tags != nil && r.tags.held != "" {
		r.finish()
	}
}
