package gateway

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/dialect/realtime"
	"github.com/weir-gateway/weir/internal/jsonscan"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/tunnel"
)

// maxTurns bounds how many responses of one socket are awaited at once. No
// server makes more than one in a conversation.
const maxTurns = 64

// soundPerToken is how many bytes of sound in base64 are a token of output, as
// a rule of thumb: 50 ms of 24 kHz, 16 bits.
const soundPerToken = 3200

// A talk is what is said on one socket: it agrees to what the client says, and
// keeps the account of the responses, each of which is an exchange of its own
// with an entry of its own.
//
// A response begins when the client asks for it or, where the server decides
// itself that the user has finished, when the server says so.
type talk struct {
	x      *exchange
	events realtime.Reader // of the upstream's message; the downward pump's own
	told   int             // error events that the client was sent; the upward pump's own

	mu    sync.Mutex
	asked []*turn   // asked for and not begun, oldest first; guarded by mu
	begun []*turn   // not done; guarded by mu
	turns int       // how many there were; guarded by mu
	heard llm.Usage // what writing down the user's words has used; guarded by mu
}

// A turn is one response.
type turn struct {
	entry       ledger.Entry
	asked       string // event_id of the client's wish; empty if it has none
	response    string // the id of the response, once it has begun
	text, sound int64  // bytes of output so far
}

func newTalk(x *exchange) *talk { return &talk{x: x} }

// FromClient agrees to a message of the client, or does not. It implements
// [tunnel.Traffic].
func (t *talk) FromClient(text bool, message []byte) (forward, answer []byte) {
	if !text && !realtime.MayBeEvent(message) {
		return message, nil
	}
	// A binary message that some server would read as an event is held to the
	// same rules.
	event, err := realtime.ReadClient(message)
	var edits []jsonscan.Edit
	if err == nil {
		edits, err = t.permit(event)
	}
	asks := event.Type == realtime.ClientResponseCreate
	if err != nil {
		e := llm.AsError(err)
		if asks {
			t.refused(t.ask(event.ID), e)
		}
		return nil, t.errorEvent(e, event.ID)
	}
	if asks {
		t.ask(event.ID)
	}
	if len(edits) == 0 {
		return message, nil
	}
	return jsonscan.Splice(nil, message, edits...), nil
}

// permit checks the models and tools that an event names, and returns the edits that put
// the upstream's name in the place of Weir's. A socket has one model. The
// model that writes down what the user says is another one: the upstream's,
// under the upstream's name, if the key may use that name.
func (t *talk) permit(event realtime.ClientEvent) (edits []jsonscan.Edit, err error) {
	x := t.x
	if event.Hosted.Path != "" && x.refusesHosted() {
		return nil, dialect.RefuseHosted(&event.Hosted)
	}
	for _, m := range event.Models {
		switch {
		case m.Name == x.entry.Model:
			if x.target.Model != m.Name {
				edits = dialect.AddEdit(edits, jsonscan.Edit{Span: m.Span, Text: jsonscan.AppendQuote(nil, x.target.Model)})
			}
		case !x.caller.Principal.MayUse(m.Name):
			e := *llm.AsError(modelError(x.caller.Principal, m.Name, true))
			e.Param = m.Path
			return nil, &e
		case !m.Transcriber:
			return nil, &llm.Error{
				Code: llm.CodeInvalidValue, Op: "gateway.permit", Param: m.Path,
				Public: "this socket is for the model `" + x.entry.Model + "`: connect again for another one",
			}
		}
	}
	return edits, nil
}

// errorEvent returns the event that tells the client of e.
func (t *talk) errorEvent(e *llm.Error, culprit string) []byte {
	t.told++
	f := dialect.Failure{Err: e, RequestID: t.x.id}
	return realtime.AppendError(nil, f, "event_weir_"+strconv.Itoa(t.told), culprit)
}

