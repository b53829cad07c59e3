package responses_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A follower follows a stream as a client does, and says what is out of order.
type follower struct {
	next   int
	items  []*followed
	ended  bool
	output []any // of the last response
}

// A followed is an item of the stream.
type followed struct {
	id, kind string
	item     any // as it was when it was done
	done     bool
	parts    map[string]*part // by "content 0", "summary 0"
	open     string           // the part that is open
	input    string
	whole    bool // the end of the input was told
}

type part struct {
	text       string
	told, done bool
	notes      int
}

// follow checks a whole stream: dense numbers, items and parts that begin
// before and end after what is in them, pieces that make up the whole.
func follow(stream string) (*follower, error) {
	f := &follower{}
	for i, block := range strings.Split(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: ")
		var e map[string]any
		err := json.Unmarshal([]byte(data), &e)
		if !ok || strings.Contains(data, "\n") {
			err = errors.New("no two lines")
		}
		if err != nil {
			return f, fmt.Errorf("event %d is %q: %w", i, block, err)
		}
		if e["type"] != name {
			return f, fmt.Errorf("event %d is called %s and has the type %v", i, name, e["type"])
		}
		if name == "keepalive" {
			continue
		}
		if err := f.event(name, e); err != nil {
			return f, fmt.Errorf("event %d: %w\n%s", i, err, data)
		}
	}
	if !f.ended {
		return f, errors.New("the stream has no end")
	}
	return f, nil
}

func (f *follower) event(name string, e map[string]any) error {
	if e["sequence_number"] != float64(f.next) {
		return fmt.Errorf("sequence_number is %v, want %d", e["sequence_number"], f.next)
	}
	f.next++
	if f.ended {
		return errors.New("it comes behind the end")
	}
	if f.next == 1 != (name == "response.created") {
		return fmt.Errorf("%s as the event number %d", name, f.next)
	}
	short := strings.TrimPrefix(name, "response.")
	switch short {
	case "created", "in_progress":
		return nil
	case "completed", "incomplete", "failed":
		return f.end(short, e["response"].(map[string]any))
	}
	at := int(e["output_index"].(float64))
	if short == "output_item.added" {
		if at != len(f.items) {
			return fmt.Errorf("output_index is %d, want %d", at, len(f.items))
		}
		item := e["item"].(map[string]any)
		id, _ := item["id"].(string)
		if id == "" || id == item["call_id"] {
			return fmt.Errorf("the item's id is %q", id)
		}
		f.items = append(f.items, &followed{id: id, kind: item["type"].(string), parts: map[string]*part{}})
		return nil
	}
	if at >= len(f.items) || f.items[at].done {
		return fmt.Errorf("item %d is not open", at)
	}
	i := f.items[at]
	if short == "output_item.done" {
		return i.end(e["item"].(map[string]any))
	}
	if e["item_id"] != i.id {
		return fmt.Errorf("item_id is %v, want %s", e["item_id"], i.id)
	}
	return i.event(short, e)
}

func (i *followed) event(short string, e map[string]any) error {
	if n, ok := e["content_index"]; ok {
		return i.part(fmt.Sprintf("content %v", n), short, e)
	}
	if n, ok := e["summary_index"]; ok {
		return i.part(fmt.Sprintf("summary %v", n), short, e)
	}
	_, last, _ := strings.Cut(short, ".")
	switch {
	case i.whole:
		return errors.New("the input is over")
	case last == "delta":
		i.input += e["delta"].(string)
	case last == "done":
		whole, ok := e["arguments"]
		if !ok {
			whole = e["input"]
		}
		if i.whole = true; whole != i.input {
			return fmt.Errorf("the whole input is %q, and its pieces are %q", whole, i.input)
		}
	default:
		return fmt.Errorf("nobody knows %s", short)
	}
	return nil
}

func (i *followed) part(key, short string, e map[string]any) error {
	p := i.parts[key]
	if strings.HasSuffix(short, "part.added") {
		kind, n, _ := strings.Cut(key, " ")
		count := 0
		for other := range i.parts {
			if strings.HasPrefix(other, kind) {
				count++
			}
		}
		if p != nil || i.open != "" || n != strconv.Itoa(count) {
			return fmt.Errorf("part %s begins as number %d while %q is open", key, count, i.open)
		}
		i.parts[key], i.open = &part{}, key
		return nil
	}
	if p == nil || i.open != key {
		return fmt.Errorf("part %s is not open", key)
	}
	switch {
	case strings.HasSuffix(short, "annotation.added"):
		if e["annotation_index"] != float64(p.notes) {
			return fmt.Errorf("annotation_index is %v, want %d", e["annotation_index"], p.notes)
		}
		p.notes++
	case strings.HasSuffix(short, "part.done"):
		if !p.told {
			return errors.New("the part ends before its text")
		}
		p.done, i.open = true, ""
		return p.whole(e["part"].(map[string]any))
	case strings.HasSuffix(short, ".delta"):
		p.text += e["delta"].(string)
	case strings.HasSuffix(short, ".done"):
		p.told = true
		return p.whole(e)
	default:
		return fmt.Errorf("nobody knows %s", short)
	}
	return nil
}

