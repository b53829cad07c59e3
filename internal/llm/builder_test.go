package llm_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/llm"
)

// trace returns a function that writes events as lines.
func trace(lines *[]string) func(llm.Event) {
	names := []string{"begun", "item", "part", "delta", "input", "annotation", "part done", "item done", "done", "failed"}
	return func(e llm.Event) {
		s := names[e.Kind]
		switch e.Kind {
		case llm.ReplyBegun, llm.ReplyDone, llm.ReplyFailed:
			s += " " + string(e.Reply.Status)
		default:
			s += fmt.Sprintf(" %d.%d %s", e.Index, e.Part, e.Text)
		}
		*lines = append(*lines, s)
	}
}

func TestBuilder(t *testing.T) {
	var lines []string
	b := llm.NewBuilder(trace(&lines))
	b.Tools = llm.ToolMap{"fs__patch": {Kind: llm.ToolCustom, Name: "patch", Namespace: "fs"}}
	b.Begin("a", "", 0)
	b.Begin("b", "m", 7)
	think := b.Open(llm.Item{Kind: llm.ItemReasoning})
	b.Delta(think, llm.PartSummary, "hm", nil)
	b.Done(think, "")
	say := b.Open(llm.Item{Kind: llm.ItemMessage, Role: llm.RoleAssistant})
	b.Delta(say, llm.PartText, "he", []byte(`[1]`))
	b.Delta(say, llm.PartText, "llo", []byte(`[2,3]`))
	b.Delta(say, llm.PartRefusal, "no", nil)
	call := b.Open(llm.Item{Kind: llm.ItemCall, CallID: "c1", Name: "fs__patch"})
	other := b.Open(llm.Item{Kind: llm.ItemCall, CallID: "c2", Name: "look"})
	b.Input(call, `{"inp`)
	b.Input(other, `{}`)
	b.Input(call, `ut":"*** x\n"}`)
	b.Finish("")
	b.Fail(llm.Failure{}) // too late

	want := []string{
		"begun in_progress",
		"item 0.0 ", "part 0.0 ", "delta 0.0 hm", "part done 0.0 ", "item done 0.0 ",
		"item 1.0 ", "part 1.0 ", "delta 1.0 he", "delta 1.0 llo", "part done 1.0 ", "part 1.1 ", "delta 1.1 no",
		"item 2.0 ", "item 3.0 ", "input 3.0 {}",
		"part done 1.1 ", "item done 1.0 ",
		"input 2.0 *** x\n", "item done 2.0 ", "item done 3.0 ",
		"done completed",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	r := b.Reply()
	if r.ID != "a" || r.Model != "m" || r.Created != 7 {
		t.Errorf("id %q, model %q, created %d; want the first known of each", r.ID, r.Model, r.Created)
	}
	if p := r.Items[1].Parts[0]; p.Text != "hello" || string(p.Logprobs) != "[1,2,3]" {
		t.Errorf("text %q, log probabilities %s", p.Text, p.Logprobs)
	}
	if c := r.Items[2]; c.Tool != llm.ToolCustom || c.Namespace != "fs" || c.Name != "patch" || c.Input != "*** x\n" {
		t.Errorf("call = %+v, want the client's own tool", c)
	}
	if !r.Calls() {
		t.Error("Calls() = false")
	}
}

// A whole answer that is played must come out as it was.
func TestPlay(t *testing.T) {
	whole := &llm.Reply{
		ID: "a", Model: "m", Created: 7, Status: llm.StatusIncomplete, Reason: llm.ReasonLength, Words: "length",
		Usage: llm.Usage{Input: 1, Output: 2, Provenance: llm.UsageReported},
		Items: []llm.Item{
			{Kind: llm.ItemReasoning, Status: llm.ItemCompleted, Sealed: "s", Parts: []llm.Part{{Kind: llm.PartReasoning, Text: "hm"}}},
			{Kind: llm.ItemMessage, Role: llm.RoleAssistant, Status: llm.ItemCompleted, Parts: []llm.Part{
				{Kind: llm.PartText, Text: "hello", Logprobs: []byte("[1,2]"), Annotations: []llm.Annotation{{URL: "u", End: 3}}},
				{Kind: llm.PartText},
			}},
			{Kind: llm.ItemCall, Status: llm.ItemIncomplete, CallID: "c", Name: "f", Input: `{"a":`},
		},
	}
	var got *llm.Reply
	llm.Play(whole, func(e llm.Event) { got = e.Reply })
	if diff := cmp.Diff(whole, got); diff != "" {
		t.Errorf("played (-want +got):\n%s", diff)
	}
	failed := &llm.Reply{Status: llm.StatusFailed, Failure: &llm.Failure{Code: "server_error", Message: "no"}}
	llm.Play(failed, func(e llm.Event) { got = e.Reply })
	if diff := cmp.Diff(failed, got); diff != "" {
		t.Errorf("played failure (-want +got):\n%s", diff)
	}
}

func TestUnwrap(t *testing.T) {
	for in, want := range map[string]string{
		`{"input":"a"}`:       "a",
		`{"input":"a","b":1}`: "a",
		`{"text":"a"}`:        `{"text":"a"}`,
		`{"input":1}`:         `{"input":1}`,
		`free text`:           "free text",
		"":                    "",
	} {
		b := llm.NewBuilder(nil)
		b.Tools = llm.ToolMap{"f": {Kind: llm.ToolCustom, Name: "f"}}
		i := b.Open(llm.Item{Kind: llm.ItemCall, Name: "f"})
		b.Input(i, in)
		b.Finish("")
		if got := b.Reply().Items[i].Input; got != want {
			t.Errorf("unwrapped %q = %q, want %q", in, got, want)
		}
	}
}
