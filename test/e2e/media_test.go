package e2e_test

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// A mediaWant is what must be true of one case of media_calls.py and
// media_calls.mjs.
type mediaWant struct {
	name       string
	operation  string
	usage      string // where Weir's log says that it comes from
	images     int64
	characters int64
}

var mediaWants = []mediaWant{ // immutable
	{"image", "image_generation", "reported", 2, 0},
	{"image stream", "image_generation", "reported", 1, 0},
	{"image edit", "image_edit", "reported", 1, 0},
	{"image edit stream", "image_edit", "reported", 1, 0},
	{"transcription", "transcription", "reported", 0, 0},
	{"transcription text", "transcription", "unknown", 0, 0},
	{"transcription stream", "transcription", "reported", 0, 0},
	{"speech", "speech", "counted", 0, int64(utf8.RuneCountInString(prompt))},
	{"moderation", "moderations", "none", 0, 0},
}

// TestMedia runs images, sound and moderations with the OpenAI SDKs against
// every kind of upstream that has them. What their users see must be what they
// see without Weir: the simulator says what it was sent, names, sizes and
// hashes of files included.
func TestMedia(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name string
		run  func(t *testing.T, h *house, args ...string) []seen
	}{
		{"python", func(t *testing.T, h *house, args ...string) []seen { return h.python(t, "media_calls.py", args...) }},
		{"node", func(t *testing.T, h *house, args ...string) []seen {
			return h.node(t, "openai", "media_calls.mjs", args...)
		}},
	} {
		for _, tt := range []struct{ form, upstream, more string }{
			{"openai", "openai", "moderations"},
			{"openai", "compatible", "moderations"},
			{"openai", "azure", ""},
			{"openai", "classic", ""},
			{"azure", "azure", ""},
			{"azure", "classic", ""},
		} {
			t.Run(client.name+" "+tt.form+" to "+tt.upstream, func(t *testing.T) {
				t.Parallel()
				model := addresses[tt.upstream].model
				plain := client.run(t, direct(t), tt.form, model, tt.more)
				h, name := houseFor(t, tt.upstream)
				h.checkMedia(t, name, client.run(t, h, tt.form, name, tt.more), plain)
			})
		}
	}
}

// checkMedia compares what a client saw through Weir with what it saw without,
// and with what the simulator and Weir's log say.
func (h *house) checkMedia(t *testing.T, model string, got, plain []seen) {
	t.Helper()
	wants := slices.DeleteFunc(slices.Clone(mediaWants), func(w mediaWant) bool { return w.name == "moderation" && len(plain) == len(mediaWants)-1 })
	requests, lines := h.served(t), h.logged(t, len(wants))
	if len(plain) != len(wants) || len(got) != len(wants) || len(requests) != len(wants) || len(lines) != len(wants) {
		t.Fatalf("the client saw %d exchanges, without Weir %d; %d were served, %d logged; want %d", len(got), len(plain), len(requests), len(lines), len(wants))
	}
	for i, w := range wants {
		t.Run(w.name, func(t *testing.T) {
			line := lineOf(lines, requests[i])
			if g := got[i]; g.Case != w.name || g.Fault != "" || g.Text == "" || g.RequestID != "" && g.RequestID != line.RequestID {
				t.Errorf("the client saw %s, Weir's id is %s", text(g), line.RequestID)
			}
			for _, s := range []*seen{&got[i], &plain[i]} {
				s.RequestID = ""
				if w.operation == "speech" { // in how many pieces it comes is the network's business
					s.Deltas = min(s.Deltas, 1)
				}
			}
			if g, p := text(got[i]), text(plain[i]); g != p {
				t.Errorf("the client saw\n\t%s\nand without Weir\n\t%s", g, p)
			}
			expected := logged{
				RequestID: line.RequestID, Key: "client", Tenant: "e2e", Model: model, Upstream: line.Upstream, Target: requests[i].Model,
				Status: 200, Attempts: 1, Usage: w.usage, Images: w.images, Characters: w.characters,
			}
			if u := got[i].Usage; u != nil {
				expected.Input, expected.Output = u.Input, u.Output
			}
			if g, e := text(line), text(expected); g != e || requests[i].Operation != w.operation || requests[i].Ended != "complete" {
				t.Errorf("Weir logged\n\t%s\nwant\n\t%s\nof %s, served as %s, ended %s", g, e, w.operation, requests[i].Operation, requests[i].Ended)
			}
		})
	}
}
