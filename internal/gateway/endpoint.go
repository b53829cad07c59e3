package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// An endpoint is one row of the table of paths.
type endpoint struct {
	method   string
	template string // {name} stands for one escaped segment
	op       llm.Operation
	serve    server
}

// A server answers the requests of an endpoint, or says why it does not: the
// error is answered and told of by the caller.
type server func(*exchange) *llm.Error

// inference are the exchanges with a body, below each of the bases that
// clients use.
var inference = []endpoint{ // immutable
	{http.MethodPost, "/chat/completions", llm.OpChat, (*exchange).serve},
	{http.MethodPost, "/completions", llm.OpCompletions, (*exchange).serve},
	{http.MethodPost, "/responses", llm.OpResponses, (*exchange).serve},
	{http.MethodPost, "/responses/input_tokens", llm.OpInputTokens, (*exchange).serve},
	{http.MethodPost, "/responses/compact", llm.OpCompact, (*exchange).serve},
	{http.MethodPost, "/embeddings", llm.OpEmbeddings, (*exchange).serve},
}

// imagesAndSound are the exchanges that Azure has below a deployment, too.
var imagesAndSound = []endpoint{ // immutable
	{http.MethodPost, "/images/generations", llm.OpImageGeneration, (*exchange).serve},
	{http.MethodPost, "/images/edits", llm.OpImageEdit, (*exchange).serve},
	{http.MethodPost, "/audio/speech", llm.OpSpeech, (*exchange).serve},
	{http.MethodPost, "/audio/transcriptions", llm.OpTranscription, (*exchange).serve},
	{http.MethodPost, "/audio/translations", llm.OpTranslation, (*exchange).serve},
}

// openAIOnly are those that Azure does not have; it may learn them.
var openAIOnly = []endpoint{ // immutable
	{http.MethodPost, "/images/variations", llm.OpImageVariation, (*exchange).serve},
	{http.MethodPost, "/moderations", llm.OpModerations, (*exchange).serve},
}

// endpoints returns the whole table: OpenAI's paths, Anthropic's, and the
// Azure forms of both (protocols: Azure classic names the deployment in the
// path, Azure v1 in the body).
func endpoints() []endpoint {
	var table []endpoint
	for _, base := range [...]string{"/v1", "/openai/v1", "/openai/deployments/{name}", "/deployments/{name}"} {
		for _, e := range slices.Concat(inference, imagesAndSound) {
			table = append(table, endpoint{e.method, base + e.template, e.op, e.serve})
		}
	}
	for _, base := range [...]string{"/v1", "/openai/v1"} {
		for _, e := range openAIOnly {
			table = append(table, endpoint{e.method, base + e.template, e.op, e.serve})
		}
	}
	for _, base := range [...]string{"/v1", "/openai/v1", "/openai"} {
		table = append(table,
			endpoint{http.MethodGet, base + "/models", llm.OpModels, (*exchange).models},
			endpoint{http.MethodGet, base + "/models/{name}", llm.OpModels, (*exchange).models})
	}
	for _, path := range realtimePaths {
		table = append(table, endpoint{http.MethodGet, path, llm.OpRealtime, (*exchange).realtime})
	}
	for _, base := range [...]string{"/v1", "/anthropic/v1"} {
		table = append(table,
			endpoint{http.MethodPost, base + "/messages", llm.OpMessages, (*exchange).serve},
			endpoint{http.MethodPost, base + "/messages/count_tokens", llm.OpCountTokens, (*exchange).serve})
	}
	table = append(table, objectEndpoints()...)
	return append(table,
		endpoint{http.MethodPost, "/openai/responses", llm.OpResponses, (*exchange).serve},
		endpoint{http.MethodPost, "/openai/responses/input_tokens", llm.OpInputTokens, (*exchange).serve},
		endpoint{http.MethodPost, "/openai/responses/compact", llm.OpCompact, (*exchange).serve},
		endpoint{http.MethodGet, "/healthz", opHealth, (*exchange).health},
		endpoint{http.MethodGet, "/readyz", opReady, (*exchange).health})
}

// The operations that are nobody's exchange.
const (
	opHealth llm.Operation = "health"
	opReady  llm.Operation = "ready"
)

