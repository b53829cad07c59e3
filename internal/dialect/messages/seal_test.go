package messages

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

func TestTrim(t *testing.T) {
	const thinking = `{"type":"thinking","thinking":"hm","signature":"weir1.AQ"}`
	const redacted = `{"type":"redacted_thinking","data":"weir1.AQ"}`
	for _, tt := range []struct{ name, body, want string }{
		{"none", `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"weir1.","signature":"EAAA"}]}]}`, ""},
		{"texts", `{"messages":[{"role":"user","content":"weir1.AQ"}]}`, ""},
		{"no messages", `{"x":"weir1.AQ"}`, ""},
		{"thinking", `{"messages":[{"role":"assistant", "content":[` + thinking + `, {"type":"text","text":"a"} ]}, 1]}`, `{"messages":[{"role":"assistant", "content":[{"type":"text","text":"a"} ]}, 1]}`},
		{"redacted", `{"messages":[{"role":"assistant","content":[{"type":"text","text":"a"},` + redacted + `],"x":1.0}]}`, `{"messages":[{"role":"assistant","content":[{"type":"text","text":"a"}],"x":1.0}]}`},
		{"nothing beside", `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[` + thinking + `,` + redacted + `]}]}`, `{"messages":[{"role":"user","content":"a"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edits, losses := Dialect{}.Trim([]byte(tt.body), dialect.Trim{Sealed: true})
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

func FuzzTrim(f *testing.F) {
	f.Add([]byte(`{"messages":[{"content":[{"type":"thinking","signature":"weir1.AQ"},{}]},{"content":"x"}]}`))
	f.Add([]byte(`{"a":1,"messages":[{"content":[{"type":"redacted_thinking","data":"\u0077eir1.AQ"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := (Dialect{}).ReadRequest(body); err != nil || !r.Marked {
			return
		}
		edits, _ := Dialect{}.Trim(body, dialect.Trim{Sealed: true})
		if len(edits) == 0 {
			return
		}
		out := jsonscan.Splice(nil, body, edits...)
		v, err := jsontree.Parse(out)
		if err != nil {
			t.Fatalf("%q has become %q: %v", body, out, err)
		}
		for _, m := range v.Get("messages").Elements() {
			for _, b := range m.Get("content").Elements() {
				if sealedBlock(b) {
					t.Errorf("%q has become %q", body, out)
				}
			}
		}
	})
}
