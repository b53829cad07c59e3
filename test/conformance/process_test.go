package conformance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weir-gateway/weir/internal/realpart"
)

const (
	startLimit = 60 * time.Second // until a server says that it is ready, on a busy machine
	stopLimit  = 15 * time.Second // from SIGTERM until it is killed
)

// A process is a server of ours. It is stopped when its test ends.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended and its output is read

	mu   sync.Mutex
	tail []string // :: the last lines that it wrote; guarded by mu
}

// launch starts cmd and returns the first line of its output that matches
// ready. An error says that the process has ended, or is silent for too long;
// in either case it is stopped when the test ends, if not before.
func launch(t *testing.T, cmd *exec.Cmd, ready *regexp.Regexp) (line string, err error) {
	t.Helper()
	output, input := io.Pipe()
	cmd.Stdout, cmd.Stderr = input, input
	if err := cmd.Start(); err != nil {
		return "", err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	said := make(chan string, 1)
	go func() {
		cmd.Wait() //nolint:errcheck // how it ended does not matter: it has been told to, or said nothing
		input.Close()
	}()
	go func() {
		defer close(p.exited)
		p.read(output, ready, said)
	}()
	t.Cleanup(func() { p.stop(t) })
	timeout := time.NewTimer(startLimit)
	defer timeout.Stop()
	select {
	case line := <-said:
		return line, nil
	case <-p.exited:
		return "", fmt.Errorf("%s has ended:\n%s", filepath.Base(cmd.Path), p.last())
	case <-timeout.C:
		return "", fmt.Errorf("%s is not ready after %v:\n%s", filepath.Base(cmd.Path), startLimit, p.last())
	}
}

// read reads the output until it ends and sends the first line that matches.
func (p *process) read(r io.Reader, ready *regexp.Regexp, said chan<- string) {
	const keep = 40
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for found := false; lines.Scan(); {
		if !found && ready.MatchString(lines.Text()) {
			found = true
			said <- lines.Text()
		}
		p.mu.Lock()
		p.tail = append(p.tail[max(0, len(p.tail)-keep):], lines.Text())
		p.mu.Unlock()
	}
	io.Copy(io.Discard, r) //nolint:errcheck // so that the process is never blocked by us
}

func (p *process) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}

// stop asks the process to end, and makes it end.
func (p *process) stop(t *testing.T) {
	p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended on its own
	timeout := time.NewTimer(stopLimit)
	defer timeout.Stop()
	select {
	case <-p.exited:
	case <-timeout.C:
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended just now
		<-p.exited
	}
	if t.Failed() {
		t.Logf("%s wrote, at the end:\n%s", filepath.Base(p.cmd.Path), p.last())
	}
}

// startSteady serves document on a port of this machine, with the settings
// that openai-go's own script gives it, and returns its base URL.
func startSteady(t *testing.T, document string) string {
	t.Helper()
	const missing = "Steady, the mock server, is not installed — add it with: scripts/fetch.sh steady (needs npm)"
	found, err := filepath.Glob(filepath.Join(realpart.Root(t), "test/conformance/node_modules/@stdy/cli-*/bin/steady*"))
	if err != nil || len(found) == 0 {
		t.Fatal(missing)
	}
	for range 3 { // somebody else may take the port first
		address := freeAddress(t)
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = launch(t, exec.Command(found[0], "--host", host, "--port", port, "--no-color", "--quiet",
			"--validator-query-array-format=brackets", "--validator-form-array-format=brackets",
			"--validator-query-object-format=brackets", "--validator-form-object-format=brackets",
			document), regexp.MustCompile(`Ready to accept requests`))
		if err == nil {
			return "http://" + address
		}
		t.Log(err)
	}
	t.Fatal("Steady does not start")
	return ""
}

// freeAddress returns an address that nobody listened on just now: Steady
// takes no port 0.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
