package e2e_test

import "testing"

// objectCases are those of objects_calls.py and objects_calls.mjs; where the
// upstream keeps nothing but responses, the first seven.
var objectCases = []string{ // immutable
	"retrieve", "input items", "resume", "cancel", "poll", "go on", "delete", "input tokens", "compact", "chat",
}

// TestObjects makes things and asks for them with the OpenAI SDKs: what their
// users see must be what they see without Weir.
func TestObjects(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name string
		run  func(t *testing.T, h *house, args ...string) []seen
	}{
		{"python", func(t *testing.T, h *house, args ...string) []seen { return h.python(t, "objects_calls.py", args...) }},
		{"node", func(t *testing.T, h *house, args ...string) []seen {
			return h.node(t, "openai", "objects_calls.mjs", args...)
		}},
	} {
		for _, tt := range []struct {
			form, upstream, more string
			cases                int
		}{
			{"openai", "openai", "chat", 10},
			{"openai", "compatible", "chat", 10},
			{"openai", "azure", "chat", 10},
			{"openai", "classic", "", 7},
			{"azure", "classic", "", 7},
			{"azure", "azure", "", 7},
		} {
			t.Run(client.name+" "+tt.form+" to "+tt.upstream, func(t *testing.T) {
				t.Parallel()
				plain := client.run(t, direct(t), tt.form, addresses[tt.upstream].model, tt.more)
				h, name := houseFor(t, tt.upstream)
				got := client.run(t, h, tt.form, name, tt.more)
				if len(got) != tt.cases || len(plain) != tt.cases {
					t.Fatalf("the client saw %d cases, without Weir %d, want %d", len(got), len(plain), tt.cases)
				}
				for i := range got {
					if got[i].Case != objectCases[i] || got[i].Fault != "" || got[i].Text == "" || text(got[i]) != text(plain[i]) {
						t.Errorf("the client saw\n\t%s\nand without Weir\n\t%s", text(got[i]), text(plain[i]))
					}
				}
			})
		}
	}
}
