package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// An Upstream is one account at one provider. It is immutable but for its
// connections and safe for concurrent use. It prints and logs without its
// secrets.
type Upstream struct {
	name        string
	kind        Kind
	plan        plan
	passthrough bool
	account     Account
	headers     *headers // a pointer, so that printing a copy of an Upstream does not reach them
	timeouts    Timeouts
	transport   http.RoundTripper
	sending     func(context.Context, string, *url.URL) // nil if nobody looks on
	scrub       *scrubber
}

// headers are what is sent with every request.
type headers struct {
	extra map[string][]string // canonical header name → its one value
	auth  map[string][]string // the same, for the configured credential; empty if there is none
}

// New returns the upstream that s describes, or an error that names the
// upstream and every setting that is at fault.
func New(s Settings) (*Upstream, error) {
	base, p, err := s.plan()
	p.routes = s.Routes
	if err := errors.Join(s.check(), err); err != nil {
		return nil, fmt.Errorf("upstream %q: %w", s.Name, err)
	}
	u := &Upstream{
		name:        s.Name,
		kind:        s.Kind,
		plan:        p,
		passthrough: s.Auth.mode() == AuthPassthrough,
		account:     s.account(),
		headers:     s.headers(p),
		timeouts:    s.Timeouts,
		transport:   s.Transport,
		sending:     s.Sending,
		scrub:       newScrubber(s, base),
	}
	if u.transport == nil {
		if u.transport, err = newTransport(s, base); err != nil {
			return nil, fmt.Errorf("upstream %q: proxy from the environment: %w", s.Name, err)
		}
	}
	return u, nil
}

// plan returns the endpoint and what the kind makes of it.
func (s Settings) plan() (*url.URL, plan, error) {
	endpoint := s.Endpoint
	if endpoint == "" {
		switch s.Kind {
		case OpenAI:
			endpoint = openAIEndpoint
		case Anthropic:
			endpoint = anthropicEndpoint
		case Ollama:
			endpoint = ollamaEndpoint
		default:
			return nil, plan{}, fmt.Errorf("endpoint: kind %q needs one", s.Kind)
		}
	}
	base, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, plan{}, err
	}
	var p plan
	switch s.Kind {
	case Azure:
		p, err = planAzure(base, s.API, s.APIVersion)
	case OpenAI:
		p = planOpenAI(base)
	case Anthropic:
		p = planAnthropic(base)
	case Ollama:
		p = planOllama(base)
	case Compatible:
		p = planCompatible(base)
	case Simulator:
		p = planSimulator(base)
	default:
		err = fmt.Errorf("kind: %q is unknown", s.Kind)
	}
	return base, p, err
}

func (s Settings) headers(p plan) *headers {
	h := &headers{extra: make(map[string][]string, len(s.Headers)), auth: map[string][]string{}}
	for name, value := range s.Headers {
		h.extra[http.CanonicalHeaderKey(name)] = []string{value}
	}
	if s.Auth.Secret != "" {
		set := p.key
		if s.Auth.Mode == AuthBearer {
			set = asBearer
		}
		name, value := set(s.Auth.Secret)
		p.authorize(h.auth, name, value)
	}
	return h
}

// Name returns what the configuration calls the upstream.
func (u *Upstream) Name() string { return u.name }

// Kind returns the provider's kind.
func (u *Upstream) Kind() Kind { return u.kind }

// Passthrough reports whether the client's own credential goes upstream.
func (u *Upstream) Passthrough() bool { return u.passthrough }

// Serves reports whether the upstream's API has op. It says nothing about a
// single model.
func (u *Upstream) Serves(op llm.Operation) bool { return u.plan.serves(op) }

// Keeps reports whether the upstream's API has objects: what it answered can be
// asked for again. Ollama takes an id of one, and answers as if there were none.
func (u *Upstream) Keeps() bool { return u.kind != Ollama }

