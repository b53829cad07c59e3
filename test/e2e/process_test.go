package e2e_test

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds how long a process of ours may take to say where it
// listens, on a busy machine.
const startLimit = 20 * time.Second

var listening = regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)

// A process is a running weir. It is stopped when its test ends.
type process struct {
	name    string
	address string // host:port, as it said itself
	cmd     *exec.Cmd

	mu    sync.Mutex
	lines []string      // :: what it wrote, in order; guarded by mu
	grown chan struct{} // closed and replaced with every line; guarded by mu
}

// start runs weir with args and waits until it names the address it listens
// on.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{name: "weir " + args[0], grown: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	output, input := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = input, input
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(output)
	}()
	exited := make(chan error, 1)
	go func() {
		exited <- p.cmd.Wait()
		input.Close()
	}()
	t.Cleanup(func() {
		p.stop(t, exited)
		<-read
		if t.Failed() {
			p.dump(t)
		}
	})
	line, ok := p.await(startLimit, listening.MatchString)
	if !ok {
		p.dump(t)
		t.Fatalf("%s named no address within %v", p.name, startLimit)
	}
	p.address = listening.FindString(line)
	return p
}

// stop asks p to end and makes it end. A clean stop has exit code 0.
func (p *process) stop(t *testing.T, exited <-chan error) {
	p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended on its own
	timeout := time.NewTimer(15 * time.Second)
	defer timeout.Stop()
	select {
	case err := <-exited:
		if err != nil {
			t.Errorf("%s ended with %v, want exit code 0 after SIGTERM", p.name, err)
		}
	case <-timeout.C:
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended just now
		t.Errorf("%s did not end within 15s of SIGTERM, but had to be killed: %v", p.name, <-exited)
	}
}

func (p *process) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.grown)
		p.grown = make(chan struct{})
		p.mu.Unlock()
	}
	io.Copy(io.Discard, r) //nolint:errcheck // so that the process is never blocked by us
}

// output returns all lines so far and a channel that is closed with the next.
func (p *process) output() ([]string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.lines), p.grown
}

// await waits for a line that satisfies ok.
func (p *process) await(limit time.Duration, ok func(string) bool) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for from := 0; ; {
		lines, grown := p.output()
		for _, line := range lines[from:] {
			if ok(line) {
				return line, true
			}
		}
		from = len(lines)
		select {
		case <-grown:
		case <-ctx.Done():
			return "", false
		}
	}
}

func (p *process) dump(t *testing.T) {
	lines, _ := p.output()
	if cut := len(lines) - 60; cut > 0 {
		lines = lines[cut:]
	}
	t.Logf("%s wrote, at the end:\n%s", p.name, strings.Join(lines, "\n"))
}
