package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeReply reads a whole answer. One without finish_reason has failed.
func (d Dialect) DecodeReply(body []byte, b *llm.Builder) error {
	root, err := jsontree.Parse(body)
	if err != nil {
		return dialect.Unreadable(err)
	}
	if root.Kind() == jsontree.Array { // Gemini's errors are in one
		for _, first := range root.Elements() {
			root = first
			break
		}
	}
	r := newReply(d, b)
	switch {
	case root.Kind() != jsontree.Object:
		return dialect.Unreadable(errors.New("the answer is no object"))
	case r.failure(root):
		return nil
	case root.Get("choices").Len() == 0:
		return dialect.Unreadable(errors.New("the answer has no choices"))
	}
	r.identify(root)
	for i, choice := range root.Get("choices").Elements() {
		if isFirst(choice, i) {
			if err := r.take(choice.Get("message"), choice.Get("logprobs")); err != nil {
				return err
			}
			r.finished(choice)
		}
	}
	if r.word == "" {
		r.b.Fail(llm.Failure{Code: "server_error", Message: "the upstream's answer does not say why it ended"})
		return nil
	}
	r.finish()
	return nil
}

// isFirst reports whether a choice is the one that was asked for.
func isFirst(choice jsontree.Value, at int) bool {
	if n, ok := choice.Get("index").Int(); ok {
		return n == 0
	}
	return at == 0
}

// A reply is an answer as far as it has been read. Each method is one step of
// it and tells the Builder.
type reply struct {
	b     *llm.Builder
	open  int // the item of reasoning or the message that is open; -1 if none is
	calls []call
	word  string // finish_reason
	tags  *thinkTags
}

func newReply(d Dialect, b *llm.Builder) reply {
	r := reply{b: b, open: -1}
	if d.ThinkTags {
		r.tags = &thinkTags{}
	}
	return r
}

// identify takes what an answer says of itself, and its usage.
func (r *reply) identify(v jsontree.Value) {
	a := r.b.Reply()
	if a.ID == "" || a.Model == "" || a.Created == 0 {
		id, model := v.Get("id").Text(), v.Get("model").Text()
		if id != "" || model != "" || v.Get("choices").Len() > 0 { // Azure's first chunk says nothing
			created, _ := v.Get("created").Int()
			r.b.Begin(id, model, created)
		}
	}
	if tier := v.Get("service_tier"); tier.Given() {
		a.ServiceTier = tier.Text()
	}
	if u, ok := dialect.ReadChoiceUsage(v.Get("usage")); ok {
		a.Usage = u
	}
}

// failure ends the answer if v tells of one, in any of the ways that servers
// have.
func (r *reply) failure(v jsontree.Value) bool {
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
	r.fail(e)
	return true
}

// fail ends the answer with an upstream's error: an object, or a text.
func (r *reply) fail(e jsontree.Value) {
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
	f.Code, f.Type, f.Message = clip(f.Code, maxCode), clip(f.Type, maxCode), clip(f.Message, maxMessage)
	r.b.Fail(f)
}

// What is kept of an upstream's words for its failure, in bytes.
const (
	maxCode    = 64
	maxMessage = 4 << 10
)

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// take takes what a message, or a delta of one, says, in the order in which a
// model can have said it.
func (r *reply) take(m, logprobs jsontree.Value) error {
	r.think(reasoning(m))
	r.content(m.Get("content"), logprobs.Get("content"))
	r.annotations(m.Get("annotations"))
	r.say(llm.PartRefusal, m.Get("refusal").Text(), logprobs.Get("refusal"))
	for _, e := range m.Get("tool_calls").Elements() {
		if err := r.toolCall(e); err != nil {
			return err
		}
	}
	if old := m.Get("function_call"); old.Kind() == jsontree.Object {
		return r.oldCall(old)
	}
	return nil
}

// reasoningNames are the members in which servers give reasoning: DeepSeek's,
// vLLM's and Qwen's; Ollama's, OpenRouter's and LM Studio's; others'.
var reasoningNames = []string{"reasoning_content", "reasoning", "reasoning_text", "thinking"} // immutable

// reasoning returns the text of the first of them that has some: servers that
// have two say the same twice.
func reasoning(m jsontree.Value) string {
	for _, name := range reasoningNames {
		v := m.Get(name)
		if v.Kind() == jsontree.Object { // some wrap it
			for _, inner := range []string{"content", "text", "thinking"} {
				if s := v.Get(inner).Text(); s != "" {
					return s
				}
			}
		}
		if s := v.Text(); s != "" {
			return s
		}
	}
	var all strings.Builder
	for _, block := range m.Get("thinking_blocks").Elements() { // LiteLLM's
		all.WriteString(block.Get("thinking").Text())
	}
	return all.String()
}