// CloseIdle closes the connections that no attempt is using.
func (u *Upstream) CloseIdle() {
	if t, ok := u.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String returns the name and kind.
func (u Upstream) String() string { return fmt.Sprintf("upstream %q (%s)", u.name, u.kind) }

// Format writes [Upstream.String], whatever the verb is.
func (u Upstream) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// LogValue returns [Upstream.String].
func (u Upstream) LogValue() slog.Value { return slog.StringValue(u.String()) }

// A Call is one request to one upstream for one of its operations. What passes
// as it came is a [Passage].
type Call struct {
	Op llm.Operation

	// Method is the request's method. Empty means POST.
	Method string

	// Path is where the call goes, if not to the upstream's own path for Op. It
	// is one that CheckRoute takes.
	Path string

	// Object is what stands behind the operation's own path, escaped:
	// "/resp_1/cancel". Empty for the operation itself.
	Object string

	// Query is sent behind what the upstream itself demands, encoded. Empty
	// adds nothing.
	Query string

	Model string // what the upstream calls the model; it is in the URL of Azure's classic API, elsewhere in the body alone

	// Header is the client's. It is read, never written, and only names on the
	// allow-list go upstream.
	Header http.Header

	// Credential is the client's own, for an upstream with AuthPassthrough.
	// Others ignore it.
	Credential Credential

	// Body is sent as it is, with its length. Where it is empty, Content is
	// sent; where that is nil too, the request has no body, which needs a
	// Method or an Object.
	Body []byte

	// Content is a body that is not in memory.
	Content *Content

	// RequestID is sent as x-request-id, so that one id leads through the
	// logs of both sides. Empty sends none.
	RequestID string

	// Stream says that the answer is expected as a stream: with what it turns
	// out to be, it decides which timeouts apply.
	Stream bool

	// Foreign says that the client does not speak the protocol in which the
	// upstream is asked: a refusal's body is not passed on then.
	Foreign bool

	// Sent, if not nil, is called at most once, from a goroutine of the
	// transport, when the transport will not read Body any more. It must not
	// block. That can be before Do returns, or after the answer's body has been
	// closed: an upstream may answer before it has read everything. If it is
	// never called (no connection, or one that was never written to), Body must
	// be left to the garbage collector.
	Sent func()
}

// A Content is a body that is read as it is sent.
type Content struct {
	Reader io.Reader // read once; never closed
	Length int64     // in bytes; -1 if it is not known
	Type   string    // its Content-Type
}

// String returns the operation, without header, credential and body.
func (c Call) String() string { return "call " + string(c.Op) }

// Format writes [Call.String], whatever the verb is.
func (c Call) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns [Call.String].
func (c Call) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns [Call.String].
func (c Call) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// An Answer is what the upstream answered, successful or not.
type Answer struct {
	Status int

	// Header holds what the client may see of the upstream's header, and
	// x-upstream-request-id. The caller may write to the map.
	Header http.Header

	// ContentLength is the length of Body if the upstream announced it, else -1.
	ContentLength int64

	// Body is the answer as it arrives, never nil. Its Read returns io.EOF at
	// the true end alone; every other error is an [llm.Error] with
	// CodeUpstreamTruncated, CodeUpstreamInvalid, CodeFirstByteTimeout,
	// CodeIdleTimeout, CodeTotalTimeout or CodeClientClosed. It must be closed,
	// by the goroutine that reads it; closing before the end cancels the call.
	Body io.ReadCloser

	// RequestID is the upstream's own id of the request. Empty if it gave none.
	RequestID string

	op      llm.Operation
	foreign bool
	own     *Credential // the client's, if it was sent: to be kept out of the log. A pointer, so that printing an Answer does not reach it
}

const (
	opDo      = "upstream.do"
	opRead    = "upstream.read"
	opRefusal = "upstream.refusal"

	maxRequestID = 256
)

// Do sends c once and returns the upstream's answer as soon as its status is
// there. Statuses of 4xx and 5xx are answers; see [Upstream.Refusal].
//
// When ctx ends, the call is cancelled. If the cause of that is an [llm.Error]
// its code is returned, otherwise CodeClientClosed. Every error is an
// [llm.Error] that names the upstream:
//
//   - CodeUnsupportedOperation, CodeInvalidValue (param model),
//     CodeInvalidKey: the call cannot be made; nothing was sent.
//   - CodeUpstreamConnect, CodeConnectTimeout, CodeUpstreamTLS: no connection;
//     nothing was sent.
//   - CodeUpstreamLost, CodeFirstByteTimeout, CodeTotalTimeout: the request was
//     sent, at least in part, and may have been carried out. See also
//     [ErrReusedConnection].
//   - CodeUpstreamInvalid: the answer is not HTTP, its header is too large, it
//     is a redirect, or it is compressed although that was not asked for.
func (u *Upstream) Do(ctx context.Context, c *Call) (*Answer, error) {
	target, err := u.url(c)
	if err != nil {
		return nil, err
	}
	header, err := u.requestHeader(c)
	if err != nil {
		return nil, err
	}
	r := request{
		op: c.Op, method: c.Method, url: target, header: header,
		stream: c.Stream, sent: c.Sent, own: own(c.Credential), foreign: c.Foreign,
	}
	switch {
	case len(c.Body) > 0:
		// Only this kind of body lets net/http send header and body in one
		// write.
		r.body, r.length = io.NopCloser(bytes.NewReader(c.Body)), int64(len(c.Body))
	case c.Content != nil:
		r.body, r.length = io.NopCloser(c.Content.Reader), c.Content.Length
	case c.Method == "" && c.Object == "":
		return nil, u.fail(llm.CodeInternal, opDo, errors.New("call without a body"))
	}
	if r.method == "" {
		r.method = http.MethodPost
	}
	return u.send(ctx, r)
}

// url returns where c goes.
func (u *Upstream) url(c *Call) (*url.URL, error) {
	target, err := u.plan.target(c.Op, c.Model)
	if c.Path != "" {
		target, err = u.plan.at(c.Path, c.Model)
	}
	if err != nil {
		return nil, u.named(err)
	}
	if c.Object == "" && c.Query == "" {
		return target, nil
	}
	target = withPath(target, c.Object)
	target.RawQuery = joinQuery(target.RawQuery, c.Query)
	return target, nil
}

// A request is what is sent, whoever made it.
type request struct {
	op      llm.Operation
	method  string
	url     *url.URL
	header  http.Header
	body    io.ReadCloser // nil if there is none
	length  int64         // of body; -1 if it is not known
	stream  bool
	sent    func()
	own     *Credential
	foreign bool // the client does not speak the protocol
	opaque  bool // the answer passes with all its headers, whatever its status and coding

	informed func(status int, header http.Header) // of answers that are not the last; may be nil
}

// send sends r once; see [Upstream.Do]. Without GetBody net/http cannot send a
// body twice.
func (u *Upstream) send(ctx context.Context, r request) (*Answer, error) {
	if u.sending != nil {
		u.sending(ctx, r.method, r.url)
	}
	a := u.begin(ctx, r.stream, r.sent)
	if r.informed != nil {
		a.trace.Got1xxResponse = func(status int, header textproto.MIMEHeader) error {
			if status != http.StatusContinue {
				r.informed(status, opaqueHeader(http.Header(header)))
			}
			return nil
		}
	}
	req := (&http.Request{
		Method:        r.method,
		URL:           r.url,
		Host:          r.url.Host,
		Header:        r.header,
		Body:          r.body,
		ContentLength: r.length,
		Proto:         "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(a.tracedContext())
	resp, err := u.transport.RoundTrip(req)
	if err != nil {
		defer a.end()
		return nil, a.notAnswered(err)
	}
	if err := u.refuse(resp, r); err != nil {
		a.end()
		_ = resp.Body.Close()
		return nil, err
	}
	a.answered(resp)
	answer := &Answer{
		Status: resp.StatusCode, ContentLength: resp.ContentLength, Body: a,
		op: r.op, own: r.own, foreign: r.foreign,
	}
	var id string
	switch {
	case r.opaque:
		answer.Header, id = opaqueHeader(resp.Header), upstreamID(resp.Header)
	case r.op == llm.OpPassthrough:
		answer.Header, id = passedHeader(resp.Header)
	default:
		answer.Header, id = answerHeader(resp.Header)
	}
	answer.RequestID = id[:min(len(id), maxRequestID)]
	return answer, nil
}

// own returns a copy of c that lives longer than its call, or nil if c is none.
func own(c Credential) *Credential {
	if c.Value == "" {
		return nil
	}
	return &c
}

// refuse returns an error for an answer that cannot be used at all.
func (u *Upstream) refuse(resp *http.Response, r request) error {
	switch code := resp.StatusCode; {
	case code < 200:
		return u.fail(llm.CodeUpstreamInvalid, opDo, fmt.Errorf("status %d, which was not asked for", code))
	case r.opaque:
		return nil
	case code == http.StatusNotModified && r.op == llm.OpPassthrough:
		return nil // the client has asked for that
	case code >= 300 && code < 400:
		e := u.fail(llm.CodeUpstreamInvalid, opDo, fmt.Errorf("status %d, location %q", code, u.scrub.sample([]byte(resp.Header.Get("Location")), r.own)))
		e.Public = "the upstream answered with a redirect, which is never followed: its endpoint must be the final address"
		e.Answer = &llm.Answer{Status: code}
		return e
	case code < 300:
		for _, coding := range resp.Header["Content-Encoding"] {
			if !slices.Contains([]string{"", "identity"}, strings.ToLower(coding)) {
				e := u.fail(llm.CodeUpstreamInvalid, opDo, fmt.Errorf("content-encoding %.40q, although identity was asked for", coding))
				e.Public = "the upstream compressed its answer, although it was asked not to"
				return e
			}
		}
	}
	return nil
}

// fail returns an error of this upstream.
func (u *Upstream) fail(code llm.Code, op string, cause error) *llm.Error {
	return &llm.Error{Code: code, Op: op, Upstream: u.name, Err: cause}
}

// named returns err with this upstream's name.
func (u *Upstream) named(err error) error {
	e := *llm.AsError(err)
	e.Upstream = u.name
	return &e
}
