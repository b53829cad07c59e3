package upstream

import (
	"errors"
	"net/url"
	"strings"

	"github.com/weir-gateway/weir/internal/llm"
)

// Deployment stands in a path for the upstream's name of the model, escaped.
const Deployment = "{deployment}"

// CheckRoute returns what is wrong with the path of a route: one on the
// endpoint's host, whatever the endpoint's own path is, with a query or none,
// that nobody can read in two ways. [Deployment] may stand anywhere in it.
func CheckRoute(path string) error {
	rest := strings.ReplaceAll(path, Deployment, "d")
	before, query, _ := strings.Cut(rest, "?")
	switch {
	case !strings.HasPrefix(path, "/") || strings.Contains(before, "//"):
		return errors.New("it must begin with one /, and have no // in it")
	case len(path) > maxRoute:
		return errors.New("it is too long")
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"#<>\^{|}`+"`", r) }):
		return errors.New("it has a character that cannot stand in a URL as it is")
	case strings.ContainsAny(before, "%;"):
		return errors.New("it has an escape or a parameter in its path")
	}
	for segment := range strings.SplitSeq(before, "/") {
		if segment == "." || segment == ".." {
			return errors.New("it has a dot segment")
		}
	}
	if _, err := url.ParseQuery(query); err != nil {
		return errors.New("its query cannot be read")
	}
	return nil
}

const maxRoute = 2048 // bytes

// at returns the URL of a path that CheckRoute takes, for one model. The name
// becomes one escaped segment, as [deployments] make it, or one value of the
// query.
func (p *plan) at(path, model string) (*url.URL, error) {
	before, query, _ := strings.Cut(path, "?")
	u := &url.URL{Scheme: p.root.Scheme, Host: p.root.Host, Path: before, RawQuery: query}
	if !strings.Contains(path, Deployment) {
		return u, nil
	}
	if strings.Contains(before, Deployment) && !oneSegment(model) {
		return nil, noDeployment()
	}
	escaped := strings.ReplaceAll(url.QueryEscape(model), "+", "%20")
	u.Path = strings.ReplaceAll(before, Deployment, model)
	u.RawPath = strings.ReplaceAll(before, Deployment, escaped)
	u.RawQuery = strings.ReplaceAll(query, Deployment, escaped)
	return u, nil
}

func noDeployment() error {
	return &llm.Error{
		Code: llm.CodeInvalidValue, Op: opDo, Param: "model",
		Public: `this model cannot be the name of a deployment: that is one name, without /, \ and %`,
	}
}
