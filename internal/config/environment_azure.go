package config

import (
	"net/url"
	"slices"
	"strings"
)

// What azure-openai-proxy did without being told.
const (
	proxyAddress = "0.0.0.0:8080"
	proxyVersion = "2023-03-15-preview"
	mapperRemedy = "write model=deployment for each pair, with one = in it, and commas between them; a deployment is one name, without * and /"
	proxyMapper  = "gpt-3.5-turbo=gpt-35-turbo,gpt-3.5-turbo-0301=gpt-35-turbo-0301"
)

// azureOpenAIProxy is the configuration of whoever ran azure-openai-proxy
// (https://github.com/diemus/azure-openai-proxy) with the same variables.
func (e *environment) azureOpenAIProxy() (source string, root *node) {
	because := e.set(varAddress, varMode, varVersion, varMapper, varToken)
	file := "unset it, or write a file with both: weir init"
	if because == "" {
		because = varEndpoint + " without " + varAzureKey
		file = "set " + varAzureKey + " to have both, or unset it"
	}
	because = "the variables of azure-openai-proxy decide (" + because + ")"
	e.ignore(because, "azure-openai-proxy's name for it is "+varToken, varAzureKey)
	e.ignore(because, "set "+varAddress+", for example 0.0.0.0:8080", varPort)
	e.ignore(because, file, varOpenAIKey, varAnthropicKey, varOllamaURL)
	switch mode := e.use(varMode); mode {
	case "", "azure":
		e.ignore(because, file, varOpenAIURL)
		return SourceAzureOpenAIProxy, e.proxyToAzure()
	case "openai":
		return SourceOpenAIForwarding, e.proxyToOpenAI()
	default:
		e.fault(varMode, quote(mode)+" is not a mode", "set it to azure, which is the default, or to openai")
		return SourceAzureOpenAIProxy, nil
	}
}

// proxyListen is what both modes have in common.
func (e *environment) proxyListen(root *node) {
	n := mappingAt(varAddress)
	if address := e.use(varAddress); address == "" {
		n.add("address", literal(varAddress, proxyAddress, varAddress+" is not set: the address azure-openai-proxy used"))
	} else {
		n.add("address", reference(varAddress).mended("set it to host:port, for example 0.0.0.0:8080, 127.0.0.1:8080, or :8080 for every interface"))
	}
	n.add("hosts", list(varAddress, literal(varAddress, "*", "")).because("any name, as with azure-openai-proxy"))
	if e.truth(varOpen) {
		n.add("open", yes(varOpen, "from WEIR_OPEN"))
	}
	root.add("listen", n)
	spent := varAddress // where a warning of what any page may do is placed
	if e.has(varToken) {
		spent = varToken
	}
	root.add("cors", mappingAt(spent).add("origins", list(spent, literal(spent, "*", "")).because("any web page, as with azure-openai-proxy")))
	if e.has(varProxyKey) {
		root.add("keys", e.key())
	}
}

// because gives a node its reason.
func (n *node) because(why string) *node {
	n.why = why
	return n
}

// proxyToAzure is mode azure: OpenAI's paths, served by deployments.
func (e *environment) proxyToAzure() *node {
	root := mappingAt("")
	e.proxyListen(root)
	up := mappingAt(varEndpoint).add("name", literal(varEndpoint, nameAzure, "")).add("kind", literal(varEndpoint, string(KindAzure), ""))
	const remedy = "set it to the URL of the resource, for example " + varEndpoint + "=https://my-resource.openai.azure.com"
	if endpoint := e.proxyEndpoint(); endpoint != nil {
		up.add("endpoint", endpoint.mended(remedy))
	} else {
		e.fault(varEndpoint, "is not set", remedy)
	}
	up.add("api", literal(varEndpoint, string(APIClassic), "the API that azure-openai-proxy called"))
	if e.use(varVersion) != "" {
		up.add("api_version", reference(varVersion).mended("set it to a version such as 2024-10-21 or "+proxyVersion+", or unset it"))
	} else {
		up.add("api_version", literal(varVersion, proxyVersion, varVersion+" is not set: the version azure-openai-proxy used"))
	}
	up.add("auth", e.proxyAuth())
	root.add("upstreams", list("", up))
	root.add("models", e.proxyModels())
	return root
}

