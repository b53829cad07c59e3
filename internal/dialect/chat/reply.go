package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsontree"
	"github.com/weir-gateway/weir/internal/llm"
)

// DecodeReply reads a whole answer. One without finish_reason has failed.
func (d Dialect) DecodeReply(body []byte, b *llm.Builder) error {
	r := newReply(d, b)
	return dialect.ReadWholeChoices(b, body, r.choice("message"), r.finish)
}

// NewReader returns a reader of an upstream's stream. What it holds of it is
// one event, the calls that have begun, and what may be a tag.
func (d Dialect) NewReader(b *llm.Builder) dialect.StreamReader {
	r := newReply(d, b)
	return dialect.NewChoiceStream(b, r.choice("delta"), r.finish)
}

// A reply is an answer as far as it has been read. Each method is one step of
// it and tells the Builder.
type reply struct {
	b     *llm.Builder
	open  int // the item of reasoning or the message that is open; -1 if none is
	calls []call
	tags  *thinkTags
}

func newReply(d Dialect, b *llm.Builder) *reply {
	r := &reply{b: b, open: -1}
	if d.ThinkTags {
		r.tags = &thinkTags{}
	}
	return r
}

// choice returns what takes a choice whose message, or a delta of it, is the
// member of this name.
func (r *reply) choice(name string) func(jsontree.Value) error {
	return func(choice jsontree.Value) error { return r.take(choice.Get(name), choice.Get("logprobs")) }
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

// finish ends the answer by its finish_reason.
func (r *reply) finish(word string) {
	if r.tags != nil {
		thought, said := r.tags.rest()
		r.think(thought)
		r.say(llm.PartText, said, jsontree.Value{})
	}
	if dialect.Completes(word) {
		r.closeCalls()
	}
	dialect.FinishChoice(r.b, word)
}

// mint returns an id for the call of this number that came without one, always
// the same for the same answer.
func (r *reply) mint(n int, name string) string {
	a := r.b.Reply()
	sum := sha256.Sum256([]byte(a.ID + "\x00" + strconv.FormatInt(a.Created, 10) + "\x00" + strconv.Itoa(n) + "\x00" + name))
	return "call_" + hex.EncodeToString(sum[:12])
}
