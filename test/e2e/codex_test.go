package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// codexLimit bounds one run of Codex CLI.
const codexLimit = 75 * time.Second

// The models of Codex's catalog that are tested: one that is offered its tools
// at the top level of the request, and one that is offered them in an input
// item, and calls them from a script of its own.
const (
	classicModel = "gpt-5.5"
	codeModel    = "gpt-6-astra"
)

// provider is the configuration of a provider that is not built in.
const provider = `model_provider = "weir"
[model_providers.weir]
name = "weir"
base_url = "%s/v1"
wire_api = "responses"
`

// A codex is one installation of Codex CLI, with a home and a folder of its
// own, that talks to Weir through a recorder.
type codex struct {
	house *house
	front *recorder // between Codex and Weir
	bin   string
	home  string
	dir   string // where it works
}

// A result is how one run of Codex ended.
type result struct {
	exit   int
	stdout string // the last message alone
	stderr string // all that happened
	took   time.Duration
}

func newCodex(t *testing.T, h *house) *codex {
	t.Helper()
	c := &codex{house: h, front: record(t, h.url), dir: t.TempDir()}
	c.bin = need(t, "Codex CLI", "test/e2e/node_modules/.bin/codex")
	// Codex does not put its helpers into a home below the system's temporary
	// folder, so this one is beside the other things that were fetched.
	cache, err := filepath.Abs(filepath.Join(root, ".cache"))
	if err != nil {
		t.Fatal(err)
	}
	c.home, err = os.MkdirTemp(cache, "codex-home-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(c.home); err != nil {
			t.Error(err)
		}
	})
	if err := os.Mkdir(filepath.Join(c.home, ".codex"), 0o700); err != nil {
		t.Fatal(err)
	}
	return c
}

// exec runs `codex exec` with a configuration and a prompt.
func (c *codex) exec(t *testing.T, config, prompt string, env ...string) result {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.home, ".codex", "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), codexLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.bin, "exec", "--skip-git-repo-check",
		"--dangerously-bypass-approvals-and-sandbox", prompt)
	cmd.Dir, cmd.Env = c.dir, environment(c.home, env...)
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(begun)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		r.exit = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("codex exec: %v after %v\n%s", err, r.took, r.stderr)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("codex exec %q: exit code %d after %v\n%s\n%s", prompt, r.exit, r.took, r.stdout, r.stderr)
		}
	})
	return r
}

// ask runs Codex with a provider of the user's own.
func (c *codex) ask(t *testing.T, model, prompt string) result {
	t.Helper()
	config := fmt.Sprintf("model = %q\n"+provider+"env_key = \"WEIR_KEY\"\n", model, c.front.url)
	return c.exec(t, config, prompt, "WEIR_KEY="+c.house.key)
}

// posts returns the requests for a response that Codex made.
func (c *codex) posts() (list []request) {
	for _, r := range c.front.requests() {
		if path, _, _ := strings.Cut(r.URI, "?"); r.Method == http.MethodPost && strings.HasSuffix(path, "/responses") {
			list = append(list, r)
		}
	}
	return list
}

// checkUntouched compares what Codex sent with what reached the upstream, and
// what came back with what reached Codex: all bytes but those of the model's
// name are the same.
func (c *codex) checkUntouched(t *testing.T, model, target string) {
	t.Helper()
	sent, arrived := c.posts(), c.house.upstream.requests()
	if len(sent) != len(arrived) {
		t.Fatalf("Codex sent %d requests, %d reached the upstream", len(sent), len(arrived))
	}
	for i := range sent {
		want := bytes.Replace(sent[i].Body, fmt.Appendf(nil, `"model":%q`, model), fmt.Appendf(nil, `"model":%q`, target), 1)
		if !bytes.Equal(arrived[i].Body, want) {
			t.Errorf("request %d: of %d bytes that Codex sent, %d reached the upstream; they differ from byte %d",
				i, len(sent[i].Body), len(arrived[i].Body), firstDifference(arrived[i].Body, want))
		}
		if !bytes.Equal(sent[i].Reply, arrived[i].Reply) {
			t.Errorf("answer %d: of %d bytes that the upstream sent, %d reached Codex; they differ from byte %d",
				i, len(arrived[i].Reply), len(sent[i].Reply), firstDifference(sent[i].Reply, arrived[i].Reply))
		}
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// checkAccount compares what the simulator served with Weir's log: n exchanges,
// all of them good, with the usage that Codex was told.
func (c *codex) checkAccount(t *testing.T, model string, n int) {
	t.Helper()
	requests := c.house.served(t)
	lines := c.house.logged(t, n)
	if len(requests) != n || len(lines) != n {
		t.Fatalf("the simulator served %d requests and Weir logged %d, want %d", len(requests), len(lines), n)
	}
	for _, r := range requests {
		// Codex closes the connection when it has seen the last event.
		if r.Operation != "responses" || r.Status != 200 || r.Ended == "cut" || r.Usage == nil {
			t.Errorf("the simulator served %q with status %d, ended %q, usage %v; want a complete response", r.Operation, r.Status, r.Ended, r.Usage)
		}
		want{operation: "responses"}.checkLogged(t, model, seen{}, r, lineOf(lines, r))
	}
}
