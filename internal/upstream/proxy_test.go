package upstream_test

import (
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/weir-gateway/weir/internal/upstream"
)

// net/http reads the environment once in the life of a process, so the test of
// the proxy runs in one of its own.
func TestProxyFromEnvironment(t *testing.T) {
	if os.Getenv("WEIR_TEST_PROXY") != "" {
		a, body := do(t, open(t, upstream.Settings{Endpoint: "http://models.example"}), call())
		if a.Status != 200 || body != "http://models.example/v1/chat/completions" {
			t.Errorf("answer = %d %q, want the proxy's", a.Status, body)
		}
		do(t, open(t, upstream.Settings{Endpoint: os.Getenv("WEIR_TEST_DIRECT")}), call())
		return
	}
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.RequestURI)) })
	direct := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.IsAbs() {
			t.Error("a loopback address was asked for through the proxy")
		}
	})
	cmd := exec.CommandContext(patient(t), os.Args[0], "-test.run=^TestProxyFromEnvironment$")
	cmd.Env = []string{"HTTP_PROXY=" + proxy, "WEIR_TEST_PROXY=1", "WEIR_TEST_DIRECT=" + direct}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("behind a proxy: %v\n%s", err, out)
	}
}
