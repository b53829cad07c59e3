package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"weir": func() { os.Exit(run(os.Args[1:])) },
	})
}

// TestScripts runs the program as an operator does. What it prints and how it
// exits is part of the product.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir) // where data_dir is, for whoever says nothing
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

// exits CODE COMMAND…: the command ends with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got := strconv.Itoa(code); got != args[0] {
		ts.Fatalf("%s exited with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// A process is the program in a process of its own.
type process struct {
	cmd    *exec.Cmd
	url    string
	stdout *strings.Builder
	done   chan struct{} // closed when standard output has ended
}

// build returns the path of the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

// start runs the program and waits until it says where it listens.
func start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), stdout: &strings.Builder{}, done: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = []string{"HOME=" + p.cmd.Dir}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() {
		defer close(p.done)
		_, _ = io.Copy(p.stdout, stdout)
	}()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "listens on "); ok {
			p.url, _, _ = strings.Cut(rest, " ")
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return p
		}
	}
	t.Fatalf("the program ended without a word of where it listens: %v", p.cmd.Wait())
	return nil
}

// wait returns the exit code, or fails after some time.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.done
	_ = p.cmd.Wait() // the code says it all
	if status := p.cmd.ProcessState; status.Exited() {
		return status.ExitCode()
	}
	t.Fatalf("the program was killed: %v", p.cmd.ProcessState)
	return -1
}

// stall opens a stream that does not end by itself and returns its body once
// it has begun.
func (p *process) stall(t *testing.T) io.ReadCloser {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/chat/completions",
		strings.NewReader(`{"model":"sim-stall","stream":true,"messages":[{"role":"user","content":"hello"}]}`))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return resp.Body
}

func TestSignals(t *testing.T) {
	path := build(t)
	for _, tt := range []struct {
		name    string
		signals []syscall.Signal
		busy    bool
		code    int
	}{
		{"SIGTERM with nothing to do", []syscall.Signal{syscall.SIGTERM}, false, 0},
		{"SIGINT with nothing to do", []syscall.Signal{syscall.SIGINT}, false, 0},
		{"a second signal does not wait", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, true, 128 + 2},
		{"nor the same one again", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, true, 128 + 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, path, "serve", "--simulator", "--listen", "127.0.0.1:0")
			if tt.busy {
				defer p.stall(t).Close()
			}
			for i, s := range tt.signals {
				if i > 0 {
					p.refusesConnections(t) // the first signal has arrived
				}
				if err := p.cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			if code := p.wait(t); code != tt.code {
				t.Errorf("exit code %d, want %d; it wrote\n%s", code, tt.code, p.stdout)
			}
			if !tt.busy && !strings.Contains(p.stdout.String(), `"msg":"stopped"`) {
				t.Errorf("it does not say that it has stopped:\n%s", p.stdout)
			}
		})
	}
}

// TestHangup: SIGHUP reads the configuration again, and ends nothing.
func TestHangup(t *testing.T) {
	path := build(t)
	p := start(t, path, "serve", "--simulator", "--listen", "127.0.0.1:0")
	body := p.stall(t)
	defer body.Close()
	for range 2 {
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.Get(p.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	body.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // waited for
	if code := p.wait(t); code != 0 || !strings.Contains(p.stdout.String(), `"msg":"configuration loaded","by":"SIGHUP","config":"built-in"`) {
		t.Errorf("exit code %d, want 0 after a reload; it wrote\n%s", code, p.stdout)
	}
}

func (p *process) refusesConnections(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(p.url + "/healthz")
		if err != nil {
			return
		}
		resp.Body.Close()
		<-tick.C
	}
	t.Fatal("it still takes connections after a signal")
}

// TestDrainSetting: `listen.drain` is how long a stop waits.
func TestDrainSetting(t *testing.T) {
	path := build(t)
	config := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(config, []byte("listen: { address: '127.0.0.1:0', drain: 100ms }\n"+
		"upstreams: [{ name: sim, kind: simulator }]\nmodels: [{ name: '*', targets: [{ upstream: sim }] }]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, path, "serve", "--config", config)
	body := p.stall(t)
	defer body.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(body)
	if code := p.wait(t); code != 0 || !strings.Contains(string(rest), "shutting_down") {
		t.Errorf("exit code %d after the stream ended with %q, want 0 after shutting_down", code, rest)
	}
	if !strings.Contains(p.stdout.String(), `"code":"shutting_down"`) {
		t.Errorf("the cut exchange has no log line:\n%s", p.stdout)
	}
}
