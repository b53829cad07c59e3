package e2e_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestRealtimeClients: sessions of the OpenAI SDKs, in both of their forms, to
// every kind of upstream that has them. Only one of them speaks plain HTTP too.
func TestRealtimeClients(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		name string
		run  func(t *testing.T, h *house, form, model string) []seen
	}{
		{"python", func(t *testing.T, h *house, form, model string) []seen {
			return h.python(t, "openai_realtime.py", form, model)
		}},
		{"node", func(t *testing.T, h *house, form, model string) []seen {
			return h.node(t, "ws", "openai_realtime.mjs", form, model)
		}},
	} {
		for _, form := range []string{"openai", "azure"} {
			for _, upstream := range []string{"openai", "azure", "classic", "compatible", "simulator"} {
				t.Run(client.name+" "+form+" to "+upstream, func(t *testing.T) {
					t.Parallel()
					begin := newSecureHouse
					if client.name == "python" && form == "openai" {
						begin = newHouse
					}
					h, model := begin(t, "simulator"), "m-"+upstream
					got := client.run(t, h, form, model)
					if len(got) != 3 {
						t.Fatalf("the client saw %+v, want three cases", got)
					}
					checkConversation(t, got[0])
					if s := got[1]; s.Fault != "" || s.First != "error" || s.Finish != "session.model" || len(s.IDs) != 1 || s.IDs[0] != "mine" {
						t.Errorf("a session that asks for another model saw %+v", s)
					}
					if s := got[2]; s.Error == nil || s.Error.Status != 401 {
						t.Errorf("a wrong key saw %+v", s)
					}
					h.checkSessions(t, upstream, model, got[0])
				})
			}
		}
	}
}

func checkConversation(t *testing.T, s seen) {
	t.Helper()
	if s.Fault != "" || s.Text != "echo: "+prompt || s.First != "session.created" || s.Finish != "completed" || s.Usage == nil || s.Usage.Input == 0 {
		t.Errorf("the client saw %+v", s)
	}
}

// checkSessions compares a conversation, and a session without one, with what
// Weir logged and with what reached the upstream.
func (h *house) checkSessions(t *testing.T, upstream, model string, s seen) {
	t.Helper()
	responses := 0
	lines := h.logged(t, 3)
	for _, line := range lines {
		if line.Status != 101 || line.Code != "" || line.Upstream != upstream || line.Model != model {
			t.Errorf("Weir logged %+v", line)
		}
		if strings.HasSuffix(line.RequestID, ".1") {
			responses++
			if s.Usage != nil && (line.Usage != "reported" || line.Input != s.Usage.Input || line.Output != s.Usage.Output) {
				t.Errorf("Weir logged %+v of a response that cost %+v", line, *s.Usage)
			}
		}
	}
	if len(lines) != 3 || responses != 1 {
		t.Errorf("Weir logged %d exchanges, %d of them a response; want 3 and 1", len(lines), responses)
	}
	requests := h.upstream.requests()
	if len(requests) != 2 {
		t.Errorf("%d requests reached the upstream, want 2", len(requests))
	}
	a := addresses[upstream]
	for _, r := range requests {
		uri, err := url.Parse(r.URI)
		if err != nil {
			t.Fatal(err)
		}
		member := "model"
		if a.deployment {
			member = "deployment"
		}
		if q := uri.Query(); uri.Path != a.path+"realtime" || q.Get(member) != a.model || q.Get("api-version") != a.version {
			t.Errorf("the upstream was asked for %s", r.URI)
		}
		for name, values := range r.Header {
			value := strings.Join(values, ",")
			if strings.Contains(value, clientKey) || strings.Contains(value, upstreamKey) != (name == a.header) {
				t.Errorf("the upstream was sent %s: %s", name, value)
			}
		}
	}
}
