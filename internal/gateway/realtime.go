package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/dialect"
	"github.com/weir-gateway/weir/internal/ledger"
	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/tunnel"
	"github.com/weir-gateway/weir/internal/upstream"
)

// maxSocketMessage is the size of the largest message on a socket, either way.
const maxSocketMessage = 16 << 20

// realtimePaths are OpenAI's and the Azure forms of the socket.
var realtimePaths = []string{"/v1/realtime", "/openai/v1/realtime", "/openai/realtime"} // immutable

// A socket is what an exchange has beside the rest if it is a WebSocket.
type socket struct {
	protocols []string // subprotocols that the client offers, without those that hold a key
	intent    string   // what the session is for, where the client says so

	answer   *upstream.Answer // that agreed
	upstream *upstream.Socket
	client   *tunnel.End
	talk     *talk
}

// drop breaks off what may be left of the upstream's socket.
func (s *socket) drop() {
	if s.upstream != nil {
		s.upstream.End.Break() // it is closed, unless nothing came of it
	}
}

// usage is what a socket has used beside its responses, whose account is their
// own. A handshake uses nothing.
func (s *socket) usage() llm.Usage {
	if s.talk == nil {
		return llm.Usage{Provenance: llm.UsageNone}
	}
	return s.talk.usage()
}

// realtime is the life of a WebSocket: that of any exchange, but that the
// upstream is dialled instead of called, and messages are passed both ways
// instead of one answer. The client's handshake is answered only when the
// upstream has answered Weir's.
func (x *exchange) realtime() *llm.Error {
	if err := x.upgrades(); err != nil {
		return err
	}
	if err := sameOrigin(x.snap, x.r); err != nil {
		return err
	}
	x.socket = &socket{}
	x.takeProtocols()
	if err := x.authenticate(); err != nil {
		return llm.AsError(err)
	}
	var err error
	defer func() {
		if v := recover(); v != nil {
			err = &llm.Error{Code: llm.CodeInternal, Op: "gateway.panic", Err: fmt.Errorf("%v\n%s", v, debug.Stack())}
		}
		x.finish(err)
		x.socket.drop()
	}()
	x.announce()
	for _, s := range [...]struct {
		name Step
		run  func(*exchange) error
	}{
		{StepRead, (*exchange).readSocket},
		{StepAdmit, (*exchange).admit},
		{StepRoute, (*exchange).route},
		{StepAttempt, (*exchange).dial},
		{StepRelay, (*exchange).converse},
	} {
		if err = x.step(s.name, s.run); err != nil {
			return nil
		}
	}
	return nil
}

// upgrades checks that the request is a handshake that can be answered. RFC
// 6455 §4.2.1.
func (x *exchange) upgrades() *llm.Error {
	h := x.r.Header
	needed := &llm.Error{Code: llm.CodeWebSocketRequired, Op: "gateway.upgrade"}
	switch {
	case x.r.Method != http.MethodGet || x.r.ProtoMajor != 1 || x.r.ProtoMinor < 1:
		return needed
	case !hasToken(h["Upgrade"], "websocket") || !hasToken(h["Connection"], "upgrade"):
		return needed
	case !slices.Equal(h["Sec-Websocket-Version"], []string{"13"}):
		x.w.Header()["Sec-Websocket-Version"] = []string{"13"}
		return needed
	}
	keys := h["Sec-Websocket-Key"]
	if len(keys) == 1 {
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0])); err == nil && len(b) == 16 {
			return nil
		}
	}
	return &llm.Error{
		Code: llm.CodeInvalidValue, Op: "gateway.upgrade", Param: "Sec-WebSocket-Key",
		Public: "the handshake needs one Sec-WebSocket-Key of 16 bytes in base64",
	}
}

// hasToken reports whether a list header has token, in any case.
func hasToken(values []string, token string) bool {
	for t := range tokens(values) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// tokens returns the elements of a list header.
func tokens(values []string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range values {
			for t := range strings.SplitSeq(v, ",") {
				if t = strings.TrimSpace(t); t != "" && !yield(t) {
					return
				}
			}
		}
	}
}

// sameOrigin refuses a page of another origin unless the configuration names
// it. A browser lets any page open a WebSocket to anybody, without asking first
// and without looking at the answer as it does for other requests: so what it
// would do there is done here, keys or not.
func sameOrigin(s *Snapshot, r *http.Request) *llm.Error {
	if s.anyOrigin() || !foreignOrigin(r) || s.namesOrigin(origin(r.Header)) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeForeignOrigin, Op: "gateway.origin",
		Public: "a WebSocket from a web page of another origin is refused, unless cors.origins names the origin",
	}
}

// keyProtocol begins the subprotocol in which browsers send the key: they
// cannot set headers.
const keyProtocol = "openai-insecure-api-key."

// takeProtocols takes the subprotocols out of the header, and a key out of the
// subprotocols: it becomes one more credential among the headers, and is
// neither sent back nor on.
func (x *exchange) takeProtocols() {
	h := x.r.Header
	for t := range tokens(h["Sec-Websocket-Protocol"]) {
		if len(t) > len(keyProtocol) && strings.EqualFold(t[:len(keyProtocol)], keyProtocol) {
			h["Authorization"] = append(slices.Clip(h["Authorization"]), "Bearer "+t[len(keyProtocol):])
			continue
		}
		x.socket.protocols = append(x.socket.protocols, t)
	}
	delete(h, "Sec-Websocket-Protocol")
}

