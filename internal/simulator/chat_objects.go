package simulator

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A keptChat is a chat completion that its client wanted to be stored.
type keptChat struct {
	chat     chat
	messages value
	metadata value
}

// keep remembers the completion for those who ask for it later.
func (c *chat) keep() {
	kept := keptChat{chat: *c, messages: c.x.req.get("messages"), metadata: c.x.req.get("metadata").or("{}")}
	kept.chat.x = nil
	size := 4<<10 + 2*len(c.x.body)
	for i := range c.choices {
		size += len(c.choices[i].reasoning) + len(c.choices[i].text)
	}
	c.x.sim.chats.put(c.id, kept, size)
}

// object returns the completion as it was, and its metadata.
func (c *keptChat) object(x *exchange) []byte {
	chat := c.chat
	chat.x = x
	b := bytes.TrimSuffix(chat.whole(), []byte("}"))
	b = append(append(b, `,"metadata":`...), c.metadata.compact()...)
	return append(b, '}')
}

// chat returns the completion that the path names.
func (x *exchange) chat() (*keptChat, error) {
	c, ok := x.sim.chats.get(x.object)
	if !ok {
		return nil, &fault{status: http.StatusNotFound, message: fmt.Sprintf("Chat completion with id '%s' not found.", x.object)}
	}
	return &c, nil
}

// serveChatObject answers GET, POST and DELETE …/chat/completions/{id}.
func (x *exchange) serveChatObject() error {
	c, err := x.chat()
	if err != nil {
		return err
	}
	var metadata value
	if x.r.Method == http.MethodPost {
		var k checker
		if k.dict(x.req, "metadata") == nil {
			k.fail("metadata", "Missing required parameter: 'metadata'.")
		}
		if err := k.err(); err != nil {
			return err
		}
		metadata = bytes.Clone(x.req.get("metadata"))
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	switch x.r.Method {
	case http.MethodDelete:
		x.sim.chats.remove(x.object)
		return x.deleted("chat.completion.deleted")
	case http.MethodPost:
		c.metadata = metadata
		x.sim.chats.change(x.object, func(kept *keptChat) { kept.metadata = metadata })
	}
	x.writeWhole(x.success(), "application/json", indent(c.object(x)))
	return nil
}

// serveChatList answers GET …/chat/completions: those that were stored, by
// model and metadata.
func (x *exchange) serveChatList() error {
	var k checker
	query := x.r.URL.Query()
	page := k.page(query, "asc", 20, 100)
	all, kept := x.sim.chats.all()
	var ids []string
	var objects [][]byte
	for i := range kept {
		wanted := query.Get("model") == "" || query.Get("model") == kept[i].chat.model
		metadata := kept[i].metadata.object()
		for name, texts := range query {
			key, ok := strings.CutPrefix(strings.TrimSuffix(name, "]"), "metadata[")
			wanted = wanted && (!ok || metadata.get(key).str() == texts[0])
		}
		if wanted {
			ids, objects = append(ids, all[i]), append(objects, kept[i].object(x))
		}
	}
	return x.answerList(&k, page, ids, objects)
}

// answerList answers with one page of a list.
func (x *exchange) answerList(k *checker, page pager, ids []string, elements [][]byte) error {
	list := page.list(k, ids, elements)
	if err := k.err(); err != nil {
		return err
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	x.writeWhole(x.success(), "application/json", indent(list))
	return nil
}

// serveChatMessages answers GET …/chat/completions/{id}/messages: those of the
// request.
func (x *exchange) serveChatMessages() error {
	var k checker
	page := k.page(x.r.URL.Query(), "asc", 20, 100)
	c, err := x.chat()
	if err != nil {
		return err
	}
	var ids []string
	var messages [][]byte
	for i, v := range c.messages.elems() {
		id := x.object + "-" + strconv.Itoa(i)
		ids, messages = append(ids, id), append(messages, listedMessage(id, v.object()))
	}
	return x.answerList(&k, page, ids, messages)
}

// listedMessage returns a message as the list shows it: text as content, parts
// beside it.
func listedMessage(id string, o object) []byte {
	content, parts := o.get("content").or("null"), value("null")
	if content.isArray() {
		content, parts = value("null"), content
	}
	b := fmt.Appendf(nil, `{"id":%s,"role":%s,"content":%s,"content_parts":%s,"name":%s,"refusal":null`,
		quote(id), o.get("role"), content, parts.compact(), o.get("name").or("null"))
	for _, name := range []string{"tool_calls", "tool_call_id"} {
		if v := o.get(name); v.exists() {
			b = fmt.Appendf(b, `,%q:%s`, name, v.compact())
		}
	}
	return append(b, '}')
}
