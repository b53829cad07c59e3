package responses_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/responses"
	"github.com/weir-gateway/weir/internal/llm"
)

func TestReferences(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []string // param=id
	}{
		{"none", `{"model":"m","input":"hi"}`, nil},
		{"nulls", `{"previous_response_id":null,"conversation":null,"tools":[{"type":"x","container":null}],"input":[{"id":null}]}`, nil},
		{"previous response", `{"previous_response_id":"resp_1"}`, []string{"previous_response_id=resp_1"}},
		{"empty", `{"previous_response_id":""}`, []string{"previous_response_id="}},
		{"escaped", `{"previous\u005fresponse_id":"re\u0073p_1"}`, []string{"previous_response_id=resp_1"}},
		{"conversation by name", `{"conversation":"conv_1"}`, []string{"conversation=conv_1"}},
		{"conversation", `{"conversation":{"id":"conv_1"}}`, []string{"conversation.id=conv_1"}},
		{"variables of a prompt", `{"prompt":{"id":"pmpt_1","variables":{"a":"x","b":{"type":"input_file","file_id":"file-1"}}}}`, []string{"prompt.variables.*.file_id=file-1"}},
		{
			"files in messages", `{"input":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"input_text","text":"file_id"},{"type":"input_image","file_id":"file-1"},{"type":"input_file","file_id":"file-2"}]}]}`,
			[]string{"input[1].content[].file_id=file-1", "input[1].content[].file_id=file-2"},
		},
		{
			"files in outputs of tools", `{"input":[{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","file_id":"file-1"}},{"type":"function_call_output","call_id":"c","output":[{"type":"input_file","file_id":"file-2"}]},{"type":"function_call_output","call_id":"c","output":"file_id"}]}`,
			[]string{"input[0].output.file_id=file-1", "input[1].output[].file_id=file-2"},
		},
		{
			"containers of items", `{"input":[{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1"},{"type":"shell_call","id":"sh_1","environment":{"type":"container_reference","container_id":"cntr_2"}}]}`,
			[]string{"input[0].container_id=cntr_1", "input[1].environment.container_id=cntr_2"},
		},
		{
			"tools", `{"tools":[{"type":"file_search","vector_store_ids":["vs_1","vs_2"]},{"type":"code_interpreter","container":"cntr_1"},{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}},{"type":"image_generation","input_image_mask":{"file_id":"file-2"}},{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_2"}},{"type":"shell","environment":{"type":"container_auto","file_ids":["file-3"]}}]}`,
			[]string{"tools[0].vector_store_ids[]=vs_1", "tools[0].vector_store_ids[]=vs_2", "tools[1].container=cntr_1", "tools[2].container.file_ids[]=file-1", "tools[3].input_image_mask.file_id=file-2", "tools[4].environment.container_id=cntr_2", "tools[5].environment.file_ids[]=file-3"},
		},
		{
			"tools as an item", `{"input":[{"type":"additional_tools","tools":[{"type":"file_search","vector_store_ids":["vs_1"]},{"type":"code_interpreter","container":"cntr_1"},{"container":{"file_ids":["file-1"]}},{"environment":{"container_id":"cntr_2","file_ids":["file-2"]}},{"input_image_mask":{"file_id":"file-3"}}]}]}`,
			[]string{"input[0].tools[].vector_store_ids[]=vs_1", "input[0].tools[].container=cntr_1", "input[0].tools[].container.file_ids[]=file-1", "input[0].tools[].environment.container_id=cntr_2", "input[0].tools[].environment.file_ids[]=file-2", "input[0].tools[].input_image_mask.file_id=file-3"},
		},
		{
			"item references", `{"input":[{"type":"item_reference","id":"msg_1"},{"id":"msg_2"},{"id":"msg_3","type":null},{"id":"msg_4","type":"item\u005freference"},{"id":"rs_5","junk":1,"type":"item_reference"}]}`,
			[]string{"input[0].id=msg_1", "input[1].id=msg_2", "input[2].id=msg_3", "input[3].id=msg_4", "input[4].id=rs_5"},
		},
		{"items that say what they are", `{"input":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"a"}]},{"id":"msg_2","role":"user","content":"x"},{"type":"function_call","id":"fc_1","call_id":"c","name":"n","arguments":"{}"},{"type":"reasoning","id":"rs_1","encrypted_content":"x"},{"type":"image_generation_call","id":"ig_1","result":"aGk="}]}`, nil},
		{
			"items that only the upstream knows", `{"input":[{"type":"reasoning","id":"rs_1","summary":[]},{"type":"reasoning","id":"rs_2","encrypted_content":null},{"type":"image_generation_call","id":"ig_1"}]}`,
			[]string{"input[0].id=rs_1", "input[1].id=rs_2", "input[2].id=ig_1"},
		},
		{"planted elsewhere", `{"metadata":{"previous_response_id":"resp_1"},"text":{"format":{"schema":{"conversation":"conv_1"}}},"tools":[{"type":"function","parameters":{"container":"cntr_1"}}],"input":[{"role":"user","content":[{"type":"input_text","text":"{\"file_id\":\"x\"}","x":{"file_id":"y"}}]}]}`, nil},
		{"no strings", `{"previous_response_id":1,"conversation":["conv_1"],"tools":[{"vector_store_ids":[1,{"id":"vs_1"}]}]}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := responses.Dialect{}.ReadRequest([]byte(tt.body))
			if err != nil {
				t.Fatalf("ReadRequest(%s) error = %v", tt.body, err)
			}
			var got []string
			for _, ref := range r.References {
				got = append(got, ref.Param+"="+ref.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("references of %s (-want +got):\n%s", tt.body, diff)
			}
		})
	}
}

// TestReferencesTwice checks that no member with an id can be there twice: the
// upstream could take the other one.
func TestReferencesTwice(t *testing.T) {
	for _, body := range []string{
		`{"previous_response_id":"resp_1","previous_response_id":"resp_2"}`,
		`{"conversation":{"id":"a","id":"b"}}`,
		`{"input":[{"type":"message","role":"user","id":"a","type":"item_reference"}]}`,
		`{"input":[{"type":"message","role":"user","id":"a","Type":"item_reference"}]}`,
		`{"input":[{"content":[{"file_id":"a","\u0066ile_id":"b"}]}]}`,
		`{"tools":[{"container":"a","container":"b"}]}`,
		`{"tools":[{"vector_store_ids":["a"],"vector_store_ids":["b"]}]}`,
		`{"prompt":{"variables":{"x":{"file_id":"a","file_id":"b"}}}}`,
	} {
		_, err := responses.Dialect{}.ReadRequest([]byte(body))
		if e := llm.AsError(err); e == nil || e.Code != llm.CodeInvalidJSON {
			t.Errorf("ReadRequest(%s) error = %v, want %s", body, err, llm.CodeInvalidJSON)
		}
	}
}

func TestTooManyReferences(t *testing.T) {
	body := `{"tools":[{"vector_store_ids":["a"` + strings.Repeat(`,"a"`, 5000) + `]}]}`
	_, err := responses.Dialect{}.ReadRequest([]byte(body))
	if e := llm.AsError(err); e == nil || e.Code != llm.CodeInvalidValue {
		t.Errorf("ReadRequest of 5001 references: %v, want %s", err, llm.CodeInvalidValue)
	}
}

func TestKept(t *testing.T) {
	for _, tt := range []struct {
		body string
		want bool
	}{{`{}`, true}, {`{"store":null}`, true}, {`{"store":true}`, true}, {`{"store":false}`, false}, {`{"store":"false"}`, true}} {
		r, err := responses.Dialect{}.ReadRequest([]byte(tt.body))
		if err != nil || r.Kept != tt.want {
			t.Errorf("ReadRequest(%s).Kept = %v, %v, want %v", tt.body, r.Kept, err, tt.want)
		}
	}
}

// TestMade checks that the ids of items are known when the event has ended, and
// only if somebody collects them.
func TestMade(t *testing.T) {
	const stream = `data: {"type":"response.created","response":{"id":"resp_1","output":[]}}

data: {"type":"response.output_item.added","item":{"type":"message","id":"msg_1","content":[{"id":"no"}]}}

data: {"type":"response.output_item.done","item":{"type":"message","id":"msg_1"}}

data: {"type":"response.output_item.added","item":{"type":"code_interpreter_call","id":"ci_1","container_id":null}}

data: {"type":"response.output_item.done","item":{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1"}}

`
	const body = `{"id":"resp_1","output":[{"id":"msg_1","content":[{"id":"no"}]},{"id":"ci_1","container_id":"cntr_1"},{"type":"x"}]}`
	for _, collect := range []bool{true, false} {
		t.Run(fmt.Sprint("collect ", collect), func(t *testing.T) {
			tap := responses.Dialect{}.NewTap(true)
			if collect {
				tap.Collect()
			}
			var got []string
			for p := []byte(stream); len(p) > 0; {
				n, end, err := tap.Next(p)
				if err != nil {
					t.Fatal(err)
				}
				if end == dialect.Event {
					got = append(got, tap.ResponseID()+" "+strings.Join(tap.Made(), " "))
				}
				p = p[n:]
			}
			want := []string{"resp_1 ", "resp_1 msg_1", "resp_1 ", "resp_1 ci_1", "resp_1 cntr_1"}
			if !collect {
				want = []string{"resp_1 ", "resp_1 ", "resp_1 ", "resp_1 ", "resp_1 "}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("made of the stream (-want +got):\n%s", diff)
			}
			whole := responses.Dialect{}.NewTap(false)
			if collect {
				whole.Collect()
			}
			if _, _, err := whole.Next([]byte(body)); err != nil {
				t.Fatal(err)
			}
			if !whole.Done() {
				t.Error("a whole body is not done")
			}
			if _, err := whole.Close(); err != nil {
				t.Fatal(err)
			}
			want = nil
			if collect {
				want = []string{"msg_1", "ci_1", "cntr_1"}
			}
			if diff := cmp.Diff(want, whole.Made()); diff != "" {
				t.Errorf("made of the body (-want +got):\n%s", diff)
			}
		})
	}
}

// codexRequest is a conversation of n items, as Codex sends it.
func codexRequest(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"model":"gpt-5","instructions":"` + strings.Repeat("You are a coding agent. ", 400) + `","input":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		switch i % 4 {
		case 0:
			b.WriteString(`{"type":"message","role":"user","content":[{"type":"input_text","text":"` + strings.Repeat("please look at this. ", 20) + `"}]}`)
		case 1:
			b.WriteString(`{"type":"reasoning","summary":[],"encrypted_content":"` + strings.Repeat("gAAAAABo", 100) + `"}`)
		case 2:
			b.WriteString(`{"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"call_1"}`)
		default:
			b.WriteString(`{"type":"function_call_output","call_id":"call_1","output":"` + strings.Repeat(`a line of output\n`, 40) + `"}`)
		}
	}
	b.WriteString(`],"tools":[{"type":"function","name":"shell","parameters":{"type":"object","properties":{"command":{"type":"array"}}}}],"store":false,"stream":true}`)
	return []byte(b.String())
}

func BenchmarkReadRequest(b *testing.B) {
	for _, bb := range []struct {
		name string
		body []byte
		read func([]byte) (dialect.Request, error)
	}{
		{"short", []byte(`{"model":"gpt-5","input":"hello","stream":true}`), responses.Dialect{}.ReadRequest},
		{"short, no references", []byte(`{"model":"gpt-5","input":"hello","stream":true}`), dialect.ReadRequest},
		{"400 items", codexRequest(400), responses.Dialect{}.ReadRequest},
		{"400 items, no references", codexRequest(400), dialect.ReadRequest},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bb.read(bb.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
