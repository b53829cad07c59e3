package config

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (d *decoder) upstreams(c *Config) {
	if len(c.Upstreams) == 0 && d.given("upstreams") && d.sound("upstreams") {
		d.fault("upstreams", "is empty", fieldNamed("upstreams").hint())
	}
	names := make(map[string]string, len(c.Upstreams))
	for i := range c.Upstreams {
		u, at := &c.Upstreams[i], fmt.Sprintf("upstreams[%d]", i)
		d.name(at+".name", u.Name, nameForm, names)
		if u.Kind == "" || !d.sound(at) {
			continue // whatever else it holds depends on the kind
		}
		d.endpoint(u, at, c.Listen.Address)
		d.azure(u, at)
		d.items(u, at)
		d.credential(u, at)
		d.headers(u, at)
		d.caFile(u, at)
		d.retry(u, at)
	}
}

// operations are the ends of paths that people paste along with a base URL.
var operations = regexp.MustCompile(`/deployments/|/(completions|responses|embeddings|messages)/?$`)

// endpoint checks the URL and what its scheme and certificate settings imply.
func (d *decoder) endpoint(u *Upstream, at, listen string) {
	p := at + ".endpoint"
	switch {
	case !d.sound(p):
		return
	case u.Endpoint == "" && u.Kind == KindSimulator:
		return
	case u.Endpoint == "":
		d.fault(p, "missing", endpointRemedy(u.Kind))
		return
	case d.placeholder(p, u.Endpoint):
		return
	}
	shown := d.quoteValue(p, u.Endpoint)
	e, err := url.Parse(u.Endpoint)
	switch {
	case err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Hostname() == "":
		d.fault(p, "is not an http or https URL", endpointRemedy(u.Kind)) // not quoted: it may hold a password
	case !isPort(e.Port()):
		d.fault(p, "the port of "+shown+" is out of range", "write one from 1 to 65535, or none")
	case u.Kind == KindOllama && strings.TrimSuffix(e.Path, "/") == "/api":
		d.fault(p, shown+" is Ollama's native API, which is not called", "end it before /api: "+endpointRemedy(u.Kind))
	case e.User != nil:
		d.fault(p, "has a user or password in it", "put credentials under auth")
	case e.RawQuery != "" || e.ForceQuery || e.Fragment != "" || strings.Contains(u.Endpoint, "#"):
		d.fault(p, "has a query or fragment", "end it with the path; an api-version goes under api_version")
	case !canonical(e):
		d.fault(p, "the path of "+shown+" is not plain", "write it without //, . or .. segments, % escapes and spaces")
	case operations.MatchString(e.Path):
		d.fault(p, shown+" is the URL of one operation", "end it where the operation begins: "+endpointRemedy(u.Kind))
	case u.Kind == KindAzure && u.API == APIClassic && strings.HasSuffix(strings.TrimSuffix(e.Path, "/"), "/v1"):
		d.fault(p, shown+" is the v1 surface, but api is classic", "remove /v1, or set api: v1")
	case callsItself(listen, e):
		d.faultOf(p, shown+" is where Weir itself listens: a request would come back without end",
			"name the server behind it, or another listen.address",
			"unset it, for it is what clients of Weir are given, or name the server behind it")
	default:
		d.transport(u, e, at)
	}
}

// isPort reports whether an URL's port is none, or one that exists.
func isPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func endpointRemedy(k Kind) string {
	example := map[Kind]string{
		KindAzure:     "https://my-resource.openai.azure.com",
		KindOpenAI:    openAIEndpoint,
		KindAnthropic: anthropicEndpoint,
		KindOllama:    "http://127.0.0.1:11434",
	}[k]
	if example == "" {
		example = "http://127.0.0.1:8000/v1"
	}
	return "write for example endpoint: " + example
}

// canonical reports whether a URL's host and path have one spelling only.
func canonical(e *url.URL) bool {
	p := strings.TrimSuffix(e.Path, "/")
	return e.RawPath == "" && !strings.ContainsAny(e.EscapedPath(), "%;\\") && (p == "" || path.Clean(p) == p) &&
		(e.Path == "" || strings.HasPrefix(e.Path, "/"))
}

// transport checks the settings of the connection.
func (d *decoder) transport(u *Upstream, e *url.URL, at string) {
	if e.Scheme == "http" && u.hasCredential() && !isLoopbackHost(e.Hostname()) {
		d.warn(at+".endpoint", "sends your credential over http: anyone on the way can read it", "use https, unless this network is your own")
	}
	if u.InsecureSkipVerify {
		d.warn(at+".insecure_skip_verify", "trusts any certificate: anyone on the way can read and change everything", "name the right certificate with ca_file")
	}
}

