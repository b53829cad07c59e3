package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// localModel is one that Codex does not know: it warns, and offers its tools
// in yet another form.
const localModel = "house-model"

// A codexTask is something that Codex is to do, the same in every lane.
type codexTask struct {
	name  string
	model string

	// tool and input are a custom tool and the free text that it is called
	// with. A server that knows only functions calls it with the text in an
	// argument. prompt is instead of the two, if no custom tool is called.
	tool, input string
	prompt      string

	says string // in the answer
	file string // content of poem.txt afterwards
}

// codexTasks are in such an order that those of each kind fall to different
// lanes in the normal run. See runs.
var codexTasks = []codexTask{ // immutable
	{name: "exec", model: classicModel, prompt: `call exec_command {"cmd":"printf 'a\\tb' | od -c"}`, says: `a  \t   b`},
	{
		name: "code mode: exec", model: codeModel, says: "42", tool: "exec",
		input: `const r = await tools.exec_command({cmd: "echo $((6*7))"}); text(r.output);`,
	},
	{
		name: "code mode: parallel", model: codeModel, says: "second 48", tool: "exec",
		input: `const both = await Promise.all(["echo first $((6*7))", "echo second $((6*8))"].map((cmd) => tools.exec_command({cmd})));
for (const r of both) text(r.output);`,
	},
	{
		name: "thought and parallel", model: classicModel, says: "second 48",
		prompt: `think, then call exec_command {"cmd":"echo first $((6*7))"} call exec_command {"cmd":"echo second $((6*8))"}`,
	},
	{name: "patch", model: classicModel, tool: "apply_patch", input: patch, says: "poem.txt", file: patched},
	{
		name: "code mode: patch", model: codeModel, says: "Script completed", file: patched, tool: "exec",
		input: "text(await tools.apply_patch(String.raw`" + patch + "\n`));",
	},
	{name: "unknown model: exec", model: localModel, prompt: `call exec_command {"cmd":"echo $((6*7))"}`, says: "42"},
	{
		name: "unknown model: parallel", model: localModel, says: "second 48",
		prompt: `call exec_command {"cmd":"echo first $((6*7))"} call exec_command {"cmd":"echo second $((6*8))"}`,
	},
}

// text returns the prompt for a server that knows custom tools, or for one
// that knows only functions.
func (task codexTask) text(t *testing.T, functions bool) string {
	t.Helper()
	switch {
	case task.prompt != "":
		return task.prompt
	case !functions:
		return "call " + task.tool + " <<<" + task.input + ">>>"
	}
	arguments, err := json.Marshal(map[string]string{"input": task.input})
	if err != nil {
		t.Fatal(err)
	}
	return "call " + task.tool + " " + string(arguments)
}

// do lets Codex do it, and checks the answer and the file.
func (task codexTask) do(t *testing.T, c *codex, functions bool) result {
	t.Helper()
	r := c.ask(t, task.model, task.text(t, functions))
	if r.exit != 0 || !strings.Contains(r.stdout, task.says) {
		t.Errorf("Codex ended with exit code %d and %q, want 0 and %q", r.exit, r.stdout, task.says)
	}
	if task.file != "" {
		content, err := os.ReadFile(filepath.Join(c.dir, "poem.txt"))
		if string(content) != task.file {
			t.Errorf("Codex wrote poem.txt with %q (%v), want %q", content, err, task.file)
		}
	}
	return r
}

// differing is what two runs of Codex do not have in common.
var differing = regexp.MustCompile(`Chunk ID: \w+|Wall time:? [0-9.]+`)

// codex lets Codex do the same whatever its upstream speaks. What it prints is
// what it prints where nothing is in between.
func (c *compatibility) codex(t *testing.T) {
	for i, task := range codexTasks {
		f := feature{"Codex CLI", task.name}
		c.row(f)
		plain := sync.OnceValue(func() (stdout string) {
			t.Run(task.name+" to the simulator itself", func(t *testing.T) {
				stdout = differing.ReplaceAllString(task.do(t, newCodex(t, direct(t)), false).stdout, "")
			})
			return stdout
		})
		for j, l := range lanes {
			if !runs(i, j) {
				continue
			}
			want := plain()
			t.Run(task.name+" to "+l.dialect, func(t *testing.T) {
				t.Parallel()
				cli := newCodex(t, newLaneHouse(t, l))
				r := task.do(t, cli, l.dialect != "responses")
				if got := differing.ReplaceAllString(r.stdout, ""); got != want {
					t.Errorf("Codex said\n%s\nand without Weir\n%s", got, want)
				}
				cli.checkLane(t, l, task.model)
				c.note(t, f, l, judge(cli.posts()...))
			})
		}
	}
}