// think takes reasoning. It closes a message: what is thought after it is
// another item.
func (r *reply) think(text string) {
	if text == "" {
		return
	}
	if r.open >= 0 && r.b.Item(r.open).Kind != llm.ItemReasoning {
		r.closeOpen()
	}
	if r.open < 0 {
		r.open = r.b.Open(llm.Item{Kind: llm.ItemReasoning})
	}
	r.b.Delta(r.open, llm.PartReasoning, text, nil)
}

// content takes text: a string, or the parts that some servers make of it.
func (r *reply) content(v, logprobs jsontree.Value) {
	if v.Kind() != jsontree.Array {
		r.text(v.Text(), logprobs)
		return
	}
	for _, p := range v.Elements() {
		switch {
		case p.Get("thinking").Kind() == jsontree.Array: // Mistral's
			for _, t := range p.Get("thinking").Elements() {
				r.think(t.Get("text").Text())
			}
		case p.Get("thinking").Given():
			r.think(p.Get("thinking").Text())
		case p.Get("refusal").Given():
			r.say(llm.PartRefusal, p.Get("refusal").Text(), jsontree.Value{})
		default:
			r.text(p.Get("text").Text(), jsontree.Value{})
		}
	}
}

// text takes text that may hold what the model thinks.
func (r *reply) text(text string, logprobs jsontree.Value) {
	if r.tags == nil || text == "" || r.tags.over {
		r.say(llm.PartText, text, logprobs)
		return
	}
	thought, said := r.tags.add(text)
	r.think(thought)
	r.say(llm.PartText, said, jsontree.Value{})
}

// say takes what the model says to the user.
func (r *reply) say(kind llm.PartKind, text string, logprobs jsontree.Value) {
	if text == "" {
		return
	}
	r.message()
	var logs []byte
	if logprobs.Kind() == jsontree.Array {
		logs = logprobs.Raw()
	}
	r.b.Delta(r.open, kind, text, logs)
}

// message sees to it that a message is open.
func (r *reply) message() {
	if r.open >= 0 && r.b.Item(r.open).Kind != llm.ItemMessage {
		r.closeOpen()
	}
	if r.open < 0 {
		r.open = r.b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	}
}

func (r *reply) closeOpen() {
	if r.open >= 0 {
		r.b.Done(r.open, "")
		r.open = -1
	}
}

// annotations takes citations, whose places count from the beginning of all
// the text: those of a part count from the part's.
func (r *reply) annotations(v jsontree.Value) {
	for _, e := range v.Elements() {
		c := e.Get("url_citation")
		if c.Kind() != jsontree.Object {
			continue
		}
		r.message()
		start, _ := c.Get("start_index").Int()
		end, _ := c.Get("end_index").Int()
		before := r.before()
		r.b.Annotate(r.open, llm.Annotation{
			URL: c.Get("url").Text(), Title: c.Get("title").Text(),
			Start: max(start-before, 0), End: max(end-before, 0),
		})
	}
}

// before returns how many characters of text stand before the open part.
func (r *reply) before() (n int64) {
	items := r.b.Reply().Items
	for i := range items {
		parts := items[i].Parts
		for k := range parts {
			if items[i].Kind == llm.ItemMessage && parts[k].Kind == llm.PartText && (i != r.open || k < len(parts)-1) {
				n += int64(utf8.RuneCountInString(parts[k].Text))
			}
		}
	}
	return n
}

// finished takes a choice's finish_reason. Of several the last counts, but
// that "stop" takes back no other.
func (r *reply) finished(choice jsontree.Value) {
	word := choice.Get("finish_reason").Text()
	if word != "" && (r.word == "" || word != "stop") {
		r.word = word
	}
}

// finish ends the answer by its finish_reason. Words that nobody knows mean
// that the model came to its end.
func (r *reply) finish() {
	if r.tags != nil {
		thought, said := r.tags.rest()
		r.think(thought)
		r.say(llm.PartText, said, jsontree.Value{})
	}
	r.b.Reply().Words = r.word
	switch strings.ToLower(r.word) {
	case "length", "max_tokens", "model_length":
		r.b.Finish(llm.ReasonLength)
	case "content_filter":
		r.b.Finish(llm.ReasonFilter)
	case "error", "abort", "insufficient_system_resource":
		r.b.Fail(llm.Failure{Code: "server_error", Message: "the upstream ended its answer with " + strconv.Quote(r.word)})
	default:
		r.closeCalls()
		r.b.Finish("")
	}
}

// mint returns an id for the call of this number that came without one, always
// the same for the same answer.
func (r *reply) mint(n int, name string) string {
	a := r.b.Reply()
	sum := sha256.Sum256([]byte(a.ID + "\x00" + strconv.FormatInt(a.Created, 10) + "\x00" + strconv.Itoa(n) + "\x00" + name))
	return "call_" + hex.EncodeToString(sum[:12])
}