// FromUpstream reads a message of the upstream. It implements
// [tunnel.Traffic].
func (t *talk) FromUpstream(text bool, piece []byte, last bool) {
	if !text {
		return
	}
	t.events.Write(piece)
	if last {
		t.see(t.events.Close())
	}
}

// see draws the conclusions from an event of the upstream.
func (t *talk) see(e realtime.ServerEvent) {
	switch {
	case e.Type == realtime.ResponseCreated && e.Response != "":
		t.begin(e.Response)
	case e.Type == realtime.ResponseDone:
		t.done(e)
	case e.Type == realtime.TranscriptionDone && e.HasUsage:
		t.hear(e.Usage)
	case e.Type == realtime.ErrorEvent:
		t.blame(e)
	case e.Text+e.Sound > 0 && e.Response != "":
		t.grow(e)
	}
}

// Sent tells the observers of what has been written. It implements
// [tunnel.Traffic].
func (t *talk) Sent(bytes int) {
	for _, o := range t.x.h.observers {
		o.Event(t.x.id, bytes)
	}
}

// LastWords implements [tunnel.Traffic].
func (t *talk) LastWords(err *llm.Error) []byte { return t.errorEvent(err, "") }

// Reason implements [tunnel.Traffic].
func (t *talk) Reason(said string) string { return t.x.up.Closed(said) }

// ask notes that the client asks for a response.
func (t *talk) ask(eventID string) *turn {
	n := t.newTurn()
	n.asked = eventID
	t.mu.Lock()
	var stale *turn
	if t.asked = append(t.asked, n); len(t.asked) > maxTurns {
		stale, t.asked = t.asked[0], t.asked[1:]
	}
	t.mu.Unlock()
	if stale != nil {
		t.record(stale, llm.Usage{}, nil)
	}
	return n
}

// newTurn begins the account of one response.
func (t *talk) newTurn() *turn {
	t.mu.Lock()
	t.turns++
	number := t.turns
	t.mu.Unlock()
	x := t.x
	n := &turn{entry: ledger.Entry{
		ID: x.id + "." + strconv.Itoa(number), Time: time.Now(),
		Tenant: x.entry.Tenant, Key: x.entry.Key, Remote: x.entry.Remote,
		Operation: x.op, Dialect: x.entry.Dialect, Model: x.entry.Model, Stream: true,
		Upstream: x.target.Upstream, Target: x.target.Model, Lane: x.target.Lane,
		Status: x.entry.Status,
	}}
	for _, o := range x.h.observers {
		o.ExchangeStarted(n.entry.ID, n.entry.Time)
	}
	return n
}

// begin notes that a response begins: the one that was asked for first, or one
// that nobody has asked for.
func (t *talk) begin(id string) {
	n := t.take(&t.asked, func(*turn) bool { return true })
	if n == nil {
		n = t.newTurn()
	}
	n.response = id
	if t.x.up.Keeps() {
		t.x.notePin(id)
	}
	t.mu.Lock()
	var stale *turn
	if t.begun = append(t.begun, n); len(t.begun) > maxTurns {
		stale, t.begun = t.begun[0], t.begun[1:]
	}
	t.mu.Unlock()
	if stale != nil {
		t.record(stale, stale.estimate(), nil)
	}
}

// take takes the first turn of a list that is the one, nil if none is.
func (t *talk) take(list *[]*turn, is func(*turn) bool) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(*list, is)
	if i < 0 {
		return nil
	}
	n := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return n
}

// grow counts output of a response.
func (t *talk) grow(e realtime.ServerEvent) {
	t.mu.Lock()
	i := slices.IndexFunc(t.begun, func(n *turn) bool { return n.response == e.Response })
	if i < 0 {
		t.mu.Unlock()
		return
	}
	n := t.begun[i]
	n.text += e.Text
	n.sound += e.Sound
	first := n.entry.FirstByte == 0
	if first {
		n.entry.FirstByte = time.Since(n.entry.Time)
	}
	t.mu.Unlock()
	if first {
		for _, o := range t.x.h.observers {
			o.FirstToken(n.entry.ID, n.entry.FirstByte)
		}
	}
}

