package upstream

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/weir-gateway/weir/internal/llm"
	"github.com/weir-gateway/weir/internal/tunnel"
)

const opDial = "upstream.dial"

// A Socket is a WebSocket to an upstream.
type Socket struct {
	End *tunnel.End

	// Idle and Total are the upstream's limits for a socket: how long no
	// message may pass, and how long it may last since Start. Zero means no
	// limit. The caller keeps them.
	Idle, Total time.Duration
	Start       time.Time
}

// Dial opens a WebSocket to the upstream for c, whose Model and Query go into
// the URL and which has no body. The handshake has the limits of a call up to
// its first byte.
//
// The answer is what the upstream has said, whatever it is. The socket is nil
// unless it has agreed; what its refusal means is said by [Upstream.Refusal].
// Errors are those of [Upstream.Do].
func (u *Upstream) Dial(ctx context.Context, c *Call, protocols []string) (*Answer, *Socket, error) {
	target, err := u.socketURL(c)
	if err != nil {
		return nil, nil, err
	}
	header, err := u.requestHeader(c)
	if err != nil {
		return nil, nil, err
	}
	for name := range header {
		if strings.HasPrefix(name, "Sec-Websocket-") { // configured, for whatever reason
			delete(header, name)
		}
	}
	a := u.begin(ctx, true, nil)
	end, resp, err := tunnel.Dial(a.tracedContext(), u.transport, target.String(), header, u.offered(protocols))
	switch {
	case err == nil:
		a.end()
		s := &Socket{End: end, Idle: u.timeouts.Idle, Total: u.timeouts.StreamTotal, Start: a.start}
		return u.answer(resp, c, http.NoBody), s, nil
	case resp == nil:
		defer a.end()
		return nil, nil, a.notAnswered(err)
	case resp.StatusCode == http.StatusSwitchingProtocols:
		a.end()
		return nil, nil, u.fail(llm.CodeUpstreamInvalid, opDial, err)
	}
	if err := u.refuse(resp, request{op: c.Op, own: own(c.Credential)}); err != nil {
		a.end()
		_ = resp.Body.Close()
		return nil, nil, err
	}
	a.answered(resp)
	return u.answer(resp, c, a), nil, nil
}

// answer returns resp as an answer to c.
func (u *Upstream) answer(resp *http.Response, c *Call, body io.ReadCloser) *Answer {
	header, id := answerHeader(resp.Header)
	return &Answer{
		Status: resp.StatusCode, Header: header, ContentLength: resp.ContentLength, Body: body,
		RequestID: id[:min(len(id), maxRequestID)], op: c.Op, own: own(c.Credential),
	}
}

// socketURL returns where the socket for c is.
func (u *Upstream) socketURL(c *Call) (*url.URL, error) {
	target, err := u.url(c)
	if err != nil {
		return nil, err
	}
	member := "model"
	if u.plan.deployments != nil {
		member = "deployment"
	}
	withModel := *target
	withModel.RawQuery = joinQuery(target.RawQuery, member+"="+url.QueryEscape(c.Model))
	return &withModel, nil
}

// offered returns those of a client's subprotocols that may go to the
// upstream. The one that holds a key never does, and what chooses among the
// accounts of a credential goes with the client's own alone.
func (u *Upstream) offered(protocols []string) []string {
	var out []string
	for _, p := range protocols {
		name, _, _ := strings.Cut(p, ".")
		switch strings.ToLower(name) {
		case "realtime", "openai-beta":
		case "openai-organization", "openai-project":
			if !u.passthrough {
				continue
			}
		default:
			continue
		}
		if validHeaderName(p) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// Closed returns what the client may see of the reason that the upstream gives
// for closing a socket.
func (u *Upstream) Closed(reason string) string { return string(u.scrub.clean([]byte(reason))) }
