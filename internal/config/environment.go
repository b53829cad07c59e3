package config

import (
	"slices"
	"strconv"
	"strings"
)

// The variables that make a configuration where there is no file.
const (
	// Of azure-openai-proxy.
	varAddress  = "AZURE_OPENAI_PROXY_ADDRESS"
	varMode     = "AZURE_OPENAI_PROXY_MODE"
	varVersion  = "AZURE_OPENAI_APIVERSION"
	varMapper   = "AZURE_OPENAI_MODEL_MAPPER"
	varToken    = "AZURE_OPENAI_TOKEN"
	varLegacy   = "AZURE_OPENAI_LEGACY_NAMES"
	varEndpoint = "AZURE_OPENAI_ENDPOINT"

	// Of providers.
	varAzureKey     = "AZURE_OPENAI_API_KEY"
	varOpenAIKey    = "OPENAI_API_KEY"
	varOpenAIURL    = "OPENAI_BASE_URL"
	varAnthropicKey = "ANTHROPIC_API_KEY"
	varOllamaURL    = "OLLAMA_BASE_URL"

	// Of Weir itself.
	varProxyKey = "PROXY_API_KEY"
	varPort     = "PORT"
	varOpen     = "WEIR_OPEN"
)

// The values of [Config.Source] where variables have made the configuration.
const (
	SourceEnvironment      = "environment"
	SourceAzureOpenAIProxy = "environment (azure-openai-proxy)"
	SourceOpenAIForwarding = "environment (azure-openai-proxy, mode openai)"
)

// FromEnvironment reports whether variables, and no file, have decided what is
// served and where.
func (c *Config) FromEnvironment() bool { return strings.HasPrefix(c.Source, SourceEnvironment) }

// An environment makes a configuration of variables: a tree as a document
// would give it, in which every value stands at its variable. What is secret or
// passed on as it is stays a reference.
type environment struct {
	o      Options
	faults []Fault
	warned []Fault
}

// fromEnvironment returns the configuration that variables make, or the
// built-in one.
func (o Options) fromEnvironment() (*Config, error) {
	e := &environment{o: o}
	var root *node
	source := BuiltIn
	switch {
	case e.any(varAddress, varMode, varVersion, varMapper, varToken), e.has(varEndpoint) && !e.has(varAzureKey):
		source, root = e.azureOpenAIProxy()
	case e.any(varEndpoint, varAzureKey, varOpenAIKey, varOpenAIURL, varAnthropicKey, varOllamaURL, varProxyKey, varLegacy):
		source, root = SourceEnvironment, e.providers()
	default:
		root = e.simulator()
	}
	d := newDecoder(Pos{File: source}, o)
	d.environment = true
	if len(e.faults) > 0 && root == nil {
		return nil, Faults(sorted(e.faults))
	}
	c, err := d.config(root, o)
	if len(e.faults) > 0 {
		own := slices.Clone(e.faults)
		for _, f := range d.faults {
			// What has been said of a variable already need not be said twice.
			if !slices.ContainsFunc(own, func(g Fault) bool { return g.Pos == f.Pos }) {
				e.faults = append(e.faults, f)
			}
		}
		return nil, Faults(sorted(e.faults))
	}
	if err != nil {
		return nil, err
	}
	c.Warnings = sorted(append(e.warned, c.Warnings...))
	return c, nil
}

// get returns the value of a variable, "" if it is not set.
func (e *environment) get(name string) string {
	value, given := e.o.LookupEnv(name)
	if !given {
		return ""
	}
	return value
}

func (e *environment) has(name string) bool { return e.get(name) != "" }

func (e *environment) any(names ...string) bool { return slices.ContainsFunc(names, e.has) }

// use is get for a variable that decides something: it must not be what an
// example left to fill in.
func (e *environment) use(name string) string {
	value := e.get(name)
	if placeholders.MatchString(value) {
		e.fault(name, placeholderLeft, placeholderRemedy)
	}
	return value
}

func (e *environment) fault(name, msg, remedy string) {
	f := Fault{Pos: Pos{File: name}, Msg: msg, Remedy: remedy}
	said := func(g Fault) bool { return g == f || g.Pos == f.Pos && g.Msg == placeholderLeft }
	if !slices.ContainsFunc(e.faults, said) {
		e.faults = append(e.faults, f)
	}
}

