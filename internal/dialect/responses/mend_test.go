package responses

import (
	"testing"

	"github.com/weir-gateway/weir/internal/dialect"
)

func TestMend(t *testing.T) {
	const (
		missing = "{\"error\":{\"message\":\"Item with id 'msg_1' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.\",\"type\":\"invalid_request_error\",\"param\":\"input\",\"code\":null}}"
		foreign = `{"error":{"message":"The encrypted content gAAA... could not be verified.","code":"invalid_encrypted_content"}}`
		talk    = `{"input":[{"type":"message","id":"msg_1","role":"user","content":"a"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"g"}]}`
		ids     = "ids"
		all     = "ids and reasoning"
	)
	for _, tt := range []struct {
		name, refusal, body string
		sent                dialect.Trim
		want                string
	}{
		{"an id", missing, talk, dialect.Trim{}, ids},
		{"an id that has gone already", missing, talk, dialect.Trim{ForeignIDs: true}, ""},
		{"an id that was not sent", missing, `{"input":[{"type":"message","id":"msg_2","role":"user","content":"a"}]}`, dialect.Trim{}, ids},
		{"no ids", missing, `{"input":[{"role":"user","content":"a"}]}`, dialect.Trim{}, ""},
		{"an id that cannot go", missing, `{"input":[{"type":"item_reference","id":"msg_1"},{"type":"message","id":"msg_2","role":"user","content":"a"}]}`, dialect.Trim{}, ""},
		{"no list", missing, `{"input":"a"}`, dialect.Trim{}, ""},
		{"reasoning", foreign, talk, dialect.Trim{}, all},
		{"reasoning without its id", foreign, talk, dialect.Trim{ReasoningIDs: true, ForeignIDs: true}, all},
		{"reasoning that has gone already", foreign, talk, dialect.Trim{Foreign: true, ForeignIDs: true}, ""},
		{"a summary of everything", foreign, `{"input":[{"type":"compaction","encrypted_content":"g"}]}`, dialect.Trim{}, ""},
		{"what a user has said", `{"error":{"message":"The text Item with id 'msg_1' not found. is odd"}}`, talk, dialect.Trim{}, ""},
		{"an earlier response", `{"error":{"message":"Previous response with id 'msg_1' not found."}}`, talk, dialect.Trim{}, ""},
		{"another shape", `{"error":"Item with id 'msg_1' not found."}`, talk, dialect.Trim{}, ""},
		{"no JSON", `Item with id 'msg_1' not found.`, talk, dialect.Trim{}, ""},
		{"nothing", ``, talk, dialect.Trim{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cure, ok := Dialect{}.Mend([]byte(tt.body), []byte(tt.refusal), tt.sent)
			got := ""
			switch {
			case ok && cure.ForeignIDs && cure.Foreign:
				got = all
			case ok && cure.ForeignIDs:
				got = ids
			}
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("%+v %v, want %q", cure, ok, tt.want)
			}
		})
	}
}
