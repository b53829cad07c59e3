package media_test

import (
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/dialecttest"
	"github.com/weir-gateway/weir/internal/dialect/media"
	"github.com/weir-gateway/weir/internal/llm"
)

var update = flag.Bool("update", false, "write what was found into testdata")

func of(op llm.Operation) *media.Dialect {
	d, ok := media.Of(op)
	if !ok {
		panic("no dialect for " + op)
	}
	return d
}

func suite(op llm.Operation, dir, begin, content string) dialecttest.Suite {
	return dialecttest.Suite{
		Dialect: of(op), Name: llm.Chat, Dir: "testdata/" + dir, Update: *update, Begin: begin, Content: content,
	}
}

func images() dialecttest.Suite {
	s := suite(llm.OpImageEdit, "images", ": begins\n\n",
		"event: image_edit.partial_image\n"+
			`data: {"type":"image_edit.partial_image","b64_json":"iVBORw0KGgo=","created_at":1700000001,"partial_image_index":0}`+"\n\n")
	s.MaxEvent = 64 << 20
	return s
}

func audio() dialecttest.Suite {
	return suite(llm.OpTranscription, "audio",
		`data: {"type":"transcript.text.delta","delta":"","logprobs":[]}`+"\n\n",
		`data: {"type":"transcript.text.delta","delta":"some \"text\" é","logprobs":[]}`+"\n\n")
}

// moderations do not stream. Should an upstream do it all the same, it passes.
func moderations() dialecttest.Suite {
	return suite(llm.OpModerations, "moderations", "data: {}\n\n", `data: {"id":"modr-1"}`+"\n\n")
}

func TestImages(t *testing.T) { images().Run(t) }

func TestAudio(t *testing.T) { audio().Run(t) }

func TestModerations(t *testing.T) { moderations().Run(t) }

func FuzzImages(f *testing.F) { images().FuzzTap(f) }

func FuzzAudio(f *testing.F) { audio().FuzzTap(f) }

func FuzzImageRequest(f *testing.F) { images().FuzzRequest(f) }

// FuzzSpeech compares the count of characters with what the text decodes to.
func FuzzSpeech(f *testing.F) {
	for _, s := range []string{"", "hello", `é😀`, `\u00e9\ud83d\uDE00\n\\\"`, `\udbff\udfff`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body := `{"input":"` + text + `","model":"` + text + `"}`
		r, err := of(llm.OpSpeech).ReadRequest([]byte(body))
		if err != nil {
			return
		}
		if want := len([]rune(r.Model)); r.Characters != int64(want) {
			t.Errorf("%q has %d characters, want %d", text, r.Characters, want)
		}
	})
}

func TestOf(t *testing.T) {
	for _, op := range []llm.Operation{llm.OpChat, llm.OpResponses, llm.OpEmbeddings, llm.OpMessages, ""} {
		if d, ok := media.Of(op); ok {
			t.Errorf("Of(%q) = %v, want none", op, d)
		}
	}
}

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		op         llm.Operation
		body       string
		def        string
		stream     bool
		choices    int
		characters int64
	}{
		{llm.OpModerations, `{"input":"x"}`, "omni-moderation-latest", false, 1, 0},
		{llm.OpImageGeneration, `{"prompt":"x","n":3,"background":null}`, "dall-e-2", false, 3, 0},
		{llm.OpImageGeneration, `{"prompt":"x","background":"opaque"}`, "", false, 1, 0},
		{llm.OpImageGeneration, `{"prompt":"x","output_compression":50}`, "", false, 1, 0},
		{llm.OpImageGeneration, `{"prompt":"x","stream":true}`, "", true, 1, 0},
		{llm.OpImageEdit, `{"prompt":"x","stream":true,"n":2}`, "gpt-image-1.5", true, 2, 0},
		{llm.OpSpeech, `{"input":"h\u00e9llo 😀"}`, "", false, 1, 7},
		{llm.OpSpeech, `{"input":"hello","stream_format":"sse"}`, "", true, 1, 5},
		{llm.OpSpeech, `{"input":["hello"],"stream_format":"audio"}`, "", false, 1, 0},
	} {
		r, err := of(tt.op).ReadRequest([]byte(tt.body))
		if err != nil || r.HasModel || r.DefaultModel != tt.def || r.Stream != tt.stream || r.Choices != tt.choices || r.Characters != tt.characters {
			t.Errorf("%s %s is read as %+v, %v, want %+v", tt.op, tt.body, r, err, tt)
		}
	}
}

// TestReferences: files that an upstream keeps may be another tenant's.
func TestReferences(t *testing.T) {
	r, err := of(llm.OpImageEdit).ReadRequest([]byte(`{"prompt":"file_id","images":[{"image_url":"x"},{"file_id":"file-1"},{"file_id":null}],"mask":{"file_id":"file\u002d2"}}`))
	want := []dialect.Reference{{Param: "images[1].file_id", ID: "file-1"}, {Param: "mask.file_id", ID: "file-2"}}
	if err != nil || !slices.Equal(r.References, want) {
		t.Errorf("References = %v, %v, want %v", r.References, err, want)
	}
	r, err = of(llm.OpImageGeneration).ReadRequest([]byte(`{"images":[{"file_id":"file-1"}]}`))
	if err != nil || len(r.References) > 0 {
		t.Errorf("References = %v, %v, want none", r.References, err)
	}
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values map[string]string
		want   dialect.Request
		param  string // at fault
	}{
		{"nothing", nil, dialect.Request{Choices: 1, DefaultModel: "dall-e-2"}, ""},
		{"everything", map[string]string{"model": "m", "stream": "true", "n": "4"}, dialect.Request{Model: "m", HasModel: true, Stream: true, Choices: 4, DefaultModel: "dall-e-2"}, ""},
		{"as Python writes it", map[string]string{"model": "m", "stream": "False", "n": "no"}, dialect.Request{Model: "m", HasModel: true, Choices: 1, DefaultModel: "dall-e-2"}, ""},
		{"an empty model", map[string]string{"model": ""}, dialect.Request{}, "model"},
		{"a model with a line end", map[string]string{"model": "m\r\n"}, dialect.Request{}, "model"},
		{"a model that is not UTF-8", map[string]string{"model": "\xff"}, dialect.Request{}, "model"},
		{"a long model", map[string]string{"model": strings.Repeat("m", 257)}, dialect.Request{}, "model"},
		{"no stream", map[string]string{"stream": "perhaps"}, dialect.Request{}, "stream"},
	} {
		got, err := of(llm.OpImageVariation).ReadForm(func(name string) (string, bool) { v, ok := tt.values[name]; return v, ok })
		if tt.param != "" {
			if e := llm.AsError(err); e == nil || e.Code != llm.CodeInvalidValue || e.Param != tt.param {
				t.Errorf("%s: ReadForm = %v, want a fault of %s", tt.name, err, tt.param)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: ReadForm = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}
