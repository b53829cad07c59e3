package upstream

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// apiVersion matches a dated version and the names that Azure gives to others.
var apiVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$`)

// planAzure is for Azure OpenAI and Azure AI Foundry.
//
//	v1       {endpoint}/openai/v1/{operation}
//	classic  {endpoint}/openai/deployments/{deployment}/{operation}?api-version=V
//	         {endpoint}/openai/responses?api-version=V
//	         {endpoint}/openai/realtime?api-version=V&deployment={deployment}
//
// A key goes as api-key. A client's own credential goes as Bearer if it is a
// JWT, as Entra ID's tokens are, and as api-key otherwise.
//
// Source: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
// and openai/openai-python src/openai/lib/azure.py, read 2026-08-21.
func planAzure(base *url.URL, api, version string) (plan, error) {
	root := cut(base, "/openai/v1", "/openai")
	base = below(root, "/openai")
	p := plan{
		root: root,
		v1:   below(base, "/v1"),
		key:  func(secret string) (name, value string) { return headerAPIKey, secret },
		pass: func(c Credential) (name, value string) {
			if isJWT(c.Value) {
				return asBearer(c.Value)
			}
			return headerAPIKey, c.Value
		},
	}
	var query string
	if version != "" {
		if !apiVersion.MatchString(version) {
			return plan{}, errors.New("api_version: it is not a version such as 2024-10-21")
		}
		query = "api-version=" + version
	}
	switch api {
	case "", APIv1:
		if version != "" && version != "preview" {
			return plan{}, errors.New(`api_version: api v1 takes none but "preview"`)
		}
		p.fixed = urls(p.v1, azureV1Operations...)
	case APIClassic:
		if version == "" {
			return plan{}, errors.New("api_version: api classic demands one, such as 2024-10-21")
		}
		p.deployments = &deployments{base: below(base, "/deployments/"), query: query}
		p.fixed = urls(base, llm.OpResponses, llm.OpRealtime)
		p.version = query
	default:
		return plan{}, fmt.Errorf("api: %q is neither v1 nor classic", api)
	}
	for _, u := range p.fixed {
		u.RawQuery = query
	}
	return p, nil
}

// azureV1Operations are those of OpenAI's that Azure has too: neither
// moderations nor variations of images.
var azureV1Operations = slices.DeleteFunc(slices.Clone(openAIOperations), func(op llm.Operation) bool { // immutable
	return op == llm.OpModerations || op == llm.OpImageVariation
})

// deploymentScoped reports whether the classic API names the deployment in the
// path of op.
func deploymentScoped(op llm.Operation) bool { return slices.Contains(deploymentOperations, op) }

// deployments builds the URLs of Azure's classic API.
type deployments struct {
	base  *url.URL // …/openai/deployments/
	query string
}

// target returns the URL of op for one deployment.
//
// The name becomes one escaped segment. A name that some proxy could take for
// more than one, or for a way up, is refused: it may come from the client, and
// the request carries the upstream's credential.
func (d *deployments) target(op llm.Operation, name string) (*url.URL, error) {
	if !oneSegment(name) {
		return nil, noDeployment()
	}
	u := *d.base
	escaped := u.EscapedPath() + url.PathEscape(name) + pathOf(op)
	u.Path += name + pathOf(op)
	u.RawPath = escaped
	u.RawQuery = d.query
	return &u, nil
}

func oneSegment(name string) bool {
	if name == "" || len(name) > 256 || strings.Trim(name, ".") == "" {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r == '/' || r == '\\' || r == '%' || r < ' ' || r == 0x7f
	})
}

// isJWT reports whether s is three base64url segments of which the first is a
// JSON object that names its algorithm. RFC 7515 §7.1.
func isJWT(s string) bool {
	head, rest, ok := strings.Cut(s, ".")
	if !ok || strings.Count(rest, ".") != 1 {
		return false
	}
	claims, signature, _ := strings.Cut(rest, ".")
	for _, segment := range []string{head, claims, signature} {
		if _, err := base64.RawURLEncoding.DecodeString(segment); err != nil {
			return false
		}
	}
	raw, _ := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Alg *string `json:"alg"`
	}
	return claims != "" && json.Unmarshal(raw, &header) == nil && header.Alg != nil
}