// checkLane checks that two requests reached the upstream in its own protocol,
// and that Weir's account of them is the simulator's.
func (c *codex) checkLane(t *testing.T, l lane, model string) {
	t.Helper()
	const turns = 2
	requests, lines := c.house.served(t), c.house.logged(t, turns)
	if len(requests) != turns || len(lines) != turns || len(c.posts()) != turns {
		t.Fatalf("Codex sent %d requests, the simulator served %d, Weir logged %d; want %d of each",
			len(c.posts()), len(requests), len(lines), turns)
	}
	for _, r := range requests {
		if r.Operation != l.operation() || r.Status != 200 || r.Usage == nil {
			t.Errorf("the simulator served %q with status %d, usage %v; want %q, 200 and usage", r.Operation, r.Status, r.Usage, l.operation())
			continue
		}
		want{operation: l.operation()}.checkLogged(t, model, seen{}, r, lineOf(lines, r))
	}
}

// TestCodexLaneErrors checks that Codex goes on after what goes wrong at an
// upstream of another protocol.
func TestCodexLaneErrors(t *testing.T) {
	t.Parallel()
	for i, bad := range []map[string]string{
		{"x-sim-status": "429"},
		{"x-sim-status": "503"},
		{"x-sim-cut": "3"},
		{"x-sim-end-early": "3"},
		{"x-sim-error": "middle"},
		{"x-sim-error": "first"},
		{"x-sim-reset": "true"},
	} {
		for j, l := range lanes[:2] {
			if !runs(i, j) {
				continue
			}
			t.Run(fmt.Sprint(bad, " of ", l.dialect), func(t *testing.T) {
				t.Parallel()
				h := newLaneHouse(t, l)
				h.upstream.meddle = func(n int, header http.Header) {
					for name, value := range bad {
						if n == 0 {
							header.Set(name, value)
						}
					}
				}
				c := newCodex(t, h)
				r := c.ask(t, classicModel, "hi")
				if n := len(c.posts()); r.exit != 0 || !strings.Contains(r.stdout, "echo: hi") || n != 2 {
					t.Errorf("Codex ended with exit code %d and %q after %d requests, want 0, echo: hi and 2", r.exit, r.stdout, n)
				}
			})
		}
	}
}

// compacting makes Codex sum up the conversation after each answer: as much as
// its instructions alone is too much for it.
const compacting = "model = %q\nmodel_auto_compact_token_limit = 2000\n" + provider + "env_key = \"WEIR_KEY\"\n"

// compaction lets Codex sum up a conversation and go on with the summary.
func (c *compatibility) compaction(t *testing.T) {
	for i, name := range []string{"compaction", "code mode: compaction"} {
		task := codexTasks[i]
		f := feature{"Codex CLI", name}
		c.row(f)
		ask := func(t *testing.T, cli *codex, functions bool) (said string, summed int) {
			t.Helper()
			r := cli.exec(t, fmt.Sprintf(compacting, task.model, cli.front.url), task.text(t, functions), "WEIR_KEY="+cli.house.key)
			for _, p := range cli.posts() {
				if bytes.Contains(p.Body, []byte("CONTEXT CHECKPOINT COMPACTION")) {
					summed++
				}
			}
			if r.exit != 0 || summed == 0 {
				t.Errorf("Codex ended with exit code %d after %d requests, %d of them for a summary; want 0 and some", r.exit, len(cli.posts()), summed)
			}
			return differing.ReplaceAllString(r.stdout, ""), summed
		}
		var want string
		var times int
		t.Run(f.name+" to the simulator itself", func(t *testing.T) { want, times = ask(t, newCodex(t, direct(t)), false) })
		for j, l := range lanes {
			if !runs(i, j) {
				continue
			}
			t.Run(f.name+" to "+l.dialect, func(t *testing.T) {
				t.Parallel()
				cli := newCodex(t, newLaneHouse(t, l))
				if got, n := ask(t, cli, l.dialect != "responses"); n != times || got != want {
					t.Errorf("Codex said after %d summaries\n%s\nand without Weir after %d\n%s", n, got, times, want)
				}
				c.note(t, f, l, judge(cli.posts()...))
			})
		}
	}
}
