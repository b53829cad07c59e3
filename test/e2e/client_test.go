package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// clientLimit bounds the run of one client program.
const clientLimit = 90 * time.Second

// environment is all that a client finds in its environment: nothing of this
// machine's but the way to its commands.
func environment(home string, more ...string) []string {
	return append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "LANG=C.UTF-8", "NO_COLOR=1",
	}, more...)
}

// python runs one of the programs in python/ and returns what it saw.
func (h *house) python(t *testing.T, program string, args ...string) []seen {
	t.Helper()
	interpreter := need(t, "Python SDK (openai)", ".cache/venv/bin/python3")
	return h.program(t, append([]string{interpreter, "-B", "-I", "-c", runsIsolated, "python/" + program}, args...))
}

// runsIsolated runs a program with its own folder, and nothing else of this
// machine's, in the module path.
const runsIsolated = `import os, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")`

// node runs one of the programs in node/ and returns what it saw.
func (h *house) node(t *testing.T, module, program string, args ...string) []seen {
	t.Helper()
	need(t, "Node SDK ("+module+")", "test/e2e/node_modules/"+module)
	interpreter := needCommand(t, "Node", "node")
	return h.program(t, append([]string{interpreter, "node/" + program}, args...))
}

// program runs a client program: one JSON object per line, each a seen.
func (h *house) program(t *testing.T, command []string) []seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = environment(t.TempDir(), "WEIR_URL="+h.url, "WEIR_KEY="+h.key, "WEIR_PROMPT="+prompt, "NODE_EXTRA_CA_CERTS="+h.authority)
	if h.authority != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+h.authority)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(command[0]), err, stdout.Bytes(), stderr.Bytes())
	}
	if stderr.Len() > 0 {
		t.Logf("the client wrote to standard error:\n%s", stderr.Bytes())
	}
	var list []seen
	lines := bufio.NewScanner(&stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one seen
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatalf("the client wrote %q: %v", lines.Bytes(), err)
		}
		list = append(list, one)
	}
	return list
}