func (e *environment) warn(name, msg, remedy string) {
	e.warned = append(e.warned, Fault{Pos: Pos{File: name}, Msg: msg, Remedy: remedy})
}

// truth reads a variable that is true or false.
func (e *environment) truth(name string) bool {
	switch value := e.get(name); value {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		e.fault(name, quote(value)+" is neither true nor false", "set it to true or false (1 and 0 are the same), or unset it")
		return false
	}
}

// port returns PORT, "" if it is not set or wrong.
func (e *environment) port() string {
	value := e.use(varPort)
	if value == "" {
		return ""
	}
	if _, err := strconv.ParseUint(value, 10, 16); err != nil {
		e.fault(varPort, quote(value)+" is not a port", "set it to a number from 1 to 65535, or unset it")
		return ""
	}
	return value
}

// loopback reports whether only this machine can reach the listener, which is
// at address unless --listen says otherwise.
func (e *environment) loopback(address string) bool {
	if e.o.Listen != "" {
		address = e.o.Listen
	}
	return isLoopback(address)
}

// simulator is the configuration of whoever has nothing yet.
func (e *environment) simulator() *node {
	const why = "built in: no file, and no variable says where models run"
	root := mappingAt("")
	if e.port() != "" {
		root.add("listen", mappingAt(varPort).add("address", literal(varPort, "127.0.0.1:"+e.port(), "from PORT; the simulator serves this machine only")))
	}
	if e.truth(varOpen) {
		e.warn(varOpen, "has no effect: the simulator has nothing to spend", "unset it, or say where models run")
	}
	root.add("upstreams", list("", mappingAt("").add("name", literal("", "simulator", why)).add("kind", literal("", string(KindSimulator), ""))))
	var models []*node
	for _, name := range []string{"sim-1", "sim-*"} {
		models = append(models, model("", name, "", "simulator"))
	}
	return root.add("models", list("", models...))
}

// The parts of a tree that variables make.

// mappingAt is a mapping that stands at a variable.
func mappingAt(variable string) *node { return &node{shape: mapping, pos: Pos{File: variable}} }

// add adds an entry to a mapping, and returns the mapping.
func (n *node) add(name string, value *node) *node {
	n.entries = append(n.entries, entry{name: name, pos: value.pos, value: value})
	return n
}

// list is a list of nodes.
func list(variable string, items ...*node) *node {
	return &node{shape: sequence, pos: Pos{File: variable}, items: items}
}

// literal is a text that means itself. It must not begin with "file:".
func literal(variable, value, why string) *node {
	return &node{shape: text, pos: Pos{File: variable}, text: strings.ReplaceAll(value, "$", "$$"), why: why}
}

// reference is what a variable holds, whatever that is.
func reference(variable string) *node {
	return &node{shape: text, pos: Pos{File: variable}, text: "${" + variable + "}"}
}

func yes(variable, why string) *node {
	return &node{shape: boolean, pos: Pos{File: variable}, text: "true", why: why}
}

// mended gives a node the remedy of every fault in it.
func (n *node) mended(remedy string) *node {
	n.remedy = remedy
	return n
}

// model is a model with targets of which all have the client's name.
func model(variable, name, why string, upstreams ...string) *node {
	var targets []*node
	for _, u := range upstreams {
		targets = append(targets, mappingAt(variable).add("upstream", literal(variable, u, "")))
	}
	return mappingAt(variable).add("name", literal(variable, name, why)).add("targets", list(variable, targets...))
}

// key is the one key of PROXY_API_KEY.
func (e *environment) key() *node {
	e.use(varProxyKey)
	return list(varProxyKey, mappingAt(varProxyKey).
		add("name", literal(varProxyKey, "proxy", "")).
		add("secret", reference(varProxyKey)))
}

// set lists those of the variables that are set, for a message.
func (e *environment) set(names ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !e.has(name) }), ", ")
}

// ignore warns of variables that have no effect beside others.
func (e *environment) ignore(because, remedy string, names ...string) {
	for _, name := range names {
		if e.has(name) {
			e.warn(name, "has no effect: "+because, remedy)
		}
	}
}
