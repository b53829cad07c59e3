package responses

import (
	"bytes"
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/jsontree"
)

func TestCutSealed(t *testing.T) {
	const sealed = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"weir1.AQ"}`
	const told = `{"type":"reasoning", "id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"weir1.AQ","x":1.0}`
	for _, tt := range []struct {
		name, body, want string // want: empty means that nothing is cut
		text             bool
	}{
		{"none", `{"input":[{"type":"reasoning","encrypted_content":"gAAAA"}]}`, "", true},
		{"no list", `{"input":"weir1.AQ"}`, "", true},
		{"no input", `{"x":"weir1.AQ"}`, "", true},
		{"the only one", `{"input":[` + sealed + `]}`, `{"input":[]}`, false},
		{"one of some", `{"input":[ 1 , ` + sealed + `,"a" , ` + sealed + `,{}]}`, `{"input":[1,"a",{}]}`, false},
		{"with a text that can be read", `{"input":[` + told + `]}`, `{"input":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"x":1.0}]}`, true},
		{"with a text that cannot be read", `{"input":[` + told + `]}`, `{"input":[]}`, false},
		{"without a text", `{"input":[` + sealed + `]}`, `{"input":[]}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, losses, ok := Dialect{}.CutSealed([]byte(tt.body), tt.text)
			if !ok {
				if tt.want != "" || losses != nil {
					t.Errorf("nothing is cut, %v", losses)
				}
				return
			}
			if got := string(jsonscan.Splice(nil, []byte(tt.body), e)); got != tt.want || len(losses) == 0 {
				t.Errorf("%s, %v; want %s", got, losses, tt.want)
			}
		})
	}
}

func FuzzCutSealed(f *testing.F) {
	f.Add([]byte(`{"input":[{"type":"reasoning","id":"a","content":[{"text":"t"}],"encrypted_content":"weir1.AQ"},{}]}`), true)
	f.Add([]byte(`{"a":1,"input":[{"encrypted_content":"\u0077eir1.AQ"}]}`), false)
	f.Fuzz(func(t *testing.T, body []byte, text bool) {
		if r, err := (Dialect{}).ReadRequest(body); err != nil || !r.Marked {
			return
		}
		e, _, ok := Dialect{}.CutSealed(body, text)
		if !ok {
			return
		}
		out := jsonscan.Splice(nil, body, e)
		v, err := jsontree.Parse(out)
		if err != nil {
			t.Fatalf("%q has become %q: %v", body, out, err)
		}
		for _, item := range v.Get("input").Elements() {
			if dialect.IsSealed(item.Get("encrypted_content")) {
				t.Errorf("%q has become %q", body, out)
			}
		}
		if !bytes.Equal(out[:e.Span.Start], body[:e.Span.Start]) {
			t.Errorf("what stands before it has changed: %q has become %q", body, out)
		}
	})
}
