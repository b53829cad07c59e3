package conformance_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/realpart"
)

const (
	document = "openai-openapi.json" // in the folder that SPEC names
	listFile = "testdata/openaigo.txt"

	// timeLimit is for everything, from the build of the client on. A run
	// takes half a minute where the client has been built before.
	timeLimit = 9 * time.Minute

	// Fewer than these cannot be: the tests were not found, the mock server
	// refuses everything, or Weir has no endpoints.
	fewestTests   = 300
	fewestDirect  = 250
	fewestThrough = 10
)

func TestOpenAIGo(t *testing.T) {
	folder := realpart.Only(t, "make conformance SPEC=<folder>", "WEIR_SPEC")
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()

	listed := readList(t)
	steady := record(t, startSteady(t, filepath.Join(folder, document)), "")
	weir := record(t, startWeir(ctx, t, steady.url), base)
	client := copyModule(ctx, t)

	results := make([]result, len(client.tests))
	for i, g := range client.tests {
		r := result{test: g.String()}
		r.direct.passed, r.direct.output = client.run(ctx, g, steady.url)
		r.direct.arrived = steady.take()
		r.direct.asked = r.direct.arrived
		r.through.passed, r.through.output = client.run(ctx, g, weir.url)
		r.through.asked, r.through.arrived = weir.take(), steady.take()
		results[i] = r
		if ctx.Err() != nil {
			t.Fatalf("ended at test %d of %d: %v", i, len(client.tests), context.Cause(ctx))
		}
	}
	v := judge(results, listed)
	report(t, client, v)
}

// report fails the test for what is wrong, says what was found, and rewrites
// the list if that was asked for.
func report(t *testing.T, client *module, v verdict) {
	t.Helper()
	for _, fault := range v.faults {
		t.Error(fault)
	}
	if len(client.tests) < fewestTests || v.direct < fewestDirect || len(v.rows) < fewestThrough {
		t.Errorf("found %d generated tests, of which %d pass directly and %d through Weir, want at least %d, %d and %d",
			len(client.tests), v.direct, len(v.rows), fewestTests, fewestDirect, fewestThrough)
	}
	summary = fmt.Sprintf("openai-go %s: %d generated tests, %d pass against Steady; Weir has the endpoints of %d, and %d of these pass through it",
		client.version, len(client.tests), v.direct, v.theirs, len(v.rows))
	if *update && !t.Failed() {
		writeList(t, v.rows)
		return
	}
	for _, d := range v.drift {
		t.Error(d)
	}
	if len(v.drift) > 0 {
		t.Errorf("%s is not what was found; if it should be: make conformance SPEC=<folder> ARGS=-update, and read the diff", listFile)
	}
}

// passthrough is what Weir has no operation for, and an operator can open.
const passthrough = `"/v1/files**", "/v1/uploads**", "/v1/batches**", "/v1/fine_tuning/**", "/v1/vector_stores**", ` +
	`"/v1/conversations**", "/v1/containers**", "/v1/evals**", "/v1/skills**", "/v1/videos**"`

// startWeir builds weir and starts it in front of upstream. It demands no key,
// because that of the generated tests cannot be one ("My API Key"), and lets
// unknown ids pass, because the tests make theirs up. What Weir has no operation
// for passes as it is.
func startWeir(ctx context.Context, t *testing.T, upstream string) (url string) {
	t.Helper()
	dir := t.TempDir()
	binary, file := filepath.Join(dir, "weir"), filepath.Join(dir, "weir.yaml")
	command(ctx, t, realpart.Root(t), "go", "build", "-o", binary, "./cmd/weir")
	config := fmt.Sprintf(`
listen: { address: "127.0.0.1:0" }
upstreams: [{ name: steady, kind: openai, endpoint: %q, auth: { bearer: made-up-key-for-steady }, unknown_ids: forward, passthrough_paths: [%s] }]
models: [{ name: "*", targets: [{ upstream: steady }] }]
`, upstream, passthrough)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Env = []string{"HOME=" + dir, "PATH=/usr/bin:/bin"}
	listening := regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)
	line, err := launch(t, cmd, listening)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + listening.FindString(line)
}

// readList returns the rows of the list.
func readList(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile(listFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(column) != 3 {
			t.Fatalf("%s has a line %q, want three columns with tabs between", listFile, line)
		}
		rows = append(rows, row{column[0], column[1], column[2]})
	}
	return rows
}

func writeList(t *testing.T, rows []row) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("# The generated tests of openai-go that pass through Weir, by endpoint; and who\n" +
		"# answered, without which query parameters of the client. This file is written\n" +
		"# by: make conformance SPEC=<folder> ARGS=-update\n")
	for _, r := range rows {
		fmt.Fprintln(&b, r)
	}
	if err := os.MkdirAll(filepath.Dir(listFile), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(listFile, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