// proxyEndpoint is AZURE_OPENAI_ENDPOINT with scheme and host alone, which is
// all that azure-openai-proxy took of it; nil if it is not set.
func (e *environment) proxyEndpoint() *node {
	value := e.use(varEndpoint)
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return reference(varEndpoint) // it is refused, in the words for every endpoint
	}
	base := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	if value == base || value == base+"/" {
		return reference(varEndpoint)
	}
	e.warn(varEndpoint, "only "+quote(base)+" of it is used, as azure-openai-proxy did", "set it to that")
	return literal(varEndpoint, base, "scheme and host of "+varEndpoint)
}

func (e *environment) proxyAuth() *node {
	if e.use(varToken) != "" {
		return mappingAt(varToken).add("api_key", reference(varToken)).because("whatever key a client sends")
	}
	e.twoKeys("Azure's", "set "+varToken+" if clients should not need a key of Azure's")
	return literal(varToken, string(AuthPassthrough), varToken+" is not set: the client's own key goes to Azure")
}

// twoKeys says where clients send which key, if they need two.
func (e *environment) twoKeys(whose, remedy string) {
	if e.has(varProxyKey) {
		e.warn(varProxyKey, "clients must send it in x-weir-key, and their own key of "+whose+" in Authorization", remedy)
	}
}

// proxyModels is the mapper: its two built-in pairs, the user's, and every
// other name as the name of a deployment.
func (e *environment) proxyModels() *node {
	type pair struct {
		model, deployment, why string
	}
	var pairs []pair
	put := func(p pair) {
		if i := slices.IndexFunc(pairs, func(q pair) bool { return q.model == p.model }); i >= 0 {
			pairs[i] = p
			return
		}
		pairs = append(pairs, p)
	}
	for entry := range strings.SplitSeq(proxyMapper, ",") {
		model, deployment, _ := strings.Cut(entry, "=")
		put(pair{model, deployment, "built into azure-openai-proxy"})
	}
	for entry := range strings.SplitSeq(e.use(varMapper), ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		model, deployment, _ := strings.Cut(entry, "=")
		model, deployment = strings.TrimSpace(model), strings.TrimSpace(deployment)
		if model == "" || deployment == "" || strings.Contains(deployment, "=") || strings.HasPrefix(model, "file:") || strings.HasPrefix(deployment, "file:") {
			e.fault(varMapper, quote(entry)+" is not a pair model=deployment", mapperRemedy)
			continue
		}
		put(pair{model, deployment, "from " + varMapper})
	}
	rest := model(varMapper, "*", "every other name is the name of a deployment", nameAzure)
	if e.truth(varLegacy) {
		rest = mappingAt(varLegacy).add("name", literal(varLegacy, "*", "every other name is the name of a deployment")).
			add("targets", list(varLegacy, mappingAt(varLegacy).add("upstream", literal(varLegacy, nameAzure, "")).
				add("strip", literal(varLegacy, ".:", "from "+varLegacy))))
	}
	var models []*node
	for _, p := range pairs {
		m := mappingAt(varMapper).add("name", literal(varMapper, p.model, p.why)).
			add("targets", list(varMapper, mappingAt(varMapper).add("upstream", literal(varMapper, nameAzure, "")).add("model", literal(varMapper, p.deployment, ""))))
		models = append(models, m)
	}
	if !slices.ContainsFunc(pairs, func(p pair) bool { return p.model == "*" }) {
		models = append(models, rest)
	}
	return list(varMapper, models...).mended(mapperRemedy)
}

// proxyToOpenAI is mode openai: every path as it is, with the client's own key.
func (e *environment) proxyToOpenAI() *node {
	e.ignore("mode openai forwards everything as it is, with the client's own key", "unset it, or unset "+varMode,
		varEndpoint, varVersion, varMapper, varToken, varLegacy)
	root := mappingAt("")
	e.proxyListen(root)
	up := mappingAt(varMode).add("name", literal(varMode, nameOpenAI, "")).add("kind", literal(varMode, string(KindOpenAI), ""))
	if e.use(varOpenAIURL) != "" {
		up.add("endpoint", reference(varOpenAIURL).mended("set it to the URL that clients of that server are given, for example https://api.openai.com/v1, or unset it"))
	} else {
		up.add("endpoint", literal(varMode, "https://api.openai.com", "where azure-openai-proxy forwarded to"))
	}
	e.twoKeys("OpenAI's", "unset it if the client's own key is enough")
	up.add("auth", literal(varMode, string(AuthPassthrough), "the client's own key goes along"))
	root.add("upstreams", list(varMode, up))
	return root.add("transparent", mappingAt(varMode).add("upstream", literal(varMode, nameOpenAI, "")).add("prefix", literal(varMode, "/", "every path passes as it is")))
}
