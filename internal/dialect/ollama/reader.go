package ollama

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/sse"
)

const opRead = "ollama.read"

// DecodeReply reads a whole answer: the one line of a stream that is none.
func (Dialect) DecodeReply(body []byte, b *llm.Builder) error {
	r := newReader(b)
	if err := r.line(body); err != nil {
		return err
	}
	if !b.Over() {
		return dialect.Unreadable(errors.New("the answer does not say that it is done"))
	}
	return nil
}

// NewReader returns a reader of an upstream's stream.
func (Dialect) NewReader(b *llm.Builder) dialect.StreamReader { return newReader(b) }

func newReader(b *llm.Builder) *reader { return &reader{b: b, open: -1} }

// A reader reads a stream of lines. It holds one that has not come to its end.
type reader struct {
	b      *llm.Builder
	held   []byte
	parser jsontree.Parser
	open   int    // the item of reasoning or the message that is open; -1 if none is
	begun  string // created_at of the first line
	calls  int
	err    error
}

// Write takes the next piece of the stream.
func (r *reader) Write(p []byte) error {
	for r.err == nil && len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			r.hold(p)
			break
		}
		if len(r.held) == 0 {
			r.err = r.line(p[:end])
		} else if r.hold(p[:end]); r.err == nil {
			r.err = r.line(r.held)
			r.held = r.held[:0]
		}
		p = p[end+1:]
	}
	return r.err
}

// hold keeps the beginning of a line, within bounds.
func (r *reader) hold(p []byte) {
	if len(r.held)+len(p) > sse.DefaultMaxEvent {
		r.err = &llm.Error{Code: llm.CodeUpstreamTooLarge, Op: opRead}
		return
	}
	r.held = append(r.held, p...)
}

// Close says that the stream has ended. A line that lacks nothing but its end
// counts.
func (r *reader) Close() error {
	if r.err != nil {
		return r.err
	}
	if _, err := jsontree.Parse(r.held); err == nil {
		if err := r.line(r.held); err != nil {
			return err
		}
	}
	if !r.b.Over() {
		return dialect.Truncated()
	}
	return nil
}

// line reads one line. Nothing counts behind the end.
func (r *reader) line(line []byte) error {
	if line = bytes.TrimSpace(line); r.b.Over() || len(line) == 0 {
		return nil
	}
	v, err := r.parser.Parse(line)
	switch {
	case err != nil:
		return dialect.Unreadable(err)
	case v.Kind() == jsontree.Null, dialect.ReadChoiceFailure(r.b, v):
		return nil
	case v.Kind() != jsontree.Object:
		return dialect.Unreadable(errors.New("a line is no object"))
	}
	r.begin(v)
	r.message(v.Get("message"), v.Get("logprobs"))
	if v.Get("done").True() {
		r.usage(v)
		dialect.FinishChoice(r.b, v.Get("done_reason").Text())
	}
	return nil
}

// begin notes what an answer says of itself; it has no id.
func (r *reader) begin(v jsontree.Value) {
	if r.begun != "" {
		return
	}
	r.begun = v.Get("created_at").Text()
	var created int64
	if t, err := time.Parse(time.RFC3339Nano, r.begun); err == nil {
		created = t.Unix()
	}
	r.b.Begin("", v.Get("model").Text(), created)
}

func (r *reader) message(v, logprobs jsontree.Value) {
	r.delta(llm.ItemReasoning, llm.PartReasoning, v.Get("thinking").Text(), nil)
	var logs []byte
	if logprobs.Kind() == jsontree.Array {
		logs = logprobs.Raw()
	}
	r.delta(llm.ItemMessage, llm.PartText, v.Get("content").Text(), logs)
	for _, c := range v.Get("tool_calls").Elements() {
		r.call(c)
	}
}

// delta takes more of what the model thinks or says.
func (r *reader) delta(kind llm.ItemKind, part llm.PartKind, text string, logprobs []byte) {
	if text == "" {
		return
	}
	if r.open >= 0 && r.b.Item(r.open).Kind != kind {
		r.end()
	}
	if r.open < 0 {
		item := llm.Item{Kind: kind}
		if kind == llm.ItemMessage {
			item.Role = llm.RoleAssistant
		}
		r.open = r.b.Open(item)
	}
	r.b.Delta(r.open, part, text, logprobs)
}

func (r *reader) end() {
	if r.open >= 0 {
		r.b.Done(r.open, "")
		r.open = -1
	}
}

// call takes a call, which is always whole.
func (r *reader) call(v jsontree.Value) {
	f := v.Get("function")
	name := f.Get("name").Text()
	if name == "" {
		return
	}
	r.end()
	id := v.Get("id").Text()
	if id == "" {
		id = r.mint(name)
	}
	r.calls++
	input := "{}"
	switch a := f.Get("arguments"); a.Kind() {
	case jsontree.Object:
		input = string(a.Raw())
	case jsontree.String:
		if a.Text() != "" {
			input = a.Text()
		}
	}
	i := r.b.Open(llm.Item{Kind: llm.ItemCall, CallID: id, Name: name})
	r.b.Input(i, input)
	r.b.Done(i, "")
}

// mint returns an id for a call that came without one, always the same for the
// same answer.
func (r *reader) mint(name string) string {
	sum := sha256.Sum256([]byte(r.begun + "\x00" + strconv.Itoa(r.calls) + "\x00" + name))
	return "call_" + hex.EncodeToString(sum[:12])
}

// usage reads the counts. Ollama leaves out that of a prompt which it still
// knew.
func (r *reader) usage(v jsontree.Value) {
	in, told := v.Get("prompt_eval_count").Int()
	out, counted := v.Get("eval_count").Int()
	if !told && !counted {
		return
	}
	r.b.Reply().Usage = llm.Usage{Input: max(in, 0), Output: max(out, 0), Provenance: llm.UsageReported}
}
