package e2e_test

import (
	"slices"
	"testing"
)

// objectCases are those of objects_calls.py and objects_calls.mjs; where the
// upstream keeps nothing but responses, the first seven.
var objectCases = []string{ // immutable
	"retrieve", "input items", "resume", "cancel", "poll", "go on", "delete", "input tokens", "compact", "chat",
}

// TestObjects makes things and asks for them with the OpenAI SDKs: what their
// users see must be what they see without Weir.
func TestObjects(t *testing.T) {
	t.Parallel()
	for _, client := range objectClients {
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

// An objectClient asks for what is kept, with an SDK.
type objectClient struct {
	name string
	run  func(t *testing.T, h *house, args ...string) []seen
}

var objectClients = []objectClient{ // immutable
	{"python", func(t *testing.T, h *house, args ...string) []seen { return h.python(t, "objects_calls.py", args...) }},
	{"node", func(t *testing.T, h *house, args ...string) []seen {
		return h.node(t, "openai", "objects_calls.mjs", args...)
	}},
}

// keptCases are what can be asked of responses that Weir keeps.
var keptCases = []string{"retrieve", "input items", "go on", "stream on", "cancel", "delete"} // immutable

// TestKept makes responses with the OpenAI SDKs at upstreams that keep none,
// and goes on with them: their users see what they see at one that does.
func TestKept(t *testing.T) {
	t.Parallel()
	for _, client := range objectClients {
		for _, l := range append(slices.Clone(lanes), lane{dialect: "responses", kind: "ollama", model: "gpt-oss:20b"}) {
			t.Run(client.name+" to "+l.dialect+" of "+l.kind, func(t *testing.T) {
				t.Parallel()
				plain := client.run(t, direct(t), "openai", "sim-1", "kept")
				got := client.run(t, newLaneHouse(t, l), "openai", "sim-1", "kept")
				if len(got) != len(keptCases) || len(plain) != len(keptCases) {
					t.Fatalf("the client saw %d cases, at an upstream that keeps %d, want %d", len(got), len(plain), len(keptCases))
				}
				for i := range got {
					if got[i].Case != keptCases[i] || got[i].Fault != "" || got[i].Text == "" || text(got[i]) != text(plain[i]) {
						t.Errorf("the client saw\n\t%s\nand at an upstream that keeps\n\t%s", text(got[i]), text(plain[i]))
					}
				}
			})
		}
	}
}