// done ends a response.
func (t *talk) done(e realtime.ServerEvent) {
	n := t.take(&t.begun, func(n *turn) bool { return n.response == e.Response })
	if n == nil { // a server that does not tell of the beginning
		if n = t.take(&t.asked, func(*turn) bool { return true }); n == nil {
			n = t.newTurn()
		}
		n.response = e.Response
	}
	usage := n.estimate()
	if e.HasUsage {
		usage = e.Usage
	}
	var failure *llm.Error
	if e.Failed {
		failure = t.x.up.Told(t.x.socket.answer, e.Code, e.Message)
	}
	t.record(n, usage, failure)
}

// estimate returns what a turn has used at least, where nobody says.
func (n *turn) estimate() llm.Usage {
	if n.text+n.sound == 0 {
		return llm.Usage{}
	}
	sound := (n.sound + soundPerToken - 1) / soundPerToken
	return llm.Usage{
		Output:      (n.text+bytesPerToken-1)/bytesPerToken + sound,
		OutputAudio: sound,
		Provenance:  llm.UsageEstimated,
	}
}

// blame ends the turn that an error event is about, if it is about one that
// has not begun. An event that does not say whom it blames is about the oldest
// wish that cannot be named, unless it blames a part of something else.
func (t *talk) blame(e realtime.ServerEvent) {
	if e.Culprit == "" && e.Param != "" && !strings.HasPrefix(e.Param, "response") {
		return
	}
	n := t.take(&t.asked, func(n *turn) bool { return n.asked == e.Culprit })
	if n == nil {
		return
	}
	failure := t.x.up.Told(t.x.socket.answer, e.Code, e.Message)
	failure.Code = llm.CodeUpstreamRejected
	t.record(n, llm.Usage{Provenance: llm.UsageNone}, failure)
}

// refused ends a turn that Weir itself has refused.
func (t *talk) refused(n *turn, failure *llm.Error) {
	t.take(&t.asked, func(other *turn) bool { return other == n })
	t.record(n, llm.Usage{Provenance: llm.UsageNone}, failure)
}

// hear counts what the transcription of the user's words has used. It is part
// of the socket's own account: it belongs to no response.
func (t *talk) hear(u llm.Usage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard.Input += u.Input
	t.heard.InputAudio += u.InputAudio
	t.heard.Output += u.Output
	t.heard.Audio += u.Audio
	t.heard.Provenance = llm.UsageReported
}

// over ends the turns that have not ended when the socket has. Both pumps have
// ended before.
func (t *talk) over(result tunnel.Result) {
	t.events.Free()
	failure := result.Err
	if failure == nil {
		failure = &llm.Error{Code: llm.CodeUpstreamTruncated, Op: "gateway.talk", Upstream: t.x.target.Upstream, Err: errRunning}
		if result.ByClient {
			failure = &llm.Error{Code: llm.CodeClientClosed, Op: "gateway.talk", Err: errRunning}
		}
	}
	for _, n := range append(t.begun, t.asked...) {
		t.record(n, n.estimate(), failure)
	}
	t.begun, t.asked = nil, nil
}

// usage is what the socket has used beside its responses.
func (t *talk) usage() llm.Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.heard.Provenance == llm.UsageUnknown {
		return llm.Usage{Provenance: llm.UsageNone}
	}
	return t.heard
}

// record ends the account of a turn.
func (t *talk) record(n *turn, usage llm.Usage, failure *llm.Error) {
	e := &n.entry
	e.Usage, e.Total = usage, time.Since(e.Time)
	if failure != nil {
		e.Code = failure.Code
	}
	e.Attempts = []ledger.Attempt{{
		Upstream: e.Upstream, Target: e.Target, Lane: e.Lane, Status: e.Status, Code: e.Code,
		FirstByte: e.FirstByte, Total: e.Total, UpstreamRequestID: n.response,
	}}
	t.x.h.record(e, failure, true)
}