// azure checks what only Azure has.
func (d *decoder) azure(u *Upstream, at string) {
	api, version := at+".api", at+".api_version"
	if u.Kind != KindAzure {
		if u.API != "" && d.sound(api) {
			d.fault(api, "is for kind azure only, this is "+string(u.Kind), "remove it")
		}
		if u.APIVersion != "" && d.sound(version) {
			d.fault(version, "is for kind azure only, this is "+string(u.Kind), "remove it")
		}
		return
	}
	if u.APIVersion == "" || !d.sound(version) || !d.sound(api) {
		return
	}
	switch {
	case u.API == APIv1 && u.APIVersion != "preview":
		d.fault(version, d.quoteValue(version, u.APIVersion)+" does not go with api v1, which has no dated versions", "remove it, write preview, or set api: classic")
	case u.API == APIClassic && !apiVersionForm.MatchString(u.APIVersion):
		d.fault(version, d.quoteValue(version, u.APIVersion)+" is not a version", "write for example "+classicVersion+" or 2025-04-01-preview")
	}
}

var apiVersionForm = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}(-preview)?$`)

// credential checks auth and the files of the connection.
func (d *decoder) credential(u *Upstream, at string) {
	auth := at + ".auth"
	if u.Auth.Method == "" && d.sound(auth) {
		d.fault(auth, "missing: "+string(u.Kind)+" wants a credential", `add auth: { api_key: "${`+keyVariable(u.Kind)+`}" }, or auth: none for a server that asks for none`)
	}
	for name, secret := range map[string]Secret{".api_key": u.Auth.APIKey, ".bearer": u.Auth.Bearer} {
		if p := auth + name; !secret.IsZero() && d.sound(p) && !d.placeholder(p, secret.Reveal()) {
			d.headerSafe(p, secret.Reveal())
		}
	}
}

func keyVariable(k Kind) string {
	switch k {
	case KindAzure:
		return "AZURE_OPENAI_API_KEY"
	case KindAnthropic:
		return "ANTHROPIC_API_KEY"
	default:
		return "OPENAI_API_KEY"
	}
}

// items checks what only servers of the Responses protocol have.
func (d *decoder) items(u *Upstream, at string) {
	at += ".responses_items"
	if u.ResponsesItems != "" && u.Kind == KindAnthropic && d.sound(at) {
		d.fault(at, "is for upstreams that speak the Responses API, this is "+string(u.Kind), "remove it")
	}
}

// caFile checks the certificates an upstream is trusted by.
func (d *decoder) caFile(u *Upstream, at string) {
	p := at + ".ca_file"
	if u.CAFile == "" {
		return
	}
	if pem, ok := d.read(p, u.CAFile); ok && !x509.NewCertPool().AppendCertsFromPEM(pem) {
		d.fault(p, "the file "+d.quoteValue(p, u.CAFile)+" has no certificate in it", "name a file of PEM certificates")
	}
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")

// reserved are the headers that an upstream's configuration may not set:
// those that Weir sets itself, and those of one connection (RFC 9110 §7.6.1).
var reserved = []string{ // immutable
	"Accept-Encoding", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect",
	"Forwarded", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Via",
}

// headers checks the further request headers of a compatible server.
func (d *decoder) headers(u *Upstream, at string) {
	at += ".headers"
	if len(u.Headers) > 0 && u.Kind != KindCompatible {
		d.fault(at, "is for kind compatible only, this is "+string(u.Kind), "remove it")
		return
	}
	seen := make(map[string]bool, len(u.Headers))
	for _, name := range slices.Sorted(maps.Keys(u.Headers)) {
		p, value := join(at, plainOrQuoted(name)), u.Headers[name].Reveal()
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !d.sound(p):
		case !headerName.MatchString(name):
			d.fault(p, "is not a header's name", "use letters, digits and -")
		case canonical == "Authorization":
			d.fault(p, "is set by Weir", "use auth: { bearer: … }")
		case slices.Contains(reserved, canonical) || strings.HasPrefix(canonical, "Proxy-"):
			d.fault(p, "is set by Weir or belongs to one connection", "remove it")
		case strings.HasPrefix(canonical, "X-Weir-"):
			d.fault(p, "is a header of Weir's own, which never goes upstream", "remove it")
		case seen[canonical]:
			d.fault(p, "is here twice, in another spelling", "remove one of the two")
		case d.placeholder(p, value):
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }), value != strings.TrimSpace(value):
			d.fault(p, "has a value that no header can have", "use ASCII characters on one line, without spaces at either end")
		}
		seen[canonical] = true
	}
}
