package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const patch = `*** Begin Patch
*** Add File: poem.txt
+Über "allen" \ Gipfeln
+ist 静か
*** End Patch`

const patched = "Über \"allen\" \\ Gipfeln\nist 静か\n"

// TestCodexTools lets Codex run its tools: the simulator asks for what the
// prompt says, Codex does it and sends the outputs back.
func TestCodexTools(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		model  string
		prompt string
		target string // what the upstream is asked for, if Weir maps the name

		turns int // requests to the model
		says  []string
		file  string // content of poem.txt afterwards
	}{
		{
			name: "no tool", model: classicModel, prompt: prompt,
			turns: 1, says: []string{"echo: " + prompt},
		},
		{
			name: "exec", model: classicModel, prompt: `call exec_command {"cmd":"printf 'a\\tb' | od -c"}`,
			turns: 2, says: []string{"tool said: ", `a  \t   b`, "exited with code 0"},
		},
		{
			name: "exec in parallel", model: classicModel,
			prompt: `call exec_command {"cmd":"echo first $((6*7))"} call exec_command {"cmd":"echo second $((6*8))"}`,
			turns:  2, says: []string{"first 42", "second 48"},
		},
		{
			name: "apply patch", model: classicModel, prompt: "call apply_patch <<<" + patch + ">>>",
			turns: 2, says: []string{"tool said: ", "poem.txt"}, file: patched,
		},
		{
			name: "reasoning and exec", model: classicModel, prompt: `think, then call exec_command {"cmd":"echo $((6*7))"}`,
			turns: 2, says: []string{"tool said: ", "42"},
		},
		{
			name: "mapped to a deployment", model: "gpt-5.6-luna", target: "my-deployment",
			prompt: `call exec <<<text((await tools.exec_command({cmd: "echo $((6*7))"})).output)>>>`,
			turns:  2, says: []string{"tool said: ", "42"},
		},
		{
			name: "code mode: no tool", model: codeModel, prompt: prompt,
			turns: 1, says: []string{"echo: " + prompt},
		},
		{
			name: "code mode: exec", model: codeModel,
			prompt: `call exec <<<const r = await tools.exec_command({cmd: "echo $((6*7))"}); text(r.output);>>>`,
			turns:  2, says: []string{"tool said: ", "Script completed", "42"},
		},
		{
			name: "code mode: exec in parallel", model: codeModel,
			prompt: `call exec <<<const both = await Promise.all(["echo first $((6*7))", "echo second $((6*8))"].map((cmd) => tools.exec_command({cmd})));
for (const r of both) text(r.output);>>>`,
			turns: 2, says: []string{"first 42", "second 48"},
		},
		{
			name: "code mode: apply patch", model: codeModel,
			prompt: "call exec <<<text(await tools.apply_patch(String.raw`" + patch + "\n`));>>>",
			turns:  2, says: []string{"tool said: ", "Script completed"}, file: patched,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCodex(t, newHouse(t, "openai"))
			r := c.ask(t, tt.model, tt.prompt)
			if r.exit != 0 {
				t.Fatalf("Codex ended with exit code %d, want 0", r.exit)
			}
			for _, say := range tt.says {
				if !strings.Contains(r.stdout, say) {
					t.Errorf("Codex answered %q, want %q in it", r.stdout, say)
				}
			}
			if tt.target == "" {
				tt.target = tt.model
			}
			c.checkUntouched(t, tt.model, tt.target)
			c.checkAccount(t, tt.model, tt.turns)
			if tt.file == "" {
				return
			}
			content, err := os.ReadFile(filepath.Join(c.dir, "poem.txt"))
			if string(content) != tt.file {
				t.Errorf("Codex wrote poem.txt with %q (%v), want %q", content, err, tt.file)
			}
		})
	}
}