// whole checks the whole text of a part.
func (p *part) whole(e map[string]any) error {
	text, ok := e["text"]
	if !ok {
		text = e["refusal"]
	}
	if notes, ok := e["annotations"].([]any); ok && len(notes) != p.notes {
		return fmt.Errorf("there are %d annotations, and %d were told", len(notes), p.notes)
	}
	if text != p.text {
		return fmt.Errorf("the whole text is %q, and its pieces are %q", text, p.text)
	}
	return nil
}

func (i *followed) end(item map[string]any) error {
	i.done, i.item = true, item
	if item["id"] != i.id || item["type"] != i.kind {
		return fmt.Errorf("the item is %v of %v, and was announced as %s of %s", item["id"], item["type"], i.id, i.kind)
	}
	if i.open != "" {
		return fmt.Errorf("the part %s is still open", i.open)
	}
	for _, name := range []string{"summary", "content"} {
		parts, _ := item[name].([]any)
		for k, p := range parts {
			told := i.parts[fmt.Sprintf("%s %d", name, k)]
			if told == nil {
				return fmt.Errorf("%s %d was never told", name, k)
			}
			if err := told.whole(p.(map[string]any)); err != nil {
				return err
			}
		}
		if n := len(parts); i.parts[fmt.Sprintf("%s %d", name, n)] != nil {
			return fmt.Errorf("%s %d was told, and is not in the item", name, n)
		}
	}
	for kind, name := range map[string]string{"function_call": "arguments", "custom_tool_call": "input"} {
		if input, ok := item[name].(string); ok && i.kind == kind && (input != i.input || i.whole != (item["status"] == "completed")) {
			return fmt.Errorf("the item's input is %q, its pieces are %q, their end was told: %v", input, i.input, i.whole)
		}
	}
	return nil
}

// end checks the last response: its output are the items that are done.
func (f *follower) end(word string, response map[string]any) error {
	f.ended = true
	if response["status"] != word {
		return fmt.Errorf("%s has the status %v", word, response["status"])
	}
	f.output = response["output"].([]any)
	done := []any{}
	for _, i := range f.items {
		switch {
		case i.done:
			done = append(done, i.item)
		case word != "failed":
			return fmt.Errorf("the item %s is still open", i.id)
		}
	}
	if !reflect.DeepEqual(done, f.output) {
		return fmt.Errorf("the output is not what the items were (-items +output):\n%s", cmp.Diff(done, f.output))
	}
	return nil
}

// Streams are in order, and what they add up to is the whole response.
func TestStreamsAreInOrder(t *testing.T) {
	codecSuite().Conversations(func(n int, _ *reply, whole, stream []byte) {
		f, err := follow(string(stream))
		if err != nil {
			t.Fatalf("case %d: %v\n%s", n, err, stream)
		}
		var response map[string]any
		if err := json.Unmarshal(whole, &response); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(response["output"], any(f.output)); diff != "" {
			t.Fatalf("case %d: the stream adds up to something else (-whole +stream):\n%s", n, diff)
		}
	})
}

// The follower must notice what it is there for.
func TestFollowerNotices(t *testing.T) {
	var stream string
	codecSuite().Conversations(func(n int, _ *reply, _, s []byte) {
		if strings.Contains(string(s), "function_call_arguments.delta") && strings.Contains(string(s), "output_text.delta") && stream == "" {
			stream = string(s)
		}
	})
	if _, err := follow(stream); err != nil || stream == "" {
		t.Fatal(err)
	}
	blocks := strings.SplitAfter(stream, "\n\n")
	blocks = blocks[:len(blocks)-1]
	for i := range blocks {
		without := strings.Join(blocks[:i], "") + strings.Join(blocks[i+1:], "")
		if _, err := follow(without); err == nil {
			t.Errorf("the event %d is missing, and nobody notices", i)
		}
		if i == 0 {
			continue
		}
		renumbered := renumber(blocks, i)
		_, err := follow(renumbered)
		told := strings.Contains(blocks[i], "in_progress\"") || strings.Contains(blocks[i], `"annotation`)
		if err == nil && !told {
			t.Errorf("the event %d is missing, the others are numbered anew, and nobody notices:\n%s", i, blocks[i])
		}
	}
}

// renumber returns a stream without an event.
func renumber(blocks []string, without int) string {
	var all strings.Builder
	for i, b := range blocks {
		if i == without {
			continue
		}
		if i > without {
			b = strings.Replace(b, fmt.Sprintf(`"sequence_number":%d,`, i), fmt.Sprintf(`"sequence_number":%d,`, i-1), 1)
		}
		all.WriteString(b)
	}
	return all.String()
}
