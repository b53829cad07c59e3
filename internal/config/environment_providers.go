package config

import (
	"net/url"
	"strings"
)

// A provider is an upstream that variables name.
type provider struct {
	name string
	node *node
}

// The names of the upstreams that variables make.
const (
	nameAzure     = "azure"
	nameOpenAI    = "openai"
	nameAnthropic = "anthropic"
	nameOllama    = "ollama"
)

// providers is the configuration of whoever has credentials in the
// environment: each is an upstream, the first of them is the default.
func (e *environment) providers() *node {
	up := e.upstreams()
	if len(up) == 0 {
		e.noUpstream()
		return nil
	}
	e.ignore("it belongs to azure-openai-proxy's variables, none of which is set", "unset it", varLegacy)
	root := mappingAt("")
	if listen := e.providersListen(); len(listen.entries) > 0 {
		root.add("listen", listen)
	}
	var nodes []*node
	for _, p := range up {
		nodes = append(nodes, p.node)
	}
	root.add("upstreams", list("", nodes...))
	root.add("models", e.providersModels(up))
	root.add("routing", mappingAt("").add("header", literal("", "x-provider", "so that clients may choose an upstream by its name")))
	if e.has(varProxyKey) {
		root.add("keys", e.key())
	}
	return root
}

// noUpstream says of every variable that is set what it lacks.
func (e *environment) noUpstream() {
	const remedy = "set AZURE_OPENAI_ENDPOINT with AZURE_OPENAI_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_BASE_URL too, or unset it"
	for _, name := range []string{varProxyKey, varLegacy} {
		if e.has(name) {
			e.fault(name, "is set, but no variable says where models run", remedy)
		}
	}
}

// upstreams returns what the variables name, in the order of preference.
func (e *environment) upstreams() []provider {
	var out []provider
	add := func(name string, kind Kind, variable, why string) *node {
		n := mappingAt(variable).add("name", literal(variable, name, "")).add("kind", literal(variable, string(kind), why)).
			add("retry", literal(variable, string(RetryPatient), "where no file says otherwise"))
		out = append(out, provider{name, n})
		return n
	}
	apiKey := func(variable string) *node {
		e.use(variable)
		return mappingAt(variable).add("api_key", reference(variable))
	}
	switch {
	case !e.has(varAzureKey):
	case !e.has(varEndpoint):
		e.fault(varAzureKey, "is set, but AZURE_OPENAI_ENDPOINT is not", "set AZURE_OPENAI_ENDPOINT=https://my-resource.openai.azure.com, or unset it")
	default:
		e.use(varEndpoint)
		add(nameAzure, KindAzure, varEndpoint, "").
			add("endpoint", reference(varEndpoint).mended("set it to the URL of the resource, for example https://my-resource.openai.azure.com")).
			add("api", literal(varEndpoint, string(APIv1), "the surface without dated versions")).
			add("auth", apiKey(varAzureKey))
	}
	if e.any(varOpenAIKey, varOpenAIURL) {
		e.openAI(add, apiKey)
	}
	if e.has(varAnthropicKey) {
		add(nameAnthropic, KindAnthropic, varAnthropicKey, "").add("auth", apiKey(varAnthropicKey))
	}
	if e.has(varOllamaURL) {
		e.use(varOllamaURL)
		add(nameOllama, KindOllama, varOllamaURL, "").
			add("endpoint", reference(varOllamaURL).mended("set it to the URL of Ollama, for example http://127.0.0.1:11434"))
	}
	return out
}

// openAI adds the upstream of OPENAI_API_KEY and OPENAI_BASE_URL.
func (e *environment) openAI(add func(name string, kind Kind, variable, why string) *node, apiKey func(string) *node) {
	base := e.use(varOpenAIURL)
	switch {
	case base == "":
		add(nameOpenAI, KindOpenAI, varOpenAIKey, "").add("auth", apiKey(varOpenAIKey))
		return
	case isOpenAI(base) && !e.has(varOpenAIKey):
		e.warn(varOpenAIURL, "is OpenAI's own, which refuses calls without a key", "set OPENAI_API_KEY too")
	}
	kind, why := KindOpenAI, ""
	if !isOpenAI(base) {
		kind, why = KindCompatible, "OPENAI_BASE_URL is not OpenAI's own"
	}
	n := add(nameOpenAI, kind, varOpenAIURL, why).
		add("endpoint", reference(varOpenAIURL).mended("set it to the URL that clients of that server are given, for example https://api.openai.com/v1, or unset it"))
	if e.has(varOpenAIKey) {
		n.add("auth", apiKey(varOpenAIKey))
	} else {
		n.add("auth", literal(varOpenAIURL, string(AuthNone), "OPENAI_API_KEY is not set"))
	}
}

// isOpenAI reports whether an URL is one of OpenAI's own.
func isOpenAI(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "api.openai.com" || strings.HasSuffix(host, ".api.openai.com")
}

// providersListen is where the upstreams of variables are served.
func (e *environment) providersListen() *node {
	n := mappingAt(varPort)
	address := "127.0.0.1:8787"
	if port := e.port(); port != "" {
		if e.has(varProxyKey) {
			address = ":" + port
			n.add("address", literal(varPort, address, "from PORT; every interface, because PROXY_API_KEY is set"))
		} else {
			address = "127.0.0.1:" + port
			n.add("address", literal(varPort, address, "from PORT; this machine only, because PROXY_API_KEY is not set"))
		}
	}
	if e.truth(varOpen) {
		if !e.loopback(address) && !e.has(varProxyKey) {
			n.add("hosts", list(varOpen, literal(varOpen, "*", "")))
		}
		n.add("open", yes(varOpen, "from WEIR_OPEN"))
	}
	return n
}

// providersModels sends every name somewhere.
func (e *environment) providersModels(up []provider) *node {
	first := up[0].name
	var models []*node
	rest := []string{first}
	for _, p := range up {
		switch p.name {
		case nameOllama:
			models = append(models, model(varOllamaURL, "*gpt-oss*", "OpenAI's open models run in Ollama", p.name))
			if first == nameAnthropic {
				// Anthropic has no chat completions, and no names of others.
				rest = append(rest, p.name)
			}
		case nameAnthropic:
			models = append(models, model(varAnthropicKey, "claude*", "Anthropic's models", p.name))
		}
	}
	return list("", append(models, model(up[0].node.pos.File, "*", "every other name goes to the first upstream", rest...))...)
}
