package e2e_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"
)

// requestID is the form of Weir's own ids.
var requestID = regexp.MustCompile(`^req_[0-9a-f]{32}$`)

// A want is what a client must see of one exchange, and what must be true of
// it at the ends that the client does not see.
type want struct {
	seen
	operation string // as the simulator names it
	hidden    bool   // the client sees no usage; Weir's account has it all the same
	counting  bool   // a question about tokens, which itself costs none
}

// check compares what a client saw, one exchange after the other, with what it
// should have seen, with what the simulator says it served, and with what Weir
// logged.
func (h *house) check(t *testing.T, model string, got []seen, wants []want) {
	t.Helper()
	if len(got) != len(wants) {
		t.Errorf("the client saw %d exchanges, want %d", len(got), len(wants))
	}
	requests := h.served(t)
	if len(requests) != len(wants) {
		t.Errorf("the simulator served %d requests, want %d", len(requests), len(wants))
	}
	var lines []logged
	if h.weir != nil {
		if lines = h.logged(t, len(wants)); len(lines) != len(wants) {
			t.Errorf("Weir logged %d exchanges, want %d", len(lines), len(wants))
		}
	}
	for i, w := range wants {
		if i >= len(got) || i >= len(requests) {
			break
		}
		t.Run(w.Case, func(t *testing.T) {
			w.checkSeen(t, got[i])
			if !w.hidden || h.weir != nil {
				w.checkUsage(t, got[i], requests[i])
			}
			if h.weir != nil {
				w.checkLogged(t, model, got[i], requests[i], lineOf(lines, requests[i]))
			}
		})
	}
}

// checkSeen compares what the client's user sees. What differs between two
// runs is checked for its form and left out of the comparison.
func (w want) checkSeen(t *testing.T, got seen) {
	t.Helper()
	if w.Deltas > 0 && got.Deltas < w.Deltas {
		t.Errorf("the text came in %d pieces, want at least %d", got.Deltas, w.Deltas)
	}
	if w.Model != "" && (got.Model == "" || got.RequestID == "") {
		t.Errorf("the client sees model %q and request id %q, want both", got.Model, got.RequestID)
	}
	for _, v := range got.Vectors {
		if len(v) != 4 || v[0] == 0 && v[1] == 0 {
			t.Errorf("an embedding begins with %v, want four numbers", v)
		}
	}
	expected := w.seen
	for _, s := range []*seen{&got, &expected} {
		s.Model, s.RequestID, s.Usage, s.Deltas, s.Vectors, s.Seconds = "", "", nil, 0, nil, 0
	}
	if g, e := text(got), text(expected); g != e {
		t.Errorf("the client saw\n\t%s\nwant\n\t%s", g, e)
	}
}

// checkUsage compares the usage that the client sees with the simulator's own
// count.
func (w want) checkUsage(t *testing.T, got seen, r served) {
	t.Helper()
	if r.Operation != w.operation || r.Status != 200 || r.Ended != "complete" {
		t.Errorf("the simulator served %q with status %d, ended %q; want %q, 200, complete", r.Operation, r.Status, r.Ended, w.operation)
	}
	if w.counting {
		if got.Usage == nil || got.Usage.Input == 0 {
			t.Errorf("the client was told a count of %+v tokens", got.Usage)
		}
		return
	}
	if r.Usage == nil {
		t.Error("the simulator was not asked for the usage")
		return
	}
	if w.hidden {
		if got.Usage != nil {
			t.Errorf("the client sees a usage that it did not ask for: %+v", *got.Usage)
		}
		return
	}
	if got.Usage == nil {
		t.Fatal("the client sees no usage")
	}
	u := counts{Input: got.Usage.Input, Cached: got.Usage.Cached, Output: got.Usage.Output, Reasoning: got.Usage.Reasoning}
	if w.operation == "messages" && u.Reasoning == 0 {
		u.Reasoning = r.Usage.Reasoning // the dialect need not tell it apart
	}
	if u != *r.Usage || got.Usage.Total != u.Input+u.Output {
		t.Errorf("the client sees usage %+v, the simulator counted %+v", *got.Usage, *r.Usage)
	}
}

// lineOf returns the log line of r: Weir's id of the exchange leads through the
// upstream. Lines are written when exchanges end, which need not be the order
// in which they began.
func lineOf(lines []logged, r served) logged {
	for _, line := range lines {
		if slices.Contains(r.Headers["X-Request-Id"], line.RequestID) {
			return line
		}
	}
	return logged{}
}

// checkLogged compares Weir's log line with both.
func (w want) checkLogged(t *testing.T, model string, got seen, r served, line logged) {
	t.Helper()
	expected := logged{
		RequestID: line.RequestID, Key: "client", Tenant: "e2e", Model: model,
		Upstream: line.Upstream, Target: line.Target, Status: 200, Attempts: 1,
		Usage: "none",
	}
	if u := r.Usage; u != nil && !w.counting {
		expected.Usage = "reported"
		expected.Input, expected.Cached, expected.Output, expected.Reasoning = u.Input, u.Cached, u.Output, u.Reasoning
	}
	if (w.operation == "messages" || w.operation == "ollama_chat") && line.Reasoning == 0 {
		expected.Reasoning = 0 // the dialect need not tell it apart
	}
	if line.Upstream == "" || line.Target == "" {
		t.Errorf("Weir logged upstream %q and target %q, want both", line.Upstream, line.Target)
	}
	if g, e := text(line), text(expected); g != e {
		t.Errorf("Weir logged\n\t%s\nwant\n\t%s", g, e)
	}
	if !requestID.MatchString(line.RequestID) {
		t.Errorf("Weir's request id is %q, want %v", line.RequestID, requestID)
	}
	if got.RequestID != "" && got.RequestID != line.RequestID {
		t.Errorf("the client sees request id %q, Weir logged %q", got.RequestID, line.RequestID)
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
