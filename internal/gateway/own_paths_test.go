package gateway

import (
	"errors"
	"strings"
	"testing"

	"github.com/weir-gateway/weir/internal/config"
)

// TestOwnPathsAreKnown: the configuration lets no transparent door stand where a
// path of Weir's own begins.
func TestOwnPathsAreKnown(t *testing.T) {
	refused := func(prefix string) bool {
		_, err := config.Parse([]byte("upstreams: [{ name: a, kind: simulator, auth: passthrough }]\n"+
			"models: [{ name: a, targets: [{ upstream: a }] }]\n"+
			"transparent: { upstream: a, prefix: "+prefix+" }\n"), config.Options{Path: "test.yaml", LookupEnv: func(string) (string, bool) { return "", false }})
		faults, ok := errors.AsType[config.Faults](err)
		return ok && len(faults) == 1 && faults[0].Path == "transparent.prefix"
	}
	for _, e := range endpoints() {
		if first := strings.Split(e.template, "/")[1]; !refused("/" + first) {
			t.Errorf("a door at /%s would stand before %s", first, e.template)
		}
	}
	if refused("/azure") {
		t.Error("/azure is refused")
	}
}

// TestOwnPathsDoNotPass: the configuration lets no path of Weir's own pass
// unread, and the table of paths has none that it does not know of.
func TestOwnPathsDoNotPass(t *testing.T) {
	refused := func(glob string) bool {
		_, err := config.Parse([]byte("upstreams: [{ name: a, kind: simulator, passthrough_paths: ["+glob+"] }]\n"+
			"models: [{ name: a, targets: [{ upstream: a }] }]\n"), config.Options{Path: "test.yaml", LookupEnv: func(string) (string, bool) { return "", false }})
		faults, ok := errors.AsType[config.Faults](err)
		return ok && len(faults) == 1 && faults[0].Path == "upstreams[0].passthrough_paths[0]"
	}
	for _, e := range endpoints() {
		if path := strings.ReplaceAll(e.template, "{name}", "x"); !refused(path) {
			t.Errorf("%s could pass unread, although it is %s", path, e.op)
		}
	}
	if refused("/v1/files/x") {
		t.Error("/v1/files/x is refused")
	}
}