// paths finds the endpoint of a request. It is immutable.
type paths struct {
	static  map[string][]endpoint // :: path → endpoints, one per method
	dynamic [][]string            // :: segments of each template with a {name}
	rows    []endpoint            // row i has the segments dynamic[i]
}

func newPaths() *paths {
	p := &paths{static: make(map[string][]endpoint)}
	for _, e := range endpoints() {
		if !strings.Contains(e.template, "{") {
			p.static[e.template] = append(p.static[e.template], e)
			continue
		}
		p.dynamic = append(p.dynamic, strings.Split(e.template, "/"))
		p.rows = append(p.rows, e)
	}
	return p
}

// find returns the endpoint of an escaped, canonical path, and the segment
// that stands for {name}, unescaped. Where it fails, allow lists the methods
// that the path takes; it is empty if the path is unknown.
func (p *paths) find(method, escaped string) (e endpoint, name string, allow []string, ok bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, e := range p.static[escaped] {
		if e.method == method {
			return e, "", nil, true
		}
		allow = append(allow, e.method)
	}
	if allow != nil {
		return endpoint{}, "", allow, false
	}
	segments := strings.Split(escaped, "/")
	for i, want := range p.dynamic {
		segment, matches := match(want, segments)
		if !matches {
			continue
		}
		if p.rows[i].method != method {
			allow = append(allow, p.rows[i].method)
			continue
		}
		if name, err := url.PathUnescape(segment); err == nil {
			return p.rows[i], name, nil, true
		}
	}
	return endpoint{}, "", allow, false
}

// hint names the path that was probably meant by a client whose base URL has
// one /v1 too few or too many, the commonest mistake of all.
func (p *paths) hint(escaped string) string {
	for _, path := range realtimePaths {
		if strings.HasPrefix(escaped, path+"/") {
			return "; what is below `" + path + "` hands out credentials or calls of the upstream's own: connect to `" + path + "` itself, with a key of the gateway"
		}
	}
	for _, meant := range [...]string{"/v1" + escaped, strings.Replace(escaped, "/v1/v1/", "/v1/", 1)} {
		if len(p.static[meant]) > 0 && meant != escaped {
			return "; did you mean `" + meant + "`? Then the client's base URL is not right: OpenAI's clients want it with /v1, Anthropic's without"
		}
	}
	return ""
}

func match(template, segments []string) (name string, ok bool) {
	if len(template) != len(segments) {
		return "", false
	}
	for i, t := range template {
		switch {
		case t == "{name}":
			name = segments[i]
		case t != segments[i]:
			return "", false
		}
	}
	return name, true
}

// canonical reports whether an escaped path is the only way to write what it
// means: no empty, `.` or `..` segment, also not an escaped one or one that
// an escaped slash hides; no backslash or control character; and nothing
// escaped that need not be, in capital hexadecimal digits (RFC 3986 §6.2.2).
func canonical(escaped string) bool {
	if escaped == "" || escaped[0] != '/' {
		return false
	}
	if escaped == "/" {
		return true
	}
	for segment := range strings.SplitSeq(escaped[1:], "/") {
		if !canonicalSegment(segment) {
			return false
		}
	}
	return true
}

func canonicalSegment(segment string) bool {
	if segment == "" || segment == "." || segment == ".." {
		return false
	}
	if strings.IndexByte(segment, '%') < 0 {
		return strings.IndexByte(segment, '\\') < 0
	}
	for i := 0; i < len(segment); i++ {
		if segment[i] != '%' {
			continue
		}
		if i+2 >= len(segment) || !upperHex(segment[i+1]) || !upperHex(segment[i+2]) {
			return false
		}
	}
	plain, err := url.PathUnescape(segment)
	if err != nil || strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	if escapesNeedlessly(segment) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(plain, "/"), func(s string) bool { return s == "" || s == "." || s == ".." })
}

func upperHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

// escapesNeedlessly reports whether a segment with well-formed escapes has one
// of an unreserved character.
func escapesNeedlessly(segment string) bool {
	for i := 0; i < len(segment); i++ {
		if segment[i] != '%' {
			continue
		}
		c := unhex(segment[i+1])<<4 | unhex(segment[i+2])
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			return true
		}
		i += 2
	}
	return false
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}