// readSocket reads the query: everything that a handshake says beside its
// headers.
func (x *exchange) readSocket() error {
	if x.h.draining.Load() {
		return &llm.Error{Code: llm.CodeShuttingDown, Op: "gateway.read", RetryAfter: time.Second}
	}
	x.entry.Stream = true
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return queryError("", "the query is malformed")
	}
	if query.Has("call_id") {
		return queryError("call_id", "calls over WebRTC and SIP are not served here: connect with ?model=")
	}
	model := ""
	for _, name := range [...]string{"model", "deployment"} {
		for _, v := range query[name] {
			if model != "" && v != model {
				return queryError(name, "the query names two different models")
			}
			model = v
		}
	}
	if model == "" {
		return &llm.Error{
			Code: llm.CodeMissingParameter, Op: "gateway.read", Param: "model",
			Public: "the socket needs a model in its query: ?model=, or ?deployment= in Azure's form",
		}
	}
	if err := dialect.CheckModel(model); err != nil {
		return err
	}
	x.pathName, x.entry.Model = model, model
	switch intent := query.Get("intent"); intent {
	case "", "transcription", "realtime", "conversation":
		x.socket.intent = intent
	default:
		return queryError("intent", "intent may be transcription, or be left out")
	}
	return nil
}

func queryError(param, public string) error {
	return &llm.Error{Code: llm.CodeInvalidValue, Op: "gateway.read", Param: param, Public: public}
}

// dial opens the upstream's socket.
func (x *exchange) dial() error {
	credential, err := x.credential()
	if err != nil {
		return err
	}
	query := ""
	if x.socket.intent != "" {
		query = "intent=" + x.socket.intent
	}
	x.began = time.Now()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{
		Upstream: x.target.Upstream, Target: x.target.Model, Lane: x.target.Lane,
	})
	answer, agreed, err := x.up.Dial(x.r.Context(), &upstream.Call{
		Op: x.op, Model: x.target.Model, Query: query,
		Header: x.r.Header, Credential: credential, RequestID: x.id,
	}, x.socket.protocols)
	if err != nil {
		return err
	}
	a := &x.entry.Attempts[len(x.entry.Attempts)-1]
	a.Status, a.UpstreamRequestID, a.FirstByte = answer.Status, answer.RequestID, time.Since(x.began)
	if agreed == nil {
		x.answer = answer
		return x.refusal(answer)
	}
	x.socket.answer, x.socket.upstream = answer, agreed
	return nil
}

// converse answers the client's handshake and passes messages until the socket
// ends.
func (x *exchange) converse() error {
	s := x.socket
	if err := x.accept(); err != nil {
		return err
	}
	s.talk = newTalk(x)
	result := tunnel.Run(x.r.Context(), tunnel.Options{
		Client: s.client, Upstream: s.upstream.End, Traffic: s.talk,
		Buffer:     func() tunnel.Buffer { return socketBuffer{x.h.memory.newBuffer()} },
		MaxMessage: maxSocketMessage,
		Start:      s.upstream.Start, Idle: s.upstream.Idle, Total: s.upstream.Total,
		WriteTimeout: x.h.writeTimeout,
	})
	x.entry.FramesIn, x.entry.FramesOut = result.In.Messages, result.Out.Messages
	x.entry.BytesIn, x.entry.BytesOut = result.In.Bytes, result.Out.Bytes
	if result.Err != nil && result.Err.Upstream == "" && !result.ByClient {
		result.Err.Upstream = x.target.Upstream
	}
	s.talk.over(result)
	if result.Err != nil {
		return result.Err
	}
	return nil
}

// accept answers the client's handshake.
func (x *exchange) accept() error {
	s, h := x.socket, x.w.Header()
	maps.Copy(h, s.answer.Header)
	delete(h, "Content-Type")
	if x.up.Kind() == upstream.Simulator {
		h["X-Weir-Simulator"] = []string{"true"}
	}
	chosen := s.upstream.End.Protocol()
	if chosen == "" && slices.Contains(s.protocols, "realtime") {
		// A browser breaks a socket off whose server chooses none of what it
		// has offered. Some upstreams do not know that they have a name.
		chosen = "realtime"
	}
	if chosen != "" {
		x.r.Header["Sec-Websocket-Protocol"] = []string{chosen}
	}
	x.arm()
	client, err := tunnel.Accept(x.w, x.r, chosen)
	x.sent = true
	x.entry.Status, x.entry.FirstByte = http.StatusSwitchingProtocols, time.Since(x.start)
	if err != nil {
		return &llm.Error{Code: llm.CodeClientClosed, Op: "gateway.accept", Err: err}
	}
	s.client = client
	return nil
}

// A socketBuffer is a buffer of the budget for bodies, as a tunnel wants it.
type socketBuffer struct{ *buffer }

// Extend implements [tunnel.Buffer].
func (b socketBuffer) Extend(used []byte, n int) ([]byte, error) {
	if b.slab != nil {
		b.slab.b = used
	}
	if err := b.grow(n); err != nil {
		return nil, err
	}
	return b.slab.b, nil
}

// Drop implements [tunnel.Buffer].
func (b socketBuffer) Drop() { b.drop() }

var errRunning = errors.New("the socket ended before the response did")
