package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// A plan is what a kind makes of its settings: where each operation goes, and
// in which header a credential travels. It is immutable.
type plan struct {
	// fixed :: operation → its URL, for the operations whose URL does not
	// depend on the model. The URLs are shared by all requests and never
	// written to.
	fixed map[llm.Operation]*url.URL

	// routes :: operation → its path, where Settings.Routes give it one.
	routes map[llm.Operation]string

	// deployments is set for Azure's classic API alone.
	deployments *deployments

	// root is where paths that are not an operation's lead, v1 where those
	// below /v1 do. Neither ends in a slash.
	root, v1 *url.URL

	// version is the query with which paths at the root are asked for, in place
	// of the client's api-version. Empty leaves the client's.
	version string

	// key returns the header that carries a configured key.
	key func(secret string) (name, value string)

	// pass returns the header that carries the client's own credential.
	pass func(Credential) (name, value string)

	// twin is a second header for what goes in x-api-key. Empty if one is
	// enough.
	twin string
}

// authorize sets the header name, and its twin, to value.
func (p *plan) authorize(h http.Header, name, value string) {
	h[name] = []string{value}
	if name == headerXAPIKey && p.twin != "" {
		h[p.twin] = []string{value}
	}
}

// serves reports whether there is a URL for op.
func (p *plan) serves(op llm.Operation) bool {
	if p.fixed[op] != nil || p.routes[op] != "" {
		return true
	}
	return p.deployments != nil && deploymentScoped(op)
}

// target returns the URL of op. The caller must not change it.
func (p *plan) target(op llm.Operation, model string) (*url.URL, error) {
	if path := p.routes[op]; path != "" && (model != "" || !strings.Contains(path, Deployment)) { // an object has no model
		return p.at(path, model)
	}
	if p.deployments != nil && deploymentScoped(op) {
		return p.deployments.target(op, model)
	}
	if u := p.fixed[op]; u != nil {
		return u, nil
	}
	return nil, &llm.Error{Code: llm.CodeUnsupportedOperation, Op: opDo}
}

// pathOf returns the path of op below an API's version.
func pathOf(op llm.Operation) string { return "/" + op.Route() }

// parseEndpoint returns raw as a URL without trailing slashes. Errors never
// quote raw: somebody may have put a password in.
func parseEndpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, fmt.Errorf("endpoint: not a URL: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("endpoint: it must begin with https:// or http://")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("endpoint: it has no host")
	case u.User != nil:
		return nil, errors.New("endpoint: it holds a user name or password; put the credential into auth")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("endpoint: it has a query; give the version as api_version")
	case u.Fragment != "":
		return nil, errors.New("endpoint: it has a fragment")
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("endpoint: its path has a dot segment")
		}
	}
	base := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	if u.RawPath != "" {
		base.RawPath = strings.TrimRight(u.RawPath, "/")
	}
	if operationPath.MatchString(base.Path) {
		return nil, errors.New("endpoint: it ends in the path of one operation or names a deployment; give the part before that")
	}
	return base, nil
}

// withPath returns base with an escaped path appended.
func withPath(base *url.URL, escaped string) *url.URL {
	u := *base
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		plain = escaped // never: whoever calls has checked it
	}
	u.RawPath = base.EscapedPath() + escaped
	u.Path += plain
	return &u
}

// joinQuery joins two encoded queries, either of which may be empty.
func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// operationPath matches what people paste from a provider's page of examples.
var operationPath = regexp.MustCompile(`/(chat|completions|responses|embeddings|messages|models)$|/deployments(/|$)`)

// below returns base with path appended.
func below(base *url.URL, path string) *url.URL {
	u := *base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	return &u
}

// cut returns base without the first of suffixes that its path ends in.
func cut(base *url.URL, suffixes ...string) *url.URL {
	for _, suffix := range suffixes {
		if path, ok := strings.CutSuffix(base.Path, suffix); ok {
			u := *base
			u.Path = path
			u.RawPath = strings.TrimSuffix(u.RawPath, suffix)
			return &u
		}
	}
	return base
}

// urls returns the URL of each of ops below base.
func urls(base *url.URL, ops ...llm.Operation) map[llm.Operation]*url.URL {
	m := make(map[llm.Operation]*url.URL, len(ops))
	for _, op := range ops {
		m[op] = below(base, pathOf(op))
	}
	return m
}

// openAIOperations are what OpenAI's own API serves beside its objects.
var openAIOperations = []llm.Operation{ // immutable
	llm.OpChat, llm.OpCompletions, llm.OpResponses, llm.OpInputTokens, llm.OpCompact, llm.OpEmbeddings, llm.OpModerations,
	llm.OpImageGeneration, llm.OpImageEdit, llm.OpImageVariation, llm.OpSpeech, llm.OpTranscription, llm.OpTranslation,
	llm.OpRealtime,
}

// deploymentOperations are what Azure's classic API serves below a deployment:
// exactly these. What else it serves lives directly below /openai.
//
// Source: openai/openai-python src/openai/lib/azure.py, read 2026-08-21.
var deploymentOperations = []llm.Operation{ // immutable
	llm.OpChat, llm.OpCompletions, llm.OpEmbeddings, llm.OpTranscription, llm.OpTranslation, llm.OpSpeech,
	llm.OpImageGeneration, llm.OpImageEdit,
}

// version matches a path segment that is an API's version: v1, v4, v1beta.
var version = regexp.MustCompile(`^v[0-9]+(alpha|beta)?[0-9]*$`)

// versioned returns base, with /v1 appended unless a segment of its path is a
// version already: some providers put it last (…/api/paas/v4), some before a
// name of their own (…/v1beta/openai).
func versioned(base *url.URL) *url.URL {
	for segment := range strings.SplitSeq(base.Path, "/") {
		if version.MatchString(segment) {
			return base
		}
	}
	return below(base, "/v1")
}

// unversioned returns base without an API's version at its end.
func unversioned(base *url.URL) *url.URL {
	last := base.Path[strings.LastIndexByte(base.Path, '/')+1:]
	if !version.MatchString(last) {
		return base
	}
	return cut(base, "/"+last)
}

// asBearer puts a configured secret into Authorization.
func asBearer(secret string) (name, value string) {
	return headerAuthorization, "Bearer " + secret
}

// passBearer puts the client's credential into Authorization, whatever header
// it came in.
func passBearer(c Credential) (name, value string) { return asBearer(c.Value) }
