package estimate

import (
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/llm"
)

func said(role llm.Role, parts ...llm.Part) llm.Item { return llm.Item{Role: role, Parts: parts} }

func text(s string) llm.Part { return llm.Part{Text: s} }

// weather is the tool of OpenAI's and Anthropic's examples.
var weather = llm.Tool{ // immutable
	Name: "get_current_weather", Description: "Get the current weather in a given location",
	Schema: []byte(`{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["location"]}`),
}

// TestKnown: requests of which the providers' documents say how many tokens
// they are.
func TestKnown(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    llm.Request
		want int64
		off  int64 // per cent
	}{
		{"a joke", llm.Request{Items: []llm.Item{said(llm.RoleUser, text("Tell me a joke."))}}, 11, 25},
		{"a greeting", llm.Request{Items: []llm.Item{said(llm.RoleDeveloper, text("You are a helpful assistant.")), said(llm.RoleUser, text("Hello!"))}}, 19, 25},
		{"a tool", llm.Request{Items: []llm.Item{said(llm.RoleUser, text("What is the weather like in Boston today?"))}, Tools: []llm.Tool{weather}}, 82, 40},
		{"a picture", llm.Request{Items: []llm.Item{said(llm.RoleUser, text("What is in this image?"), llm.Part{Kind: llm.PartImage, URL: "https://example.com/a.jpg"})}}, 1117, 25},
		{"a scientist", llm.Request{Items: []llm.Item{said(llm.RoleSystem, text("You are a scientist")), said(llm.RoleUser, text("Hello, Claude"))}}, 14, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Request(&tt.r); 100*max(got-tt.want, tt.want-got) > tt.off*tt.want {
				t.Errorf("%d, want %d, give or take %d %%", got, tt.want, tt.off)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int64
	}{
		{"nothing", "", 0},
		{"a letter", "a", 1},
		{"prose", strings.Repeat("the cat sat on the mat, ", 100), 600},
		{"JSON", strings.Repeat(`{"a":[1,2],"b":"c"},`, 30), 200},
		{"Chinese", strings.Repeat("水坝", 30), 40},
		{"Greek", strings.Repeat("ναι ", 40), 70},
		{"no text at all", "\xff\xfe", 1},
	} {
		if got := Text(tt.text); got != tt.want {
			t.Errorf("%s: %d tokens, want %d", tt.name, got, tt.want)
		}
	}
}

// TestBinary: what is not text is not counted by its bytes.
func TestBinary(t *testing.T) {
	data := strings.Repeat("QUJD", 1<<20)
	for _, tt := range []struct {
		name string
		part llm.Part
		want int64
	}{
		{"an image", llm.Part{Kind: llm.PartImage, URL: "data:image/png;base64," + data}, image},
		{"a small one", llm.Part{Kind: llm.PartImage, URL: "data:image/png;base64," + data, Detail: "low"}, imageLow},
		{"sound", llm.Part{Kind: llm.PartAudio, Media: "wav", Data: data}, 656},
		{"music", llm.Part{Kind: llm.PartAudio, Media: "mp3", Data: data}, 1967},
		{"pages", llm.Part{Kind: llm.PartFile, Media: "application/pdf", Data: data}, 62 * page},
		{"a file elsewhere", llm.Part{Kind: llm.PartFile, FileID: "file_1"}, page},
		{"a text", llm.Part{Kind: llm.PartFile, Media: "text/plain", Data: "QUJDQUJD"}, 2},
	} {
		if got := part(&tt.part); got != tt.want {
			t.Errorf("%s: %d tokens, want %d", tt.name, got, tt.want)
		}
	}
	sealed := llm.Item{Kind: llm.ItemReasoning, Sealed: data, Parts: []llm.Part{{Kind: llm.PartSummary, Text: "hm"}}}
	if got := item(&sealed); got != 1 {
		t.Errorf("sealed reasoning: %d tokens, want 1", got)
	}
	if got := Bytes(8, 1000); got != 12 {
		t.Errorf("bytes: %d tokens, want 12", got)
	}
}

// TestItems: a conversation costs more than its texts, and tools wherever they
// are declared.
func TestItems(t *testing.T) {
	call := llm.Item{Kind: llm.ItemCall, Name: "look", Input: `{"a":"b"}`}
	output := llm.Item{Kind: llm.ItemOutput, Parts: []llm.Part{text("done")}}
	late := llm.Item{Kind: llm.ItemTools, Tools: []llm.Tool{{Kind: llm.ToolNamespace, Name: "n", Tools: []llm.Tool{weather}}}}
	first := llm.Request{Tools: []llm.Tool{weather}}
	if call, output := item(&call), item(&output); call != 12 || output != 9 {
		t.Errorf("call %d, output %d", call, output)
	}
	if late, first := item(&late), Request(&first)-perRequest; late <= first || late > first+perCall+1 {
		t.Errorf("declared on the way %d, at first %d", late, first)
	}
	hosted := llm.Request{Tools: []llm.Tool{{Kind: llm.ToolHosted, Raw: []byte(`{"type":"web_search"}`)}}}
	if got := Request(&hosted); got != perRequest+6 {
		t.Errorf("a hosted tool: %d", got)
	}
}
