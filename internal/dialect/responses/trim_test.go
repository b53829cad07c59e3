package responses

import (
	"slices"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

func TestTrimSealed(t *testing.T) {
	const sealed = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"weir1.AQ"}`
	const told = `{"type":"reasoning", "id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"weir1.AQ","x":1.0}`
	for _, tt := range []struct {
		name, body, want string // want: empty means that nothing is cut
		open             bool
	}{
		{"none", `{"input":[{"type":"reasoning","encrypted_content":"gAAAA"}]}`, "", true},
		{"no list", `{"input":"weir1.AQ"}`, "", true},
		{"no input", `{"x":"weir1.AQ"}`, "", true},
		{"the only one", `{"input":[` + sealed + `]}`, `{"input":[]}`, false},
		{"one of some", `{"input":[ 1 , ` + sealed + `,"a" , ` + sealed + `,{}]}`, `{"input":[ 1,"a",{}]}`, false},
		{"the first of some", `{"input":[ ` + sealed + `, ` + sealed + ` , "a" ]}`, `{"input":[ "a" ]}`, false},
		{"with a text that can be read", `{"input":[` + told + `]}`, `{"input":[{"type":"reasoning", "id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"x":1.0}]}`, true},
		{"with a text that cannot be read", `{"input":[` + told + `]}`, `{"input":[]}`, false},
		{"without a text", `{"input":[` + sealed + `]}`, `{"input":[]}`, true},
		{"with an id of Weir's own", `{"input":[` + strings.Replace(told, "rs_1", "rs_weir_1_0", 1) + `]}`, `{"input":[{"type":"reasoning", "id":"rs_0","summary":[{"type":"summary_text","text":"hm"}],"x":1.0}]}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edits, losses := Dialect{}.Trim([]byte(tt.body), dialect.Trim{Sealed: true, Open: tt.open})
			if len(edits) == 0 {
				if tt.want != "" || losses != nil {
					t.Errorf("nothing is cut, %v", losses)
				}
				return
			}
			if got := string(jsonscan.Splice(nil, []byte(tt.body), edits...)); got != tt.want || len(losses) == 0 {
				t.Errorf("%s, %v; want %s", got, losses, tt.want)
			}
		})
	}
}

func TestTrimItems(t *testing.T) {
	const rest = `"role":"user","content":"a", "n":1.0}`
	for _, tt := range []struct {
		name       string
		trim       dialect.Trim
		body, want string
		lost       string
	}{
		{"nothing", dialect.Trim{}, `{"id":"msg_1",` + rest, `{"id":"msg_1",` + rest, ""},
		{"a message", dialect.Trim{ForeignIDs: true}, `{"id":"msg_1", ` + rest, `{` + rest, ""},
		{"its id last", dialect.Trim{ForeignIDs: true}, `{"type":"message","role":"user", "id" : "msg_1" }`, `{"type":"message","role":"user" }`, ""},
		{"its id in the middle, with escapes", dialect.Trim{ForeignIDs: true}, `{"type":"message", "\u0069d":"m", ` + rest, `{"type":"message", ` + rest, ""},
		{"a call", dialect.Trim{ForeignIDs: true}, `{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{\"id\":1}"}`, `{"type":"function_call","call_id":"c","name":"f","arguments":"{\"id\":1}"}`, ""},
		{"tools on the way", dialect.Trim{ForeignIDs: true}, `{"type":"additional_tools","id":"at_1","tools":[{"id":"x"}]}`, `{"type":"additional_tools","tools":[{"id":"x"}]}`, ""},
		{"an output by its id", dialect.Trim{ForeignIDs: true}, `{"type":"local_shell_call_output","id":"c","output":""}`, `{"type":"local_shell_call_output","id":"c","output":""}`, ""},
		{"a reference", dialect.Trim{ForeignIDs: true, ReasoningIDs: true}, `{"type":"item_reference","id":"msg_1"}`, `{"type":"item_reference","id":"msg_1"}`, ""},
		{"a reference without a type", dialect.Trim{ForeignIDs: true, ReasoningIDs: true}, `{"id":"msg_1"}`, `{"id":"msg_1"}`, ""},
		{"an unknown type", dialect.Trim{ForeignIDs: true}, `{"type":"mcp_approval_request","id":"a"}`, `{"type":"mcp_approval_request","id":"a"}`, ""},
		{"reasoning stays", dialect.Trim{ForeignIDs: true}, `{"type":"reasoning","id":"rs_1","encrypted_content":"g"}`, `{"type":"reasoning","id":"rs_1","encrypted_content":"g"}`, ""},
		{"reasoning's id", dialect.Trim{ForeignIDs: true, ReasoningIDs: true}, `{"type":"reasoning","id":"rs_1","encrypted_content":"g"}`, `{"type":"reasoning","encrypted_content":"g"}`, ""},
		{"reasoning that is kept", dialect.Trim{ForeignIDs: true, ReasoningIDs: true}, `{"type":"reasoning","id":"rs_1","summary":[]}`, `{"type":"reasoning","id":"rs_1","summary":[]}`, ""},
		{"foreign reasoning", dialect.Trim{Foreign: true}, `{"type":"reasoning","id":"rs_1","encrypted_content":"g"}`, ``, "input[0].encrypted_content"},
		{"a foreign summary of all", dialect.Trim{Foreign: true, ForeignIDs: true}, `{"type":"compaction","id":"cmp_1","encrypted_content":"g"}`, `{"type":"compaction","id":"cmp_1","encrypted_content":"g"}`, ""},
		{"an id of Weir's own", dialect.Trim{Minted: true}, `{"type":"function_call","id":"fc_weir_1_1","call_id":"c"}`, `{"type":"function_call","call_id":"c"}`, ""},
		{"one of another", dialect.Trim{Minted: true}, `{"type":"function_call","id":"fc_1_weir_","call_id":"c"}`, `{"type":"function_call","id":"fc_1_weir_","call_id":"c"}`, ""},
		{"nobody's thoughts", dialect.Trim{Minted: true, Nobodys: []string{"rs_weir_1"}}, `{"type":"reasoning","id":"rs_weir_1","summary":[{"text":"hm"}]}`, ``, "input[0]"},
		{"nobody's empty thoughts", dialect.Trim{Minted: true, Nobodys: []string{"rs_weir_1"}}, `{"type":"reasoning","id":"rs_weir_1","summary":[]}`, ``, ""},
		{"nobody's thoughts that can be read", dialect.Trim{Minted: true, Open: true, Nobodys: []string{"rs_weir_1"}}, `{"type":"reasoning","id":"rs_weir_1","content":[{"text":"hm"}]}`, `{"type":"reasoning","id":"rs_0","content":[{"text":"hm"}]}`, ""},
		{"somebody's thoughts", dialect.Trim{Minted: true}, `{"type":"reasoning","id":"rs_weir_1","summary":[]}`, `{"type":"reasoning","id":"rs_weir_1","summary":[]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"model":"m", "input":[` + tt.body + `], "x":"ü"}`
			edits, losses := Dialect{}.Trim([]byte(body), tt.trim)
			lost := ""
			for _, l := range losses {
				lost += l.Path
			}
			if got, want := string(jsonscan.Splice(nil, []byte(body), edits...)), `{"model":"m", "input":[`+tt.want+`], "x":"ü"}`; got != want || lost != tt.lost {
				t.Errorf("%s, lost %q\nwant %s, %q", got, lost, want, tt.lost)
			}
		})
	}
}

func TestTrimStore(t *testing.T) {
	for body, want := range map[string]string{
		`{"input":"a","store":false}`:                                        `{"input":"a","store":true}`,
		`{ "store" : null, "input":[{"type":"message","id":"m"}] }`:          `{ "store" : true, "input":[{"type":"message","id":"m"}] }`,
		`{"input":[{"store":false}] }`:                                       `{"input":[{"store":false}] ,"store":true}`,
		`{"model":"m"}`:                                                      `{"model":"m"}`,
		`{"input":[{"type":"reasoning","encrypted_content":"weir1.AQ"}, 1]}`: `{"input":[1],"store":true}`,
	} {
		edits, _ := Dialect{}.Trim([]byte(body), dialect.Trim{Store: true, Sealed: true})
		if got := string(jsonscan.Splice(nil, []byte(body), edits...)); got != want {
			t.Errorf("%s has become %s, want %s", body, got, want)
		}
	}
}

func FuzzTrim(f *testing.F) {
	f.Add([]byte(`{"input":[{"type":"reasoning","id":"a","content":[{"text":"t"}],"encrypted_content":"weir1.AQ"},{}]}`), byte(0))
	f.Add([]byte(`{"a":1,"input":[{"encrypted_content":"\u0077eir1.AQ"}]}`), byte(255))
	f.Add([]byte(`{"store":false,"input":[{"id":"rs_weir_1","type":"reasoning"},{"role":"user","id":"msg_weir_1"},{"id":"x"}]}`), byte(0x7e))
	f.Fuzz(func(t *testing.T, body []byte, what byte) {
		r, err := (Dialect{}).ReadRequest(body)
		if err != nil {
			return
		}
		trim := dialect.Trim{
			Sealed: true, Open: what&1 > 0, Minted: what&2 > 0, ForeignIDs: what&4 > 0, ReasoningIDs: what&8 > 0,
			Foreign: what&16 > 0, Store: what&32 > 0,
		}
		for _, ref := range r.References {
			trim.Nobodys = append(trim.Nobodys, ref.ID)
		}
		edits, _ := Dialect{}.Trim(body, trim)
		out := jsonscan.Splice(nil, body, edits...)
		v, err := jsontree.Parse(out)
		if err != nil {
			t.Fatalf("%q has become %q: %v", body, out, err)
		}
		input := v.Get("input")
		for _, item := range input.Elements() {
			if dialect.IsSealed(item.Get("encrypted_content")) || trim.ForeignIDs && ofOwn(item) && item.Get("id").Kind() != 0 {
				t.Errorf("%q has become %q", body, out)
			}
		}
		if trim.Store && input.Kind() != 0 && !v.Get("store").True() {
			t.Errorf("%q has become %q", body, out)
		}
		(Dialect{}).Mend(body, []byte(`{"error":{"message":"Item with id 'x' not found."}}`), trim)
		if again, _ := (Dialect{}).Trim(out, trim); len(again) > 0 && !trim.Store {
			if !slices.Equal(jsonscan.Splice(nil, out, again...), out) {
				t.Errorf("%q has become %q, and once more %q", body, out, jsonscan.Splice(nil, out, again...))
			}
		}
	})
}
