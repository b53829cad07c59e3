package gateway

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/route"
)

// A record is what an explanation is made of.
type record struct {
	id       string
	start    time.Time
	entry    ledger.Entry
	decision route.Decision
	steps    []string
	watches  Watches
}

// known returns what is known of an exchange by now.
func (x *exchange) known() record {
	return record{x.id, x.start, x.entry, x.decision, x.steps, x.snap.Watches}
}

// recordsKept is how many of the last exchanges can be asked for.
const recordsKept = 256

// records are the last exchanges with what was decided about them. They may be
// used by several goroutines at once.
type records struct {
	mu   sync.Mutex
	ring []record // :: newest, the oldest at next once full; guarded by mu
	next int
}

func (r *records) keep(rec record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < recordsKept {
		r.ring = append(r.ring, rec)
		return
	}
	r.ring[r.next] = rec
	r.next = (r.next + 1) % len(r.ring)
}

// Explained returns why an exchange went where it went, if it is one of the last
// that a model was looked for.
func (h *Handler) Explained(requestID string) (*Explanation, bool) {
	r := &h.records
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.ring {
		if r.ring[i].id == requestID {
			return r.ring[i].explain(), true
		}
	}
	return nil, false
}

const (
	headerExplain     = "X-Weir-Explain"
	headerExplanation = "X-Weir-Explanation"

	// maxExplanation bounds the header, in bytes. Proxies take 8 KiB of all
	// headers together, often.
	maxExplanation = 6 << 10
)

// explainItself puts the explanation into the header of the answer, if the
// client asks for it and may. Failure is what the answer says, nil if it is a
// success. It is JSON in ASCII. One that is too long goes
// without what is least needed.
func (x *exchange) explainItself(failure *llm.Error) {
	if x.plan == nil && x.decision.Model == "" || !x.caller.Principal.MayExplain || !strings.EqualFold(x.r.Header.Get(headerExplain), "true") {
		return
	}
	rec := x.known()
	if n := len(rec.entry.Attempts); n > 0 && !x.began.IsZero() { // it ends only now
		rec.entry.Attempts = slices.Clone(rec.entry.Attempts)
		rec.entry.Attempts[n-1].Total = time.Since(x.began)
		if failure != nil {
			rec.entry.Attempts[n-1].Code = failure.Code
		}
	}
	if failure != nil {
		rec.entry.Code = failure.Code
	}
	e := rec.explain()
	text := inASCII(e)
	if len(text) > maxExplanation {
		e.Rejected = nil
		text = inASCII(e)
	}
	if len(text) > maxExplanation {
		e.Rules, e.Targets = nil, nil
		text = inASCII(e)
	}
	if len(text) <= maxExplanation {
		x.w.Header()[headerExplanation] = []string{text}
	}
}

// inASCII returns e as a header can hold it.
func inASCII(e *Explanation) string {
	b, err := json.Marshal(e)
	if err != nil {
		return "" // an explanation has nothing that JSON has not
	}
	return escapeUnicode(string(b))
}

// escapeUnicode returns JSON with nothing but ASCII in it.
func escapeUnicode(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < 0x7f {
			out.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteToASCII(string(r))
		quoted = quoted[1 : len(quoted)-1]
		if strings.HasPrefix(quoted, `\u`) {
			out.WriteString(quoted)
		} else { // \x7f and \U0001f600, which JSON does not know
			out.WriteByte('?')
		}
	}
	return out.String()
}
